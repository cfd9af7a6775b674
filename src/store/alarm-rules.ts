/** The table of alarm rules. */
import type { AlarmKind, AlarmRule, RuleScope } from "../domain/job-alarm.ts";
import type { Page } from "../domain/page.ts";
import { type Database, execute, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** A rule as it was saved. */
export interface SavedRule extends AlarmRule {
  readonly id: number;
  /** Of the one job that it watches. */
  readonly jobId: number | null;
  readonly createdAt: Date;
  readonly createdBy: string;
}

interface RuleRow extends Omit<SavedRule, "scope" | "minutes"> {
  readonly minutes: number | null;
  readonly jobName: string | null;
  readonly directory: string | null;
  readonly owner: string | null;
}

const RULES = `select r.id, r.name, r.kind, r.minutes, r.job_id as "jobId", j.name as "jobName", r.directory, r.owner,
  p.name as topic, r.created_at as "createdAt", r.created_by as "createdBy"
  from alarm_rule r
  join topic p on p.project_id = r.project_id and p.id = r.topic_id
  left join job j on j.project_id = r.project_id and j.id = r.job_id`;

/** Puts a rule in place of the workspace's one of that name, if any. */
export async function putAlarmRule(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  rule: Pick<SavedRule, "name" | "kind" | "minutes" | "scope" | "jobId" | "createdAt" | "createdBy"> & {
    readonly topicId: number;
  },
): Promise<void> {
  const { scope } = rule;
  await execute(
    db,
    "put-alarm-rule",
    `insert into alarm_rule (project_id, workspace_id, name, kind, job_id, directory, owner, topic_id, created_at, created_by, minutes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (project_id, workspace_id, name) do update
     set kind = $4, job_id = $5, directory = $6, owner = $7, topic_id = $8, created_at = $9, created_by = $10, minutes = $11`,
    [
      projectId,
      workspaceId,
      rule.name,
      rule.kind,
      rule.jobId,
      scope.type === "directory" ? scope.directory : null,
      scope.type === "owner" ? scope.owner : null,
      rule.topicId,
      rule.createdAt,
      rule.createdBy,
      rule.minutes ?? null,
    ],
  );
}

/** In the transaction that saves a rule: the workspace's runs that have not ended are under its rules from now on. */
export async function alarmInstances(db: Database, { projectId, workspaceId }: WorkspaceKey): Promise<void> {
  await execute(
    db,
    "alarm-instances",
    `update instance i set alarmed = true
     from (
       select id from instance
       where project_id = $1 and workspace_id = $2 and ended_at is null and not alarmed and job_id is not null
         and id >= history_floor()
       order by id for update
     ) due
     where i.project_id = $1 and i.id = due.id and i.id >= history_floor()`,
    [projectId, workspaceId],
  );
}

/** Whether there was one. */
export async function deleteAlarmRule(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-alarm-rule",
    "delete from alarm_rule where project_id = $1 and workspace_id = $2 and name = $3",
    [projectId, workspaceId, name],
  );
  return deleted === 1;
}

/** Names of rules that tell a topic, a few of them. */
export async function listRulesOfTopic(db: Database, projectId: string, topicId: number): Promise<string[]> {
  const rows = await query<{ readonly name: string }>(
    db,
    "list-rules-of-topic",
    "select name from alarm_rule where project_id = $1 and topic_id = $2 order by name limit 5",
    [projectId, topicId],
  );
  return rows.map(({ name }) => name);
}

/** Which rules a list shows; absent members do not narrow it. */
export interface AlarmRuleFilter {
  /** A part of the name of the rule, or of its job. */
  readonly nameContains?: string;
  readonly kinds?: readonly AlarmKind[];
}

/** A page of a workspace's rules, newest first, with how many match, and how many there are of each kind. */
export async function listAlarmRules(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { nameContains = "", kinds }: AlarmRuleFilter,
  page: Page,
): Promise<{ rules: SavedRule[]; total: number; counts: Readonly<Partial<Record<AlarmKind, number>>> }> {
  const where = `where r.project_id = $1 and r.workspace_id = $2
    and (strpos(r.name, $3) > 0 or strpos(j.name, $3) > 0) and ($4::text[] is null or r.kind = any ($4))`;
  const chosen = [projectId, workspaceId, nameContains, kinds ?? null];
  const [rows, totals, counts] = await Promise.all([
    query<RuleRow>(db, "list-alarm-rules", `${RULES} ${where} order by r.id desc offset $5 limit $6`, [
      ...chosen,
      page.offset,
      page.limit,
    ]),
    query<{ readonly total: number }>(
      db,
      "count-alarm-rules",
      `select count(*) as total from alarm_rule r
       left join job j on j.project_id = r.project_id and j.id = r.job_id ${where}`,
      chosen,
    ),
    query<{ readonly kind: AlarmKind; readonly total: number }>(
      db,
      "count-alarm-rules-by-kind",
      `select kind, count(*) as total from alarm_rule where project_id = $1 and workspace_id = $2 group by kind`,
      [projectId, workspaceId],
    ),
  ]);
  return {
    rules: rows.map(ruleFromRow),
    total: totals[0]?.total ?? 0,
    counts: Object.fromEntries(counts.map(({ kind, total }) => [kind, total])),
  };
}

/** In a transaction: how many rules a workspace has, beside the one of that name; they stay so until it ends. */
export async function countOtherRules(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<number> {
  await query(
    db,
    "lock-workspace",
    "select from workspace where project_id = $1 and id = $2 for no key update",
    [projectId, workspaceId],
  );
  const rows = await query<{ readonly total: number }>(
    db,
    "count-other-alarm-rules",
    "select count(*) as total from alarm_rule where project_id = $1 and workspace_id = $2 and name <> $3",
    [projectId, workspaceId, name],
  );
  return rows[0]?.total ?? 0;
}

function ruleFromRow({ jobName, directory, owner, minutes, ...row }: RuleRow): SavedRule {
  return { ...row, ...(minutes !== null && { minutes }), scope: scopeOf(jobName, directory, owner) };
}

function scopeOf(job: string | null, directory: string | null, owner: string | null): RuleScope {
  if (job !== null) return { type: "job", job };
  if (directory !== null) return { type: "directory", directory };
  return owner === null ? { type: "workspace" } : { type: "owner", owner };
}
