/** The jobs that stand for triggers of a real-time job: made with each of its starts, not yet in operation. */
import type { JobDefinition, JobNode } from "../domain/job.ts";
import type { JobSchedule, NodeTrigger } from "../domain/schedule.ts";
import type { Database } from "../store/database.ts";
import { putNodeJob } from "../store/node-jobs.ts";
import type { OperatedJob } from "../store/schedules.ts";

/**
 * In a transaction that holds the real-time job, which is about to start.
 * @throws Fault `job-exists` where another job has the name that a trigger's runs would have.
 */
export async function putNodeJobs(db: Database, job: OperatedJob, by: string, now: Date): Promise<void> {
  for (const node of job.definition.nodes) {
    if (node.trigger === undefined) continue;
    const { projectId, workspaceId, id: parentId } = job;
    const name = `${job.name}_${node.name}`;
    const definition = definitionOf(job.definition, node, node.trigger);
    await putNodeJob(db, { projectId, workspaceId, parentId, node: node.name, name, definition, by }, now);
  }
}

function definitionOf(
  { parameters, priority, dryRun, logPath, settings }: JobDefinition,
  { trigger: _, ...node }: JobNode,
  trigger: NodeTrigger,
): JobDefinition {
  const overlap = trigger.type === "cron" ? trigger.overlap : trigger.event.concurrent;
  return {
    kind: "batch",
    nodes: [{ ...node, after: [], conditions: [] }],
    parameters,
    schedule: scheduleOf(trigger),
    priority,
    dryRun,
    ...(logPath !== undefined && { logPath }),
    settings: { ...settings, overlap },
  };
}

function scheduleOf(trigger: NodeTrigger): JobSchedule {
  return trigger.type === "cron"
    ? { type: "cron", cron: trigger.cron }
    : { type: "event", event: trigger.event };
}
