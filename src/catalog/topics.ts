/** Topics as people define them, their targets' secrets sealed, and publishing to them. */
import { randomUUID } from "node:crypto";
import { Fault, invalid } from "../domain/fault.ts";
import { checkNotice, type NoticeText } from "../domain/notice.ts";
import {
  checkTarget,
  shownAddress,
  TARGETS_MAX,
  type Target,
  TOPIC_DESCRIPTION_MAX,
  TOPIC_NAME,
  TOPICS_MAX,
  type Topic,
  topicNameOf,
} from "../domain/topic.ts";
import type { Caller } from "../domain/user.ts";
import { listRulesOfTopic } from "../store/alarm-rules.ts";
import { insertAct } from "../store/audit.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import { insertNotices } from "../store/notices.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { decryptSecret, encryptSecret, type MasterKeys } from "../store/secrets.ts";
import {
  countTopics,
  deleteTarget,
  deleteTopic,
  findTopic,
  insertTarget,
  insertTopic,
  lockTopic,
} from "../store/topics.ts";

export interface TopicDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly masterKeys: MasterKeys;
}

/** Faults: `topic-invalid` with every problem, `topic-exists`, `topic-limit`. */
export async function createTopic(
  { pool, now }: TopicDeps,
  { projectId, userName: by }: Caller,
  draft: Pick<Topic, "name" | "description">,
): Promise<void> {
  const problems = checkTopic(draft);
  if (problems.length > 0) invalid("topic-invalid", problems);
  const at = now();
  await transaction(pool, async (db) => {
    if ((await countTopics(db, projectId)) >= TOPICS_MAX)
      throw new Fault("conflict", "topic-limit", `a project has at most ${TOPICS_MAX} topics`);
    if (!(await insertTopic(db, projectId, { ...draft, createdAt: at, createdBy: by })))
      throw new Fault("conflict", "topic-exists", `there is a topic "${draft.name}" already`);
    await insertAct(db, { projectId, at, by, act: "create", object: { kind: "topic", id: draft.name } });
  });
}

function checkTopic({ name, description }: Pick<Topic, "name" | "description">): string[] {
  const problems: string[] = [];
  if (!TOPIC_NAME.test(name))
    problems.push("name: must be 1 to 255 letters, digits, _ and -, beginning with a letter or a digit");
  if (description !== null && description.length > TOPIC_DESCRIPTION_MAX)
    problems.push(`description: is longer than ${TOPIC_DESCRIPTION_MAX} characters`);
  return problems;
}

/** The topic of that name. Faults: `topic-missing`. */
export async function getTopic(
  { pool }: Pick<TopicDeps, "pool">,
  projectId: string,
  name: string,
): Promise<Topic> {
  return (await findTopic(pool, projectId, name)) ?? topicMissing(name);
}

/** With all that was published to it. Faults: `topic-missing`; `object-in-use` while alarm rules tell it. */
export async function removeTopic(
  { pool, now }: TopicDeps,
  { projectId, userName: by }: Caller,
  name: string,
): Promise<void> {
  await transaction(pool, async (db) => {
    const topic = (await lockTopic(db, projectId, name)) ?? topicMissing(name);
    const rules = await listRulesOfTopic(db, projectId, topic.id);
    if (rules.length > 0)
      throw new Fault("conflict", "object-in-use", `topic "${name}" is told by ${rules.join(", ")}`);
    await deleteTopic(db, projectId, topic.id);
    const at = now();
    await insertAct(db, { projectId, at, by, act: "delete", object: { kind: "topic", id: name } });
  });
}

/** Gives the target's id. Faults: `topic-missing`, `topic-invalid` with every problem, `topic-limit`. */
export async function addTarget(
  { pool, now, masterKeys }: TopicDeps,
  { projectId, userName: by }: Caller,
  name: string,
  target: Target,
): Promise<string> {
  const problems = checkTarget(target);
  if (problems.length > 0) invalid("topic-invalid", problems);
  const id = randomUUID().replaceAll("-", "");
  const at = now();
  await transaction(pool, async (db) => {
    const topic = (await lockTopic(db, projectId, name)) ?? topicMissing(name);
    if (topic.targets.length >= TARGETS_MAX)
      throw new Fault("conflict", "topic-limit", `a topic has at most ${TARGETS_MAX} targets`);
    const sealed = encryptSecret(masterKeys, placeOf(projectId, id), JSON.stringify(target));
    const address = shownAddress(target);
    const row = { id, topicId: topic.id, address, sealed, createdAt: at, createdBy: by };
    await insertTarget(db, projectId, row);
    const object = { kind: "topic", id: name };
    await insertAct(db, { projectId, at, by, act: "add-target", object, detail: { target: id, address } });
  });
  return id;
}

/** What is on its way to it goes with it. Faults: `topic-missing`, also for a target that the topic has not. */
export async function removeTarget(
  { pool, now }: TopicDeps,
  { projectId, userName: by }: Caller,
  name: string,
  targetId: string,
): Promise<void> {
  await transaction(pool, async (db) => {
    const topic = (await lockTopic(db, projectId, name)) ?? topicMissing(name);
    if (!/^[0-9a-f]{32}$/.test(targetId) || !(await deleteTarget(db, projectId, topic.id, targetId)))
      throw new Fault("not-found", "topic-missing", `the topic "${name}" has no target ${targetId}`);
    const object = { kind: "topic", id: name };
    await insertAct(db, {
      projectId,
      at: now(),
      by,
      act: "remove-target",
      object,
      detail: { target: targetId },
    });
  });
}

/** Where a delivery goes, in clear: never logged, never kept. */
export function openTarget(
  { masterKeys }: Pick<TopicDeps, "masterKeys">,
  {
    projectId,
    targetId,
    sealed,
  }: { readonly projectId: string; readonly targetId: string; readonly sealed: Buffer },
): Target {
  return JSON.parse(decryptSecret(masterKeys, placeOf(projectId, targetId), sealed).toString());
}

/**
 * Publishes to a topic, named by its name or URN; gives how many targets are told, 0 for what was published under its
 * key before. Faults: `topic-missing`, `notice-invalid` with every problem.
 */
export async function publish(
  { pool, now }: Pick<TopicDeps, "pool" | "now">,
  projectId: string,
  { topic: topicText, key, ...text }: NoticeText & { readonly topic: string; readonly key: string },
): Promise<number> {
  const problems = checkNotice(text);
  if (problems.length > 0) invalid("notice-invalid", problems);
  const name = topicNameOf(topicText, projectId);
  const topic = name === undefined ? undefined : await findTopic(pool, projectId, name);
  if (topic === undefined) return topicMissing(topicText);
  const [published] = await insertNotices(pool, [{ ...text, projectId, topicId: topic.id, key }], now());
  return published?.targets ?? 0;
}

function placeOf(projectId: string, targetId: string) {
  return secretPlace("topic_target", `${projectId}/${targetId}`);
}

export function topicMissing(name: string): never {
  throw new Fault("not-found", "topic-missing", `there is no topic "${name}"`);
}
