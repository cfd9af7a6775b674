/** The one door through which instances come to be: schedules, run-now, run-once, job executions and real-time jobs. */

import { Fault } from "../domain/fault.ts";
import type { InstanceOrigin } from "../domain/instance.ts";
import { firstLimit } from "../domain/time-limit.ts";
import type { Database } from "../store/database.ts";
import { insertInstances, type NewInstance } from "../store/instances.ts";
import type { EndAudience } from "../store/run-ends.ts";
import { newNodeRuns, type OperatorIndex, type Pinned } from "./definitions.ts";

export interface Start {
  readonly projectId: string;
  readonly workspaceId: string;
  /** Absent: the definition belongs to no job and is kept with the instance. */
  readonly job?: { readonly id: number; readonly version: number };
  /** The job's, or what the instance is called. */
  readonly name: string;
  readonly pinned: Pinned;
  readonly origin: InstanceOrigin;
  /** For this run alone; they win over the definition's. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly plannedAt: Date;
  /** Its first nodes are ready then, and not before; now where absent. */
  readonly beginsAt?: Date;
  readonly by: string;
  /** Instead of the definition's. */
  readonly priority?: number;
  /** Whether it is held until others of its job have ended (`release.ts`). */
  readonly waits: boolean;
  /** Whether it is held until somebody unfreezes it; then it waits. */
  readonly frozen?: boolean;
  /** Whether it takes only what other work leaves; not where absent. */
  readonly background?: boolean;
  /** Who is told, durably, when the instance has ended (`store/run-ends.ts`). */
  readonly tells?: EndAudience;
}

/**
 * Makes instances with all of their node runs and gives their ids in the same order. Their first nodes are ready as soon
 * as the caller's transaction is committed, or at `beginsAt`: then it wakes the workers.
 * @throws Fault `job-without-nodes`; nothing is written then.
 */
export async function startInstances(
  db: Database,
  starts: readonly Start[],
  { operators, now }: { readonly operators: OperatorIndex; readonly now: Date },
): Promise<number[]> {
  if (starts.length === 0) return [];
  for (const { name, pinned } of starts)
    if (pinned.nodes.length === 0)
      throw new Fault("invalid", "job-without-nodes", `Job "${name}" has no node to run.`);
  const instances = starts.map(({ job, name, pinned, by, tells, ...start }) => ({
    ...start,
    ...(tells !== undefined && { endAudience: tells }),
    jobName: name,
    createdBy: by,
    priority: start.priority ?? pinned.definition.priority,
    ...timeOf(start, pinned, start.beginsAt ?? now),
    nodes: newNodeRuns(pinned, operators, start.background, start),
    ...(job === undefined ? { definition: pinned.definition } : { jobId: job.id, jobVersion: job.version }),
  }));
  return await insertInstances(db, instances, now);
}

/** A real-time job runs until it is stopped. */
function timeOf(
  { origin, waits }: Pick<Start, "origin" | "waits">,
  { definition }: Pinned,
  now: Date,
): Pick<NewInstance, "timeoutSeconds" | "waitCounts" | "timesOutAt"> {
  if (origin === "stream") return {};
  const { runSeconds, runAfterWait = false } = definition.limits ?? {};
  const timesOutAt = firstLimit(definition, waits, now);
  return {
    ...(runSeconds !== undefined && { timeoutSeconds: runSeconds }),
    waitCounts: !runAfterWait,
    ...(timesOutAt !== undefined && { timesOutAt }),
  };
}
