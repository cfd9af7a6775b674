/** The tables of topics and of their targets. What is secret goes in and out sealed: catalog/topics.ts holds the keys. */
import type { Topic, TopicTarget } from "../domain/topic.ts";
import { type Database, execute, query } from "./database.ts";

interface TopicRow extends Omit<Topic, "targets"> {
  readonly targets: readonly (Omit<TopicTarget, "createdAt"> & { readonly createdAt: string })[];
}

const TOPICS = `select t.id, t.name, t.description, t.created_at as "createdAt", t.created_by as "createdBy",
  coalesce((
    select jsonb_agg(jsonb_build_object(
      'id', replace(g.id::text, '-', ''), 'address', g.shown_address, 'createdAt', g.created_at, 'createdBy', g.created_by
    ) order by g.created_at, g.id)
    from topic_target g where g.project_id = t.project_id and g.topic_id = t.id
  ), '[]') as targets
  from topic t`;

/** All of a project, by name. */
export async function listTopics(db: Database, projectId: string): Promise<Topic[]> {
  const rows = await query<TopicRow>(db, "list-topics", `${TOPICS} where t.project_id = $1 order by t.name`, [
    projectId,
  ]);
  return rows.map(topicFromRow);
}

export async function findTopic(db: Database, projectId: string, name: string): Promise<Topic | undefined> {
  const rows = await query<TopicRow>(db, "find-topic", `${TOPICS} where t.project_id = $1 and t.name = $2`, [
    projectId,
    name,
  ]);
  return rows.map(topicFromRow)[0];
}

/** In a transaction: as `findTopic`; until it ends nobody else changes the topic or its targets. */
export async function lockTopic(db: Database, projectId: string, name: string): Promise<Topic | undefined> {
  await query(db, "lock-topic", "select from topic where project_id = $1 and name = $2 for no key update", [
    projectId,
    name,
  ]);
  return await findTopic(db, projectId, name);
}

/** In a transaction: the project's topics stay as many as they are until it ends. */
export async function countTopics(db: Database, projectId: string): Promise<number> {
  await query(db, "lock-project", "select from project where id = $1 for no key update", [projectId]);
  const rows = await query<{ readonly total: number }>(
    db,
    "count-topics",
    "select count(*) as total from topic where project_id = $1",
    [projectId],
  );
  return rows[0]?.total ?? 0;
}

/** False where the name is taken. */
export async function insertTopic(
  db: Database,
  projectId: string,
  topic: Pick<Topic, "name" | "description" | "createdAt" | "createdBy">,
): Promise<boolean> {
  const inserted = await execute(
    db,
    "insert-topic",
    `insert into topic (project_id, name, description, created_at, created_by) values ($1, $2, $3, $4, $5)
     on conflict (project_id, name) do nothing`,
    [projectId, topic.name, topic.description, topic.createdAt, topic.createdBy],
  );
  return inserted === 1;
}

/** With its targets, and with the notices that were published to it. */
export async function deleteTopic(db: Database, projectId: string, topicId: number): Promise<void> {
  await execute(db, "delete-topic", "delete from topic where project_id = $1 and id = $2", [
    projectId,
    topicId,
  ]);
}

export async function insertTarget(
  db: Database,
  projectId: string,
  target: TopicTarget & { readonly topicId: number; readonly sealed: Buffer },
): Promise<void> {
  await execute(
    db,
    "insert-topic-target",
    `insert into topic_target (project_id, id, topic_id, shown_address, sealed, created_at, created_by)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [projectId, target.id, target.topicId, target.address, target.sealed, target.createdAt, target.createdBy],
  );
}

/** What is on its way to it goes with it. Whether the topic had such a target. */
export async function deleteTarget(
  db: Database,
  projectId: string,
  topicId: number,
  targetId: string,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-topic-target",
    "delete from topic_target where project_id = $1 and topic_id = $2 and id = $3",
    [projectId, topicId, targetId],
  );
  return deleted === 1;
}

function topicFromRow(row: TopicRow): Topic {
  return {
    ...row,
    targets: row.targets.map((target) => ({ ...target, createdAt: new Date(target.createdAt) })),
  };
}
