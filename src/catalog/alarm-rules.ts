/** Alarm rules as people define them: saved, and deleted. */
import { Fault, invalid } from "../domain/fault.ts";
import { ALARM_RULES_MAX, type AlarmRule, checkAlarmRule } from "../domain/job-alarm.ts";
import type { Caller } from "../domain/user.ts";
import { alarmInstances, countOtherRules, deleteAlarmRule, putAlarmRule } from "../store/alarm-rules.ts";
import { insertAct } from "../store/audit.ts";
import { type Database, transaction } from "../store/database.ts";
import { findJob } from "../store/jobs.ts";
import { lockTopic } from "../store/topics.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { topicMissing } from "./topics.ts";
import { checkWorkspace, ensureWorkspace, type WorkspaceDeps } from "./workspaces.ts";

/**
 * Puts a rule in place of the workspace's one of that name, if any; it is for runs that end from now on. Faults:
 * `alarm-rule-invalid` with every problem, `alarm-rule-limit`, `job-missing`, `topic-missing`; those of `ensureWorkspace`.
 */
export async function saveAlarmRule(
  deps: WorkspaceDeps,
  { projectId, userName: by }: Caller,
  key: WorkspaceKey,
  rule: AlarmRule,
): Promise<void> {
  const problems = checkAlarmRule(rule);
  if (problems.length > 0) invalid("alarm-rule-invalid", problems);
  const at = deps.now();
  await transaction(deps.pool, async (db) => {
    await ensureWorkspace(db, deps, key);
    if ((await countOtherRules(db, key, rule.name)) >= ALARM_RULES_MAX)
      throw new Fault(
        "conflict",
        "alarm-rule-limit",
        `a workspace has at most ${ALARM_RULES_MAX} alarm rules`,
      );
    const topic = (await lockTopic(db, projectId, rule.topic)) ?? topicMissing(rule.topic);
    const jobId = await jobOf(db, key, rule);
    await putAlarmRule(db, key, { ...rule, jobId, topicId: topic.id, createdAt: at, createdBy: by });
    await alarmInstances(db, key);
    const object = { kind: "alarm-rule", id: rule.name };
    await insertAct(db, { projectId, at, by, act: "save", object, detail: { workspace: key.workspaceId } });
  });
}

async function jobOf(db: Database, key: WorkspaceKey, { scope }: AlarmRule): Promise<number | null> {
  if (scope.type !== "job") return null;
  const job = await findJob(db, key, scope.job);
  if (job === undefined) throw new Fault("not-found", "job-missing", `there is no job "${scope.job}"`);
  return job.id;
}

/** What it raised stays recorded. Faults: `alarm-rule-missing`, `workspace-missing`. */
export async function removeAlarmRule(
  deps: WorkspaceDeps,
  { projectId, userName: by }: Caller,
  key: WorkspaceKey,
  name: string,
): Promise<void> {
  await transaction(deps.pool, async (db) => {
    await checkWorkspace(db, deps, key);
    if (!(await deleteAlarmRule(db, key, name)))
      throw new Fault("not-found", "alarm-rule-missing", `there is no alarm rule "${name}"`);
    const object = { kind: "alarm-rule", id: name };
    const detail = { workspace: key.workspaceId };
    await insertAct(db, { projectId, at: deps.now(), by, act: "delete", object, detail });
  });
}
