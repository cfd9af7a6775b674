/** Nodes of real-time jobs in operation, as people see them: how each fares, and by which rules it is kept alive. */
import type { JobNode } from "../domain/job.ts";
import { type KeepRules, keepRulesOf } from "../domain/kept-alive.ts";
import type { Database } from "../store/database.ts";
import { findStreamInstance, type LiveNodeState, listLiveNodes } from "../store/live-nodes.ts";
import { listNodeJobs, type NodeJob } from "../store/node-jobs.ts";
import { listResumePoints, type ResumePointRow } from "../store/resume-points.ts";
import type { Definitions } from "./definitions.ts";

/** What is known of one node. */
export interface KnownNode {
  readonly run: LiveNodeState;
  readonly node: JobNode;
  readonly rules: KeepRules;
  readonly trigger: NodeJob | undefined;
  /** Where its work on a cluster can be gone on with. */
  readonly resume: ResumePointRow | undefined;
}

/** A real-time job's run in operation. */
export interface LiveRun {
  readonly instanceId: number;
  readonly startedAt: Date | null;
  /** In running order. */
  readonly nodes: readonly KnownNode[];
}

/** Undefined while the job is not in operation. */
export async function findLiveRun(
  db: Database,
  definitions: Definitions,
  projectId: string,
  jobId: number,
): Promise<LiveRun | undefined> {
  const found = await findStreamInstance(db, projectId, jobId);
  if (found === undefined) return undefined;
  const { instanceId, jobVersion, startedAt } = found;
  const [runs, triggers, points, [pinned]] = await Promise.all([
    listLiveNodes(db, projectId, instanceId),
    listNodeJobs(db, projectId, jobId),
    listResumePoints(db, projectId, jobId),
    definitions.pinnedVersions([{ projectId, jobId, jobVersion }]),
  ]);
  const nodes = runs.flatMap((run) => {
    const node = pinned?.nodes[run.nodeNo];
    if (node === undefined) return [];
    const rules = keepRulesOf(pinned?.definition.settings, node.properties);
    const trigger = triggers.find((one) => one.node === node.name);
    return [{ run, node, rules, trigger, resume: points.find((one) => one.node === node.name) }];
  });
  return { instanceId, startedAt, nodes };
}
