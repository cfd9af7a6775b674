/** Which alarm rules watch which jobs. */
import type { AlarmKind } from "../domain/job-alarm.ts";
import { type Database, query } from "./database.ts";

/** Whether rule r watches job j; what a trigger of a real-time job runs is watched as that job is (`WATCHED`). */
export const WATCHES = `r.project_id = j.project_id and r.workspace_id = j.workspace_id
       and (r.job_id is null or r.job_id = j.id)
       and (r.owner is null or r.owner = j.owner)
       and (r.directory is null or r.directory in ('/', j.directory) or starts_with(j.directory, r.directory || '/'))`;

/** Job j that is asked about where job n has runs: itself, or the real-time job whose trigger it is. */
export const WATCHED = "j.project_id = n.project_id and j.id = coalesce(n.parent_id, n.id)";

/** A rule that watches a job. */
export interface WatchingRule {
  readonly projectId: string;
  readonly jobId: number;
  readonly ruleId: number;
  readonly ruleName: string;
  readonly kind: AlarmKind;
  readonly topicId: number;
  readonly topic: string;
}

/** All rules that watch one of these jobs, whatever they raise. */
export async function listWatchingRules(
  db: Database,
  jobs: readonly { readonly projectId: string; readonly jobId: number }[],
): Promise<WatchingRule[]> {
  if (jobs.length === 0) return [];
  return await query<WatchingRule>(
    db,
    "list-watching-rules",
    `select n.project_id as "projectId", n.id as "jobId", r.id as "ruleId", r.name as "ruleName", r.kind,
       r.topic_id as "topicId", p.name as topic
     from (select distinct * from unnest($1::uuid[], $2::bigint[]) as g (project_id, id)) g
     join job n using (project_id, id)
     join job j on ${WATCHED}
     join alarm_rule r on ${WATCHES}
     join topic p on p.project_id = r.project_id and p.id = r.topic_id
     order by r.id`,
    [jobs.map(({ projectId }) => projectId), jobs.map(({ jobId }) => jobId)],
  );
}

/** Of which kinds of alarms of a job a topic is told. */
export interface JobAlarm {
  readonly kind: AlarmKind;
  readonly topic: string;
}

/** What is told of each of these jobs, and to which topics; jobs that no rule watches are not in it. */
export async function listAlarmsOfJobs(
  db: Database,
  projectId: string,
  jobIds: readonly number[],
): Promise<ReadonlyMap<number, readonly JobAlarm[]>> {
  if (jobIds.length === 0) return new Map();
  const rows = await query<JobAlarm & { readonly jobId: number }>(
    db,
    "list-alarms-of-jobs",
    `select distinct j.id as "jobId", r.kind, p.name as topic
     from unnest($2::bigint[]) as g (id)
     join job j on j.project_id = $1 and j.id = g.id
     join alarm_rule r on ${WATCHES}
     join topic p on p.project_id = r.project_id and p.id = r.topic_id
     order by j.id, p.name, r.kind`,
    [projectId, jobIds],
  );
  return Map.groupBy(rows, ({ jobId }) => jobId);
}
