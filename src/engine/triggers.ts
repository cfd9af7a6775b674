/** Triggers of real-time nodes: each is a job of its own, in operation as long as its node lives. */
import type { JobNode } from "../domain/job.ts";
import { transaction } from "../store/database.ts";
import { listNodeJobs } from "../store/node-jobs.ts";
import { lockOperatedJob } from "../store/schedules.ts";
import type { InstanceFacts } from "./definitions.ts";
import { startBatch } from "./job-operations.ts";
import type { OperationDeps } from "./operation-deps.ts";

const IN_OPERATION = ["starting", "normal", "exception"];

/**
 * Puts a node's trigger into operation; nothing where it is already, or where the job was taken out of operation.
 * @throws Fault `schedule-invalid` for a source that cannot be listened to.
 */
export async function openTrigger(deps: OperationDeps, facts: InstanceFacts, node: JobNode): Promise<void> {
  const { projectId, jobId, createdBy: by, parameters } = facts.instance;
  if (jobId === null) return;
  const opened = await transaction(deps.pool, async (db) => {
    const parent = await lockOperatedJob(db, projectId, jobId);
    if (parent === undefined || !IN_OPERATION.includes(parent.status)) return false;
    const known = (await listNodeJobs(db, projectId, jobId)).find((one) => one.node === node.name);
    const job = known && (await lockOperatedJob(db, projectId, known.jobId));
    if (job === undefined || job.status !== "stopped") return false;
    await startBatch(deps, db, job, { projectId, jobId: job.id, parameters, by });
    return true;
  });
  if (opened) deps.planChanged();
}
