/** What a rerun changes of an instance before it begins: its parameters, and the version of the job that it runs. */
import { Fault } from "../domain/fault.ts";
import type { Database } from "../store/database.ts";
import { type LockedInstance, lockInstance } from "../store/progress.ts";
import { changeParameters, changeVersion } from "../store/reruns.ts";
import { findOperatedJob, type OperatedJob } from "../store/schedules.ts";
import { type InstanceFacts, newNodeRuns, type Pinned, pin } from "./definitions.ts";
import type { Rerun } from "./instance-acts.ts";
import type { OperationDeps } from "./operation-deps.ts";

/**
 * In the transaction of the rerun, before the instance is moved; gives what it runs from now on where that changes.
 * A node of the new version takes over the result of the old version's node of the same name.
 * @throws Fault `job-missing`, `job-without-nodes`; `node-state` while a node runs.
 */
export async function prepareRerun(
  { operators }: OperationDeps,
  db: Database,
  { projectId, instanceId }: { readonly projectId: string; readonly instanceId: number },
  { rerun, facts }: { readonly rerun: Rerun; readonly facts: InstanceFacts | undefined },
): Promise<Pinned | undefined> {
  const locked = await lockInstance(db, projectId, instanceId);
  if (locked === undefined || facts === undefined) return undefined; // whoever moves it says so
  const { parameters = {}, version = "original" } = rerun;
  if (Object.keys(parameters).length > 0) await changeParameters(db, locked, parameters);
  if (version === "original") return undefined;
  const job = await findCurrent(db, locked);
  if (job.version === locked.jobVersion) return undefined;
  if (locked.progress.nodes.some(({ state }) => state === "running"))
    throw new Fault("conflict", "node-state", "A node still runs; another version begins when it has ended.");
  const pinned = pin(job.definition);
  const wasNo = new Map(facts.pinned?.nodes.map(({ name }, nodeNo) => [name, nodeNo]));
  const nodes = newNodeRuns(pinned, operators, facts.instance.background, facts.instance).map(
    (node, nodeNo) => {
      const was = wasNo.get(pinned.nodes[nodeNo]?.name ?? "");
      return { ...node, ...(was !== undefined && { was }) };
    },
  );
  const { priority, limits } = job.definition;
  await changeVersion(db, locked, {
    version: job.version,
    priority,
    timeoutSeconds: limits?.runSeconds,
    nodes,
  });
  return pinned;
}

async function findCurrent(db: Database, { projectId, jobId }: LockedInstance): Promise<OperatedJob> {
  const job = jobId === null ? undefined : await findOperatedJob(db, projectId, jobId);
  if (job === undefined) throw new Fault("not-found", "job-missing", "The instance's job does not exist.");
  if (job.kind !== "batch")
    throw new Fault("conflict", "instance-state", `Job "${job.name}" has become a real-time job.`);
  if (job.definition.nodes.length === 0)
    throw new Fault("invalid", "job-without-nodes", `Job "${job.name}" has no node to run.`);
  return job;
}
