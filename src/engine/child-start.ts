/** Which job a node runs, and the transaction that begins its instances: each place of a round once. */
import { Fault } from "../domain/fault.ts";
import type { Child, ChildStart } from "../operators/operator.ts";
import { holdClaim, insertChildren, listChildren, type RoundKey } from "../store/child-instances.ts";
import type { Database } from "../store/database.ts";
import { findJob } from "../store/jobs.ts";
import type { Claim } from "../store/node-runs.ts";
import { findOperatedJob } from "../store/schedules.ts";
import { pauseWith } from "./child-pause.ts";
import {
  type Definitions,
  type InstanceFacts,
  newNodeRuns,
  type OperatorIndex,
  type Pinned,
  pin,
} from "./definitions.ts";
import { startInstances } from "./start.ts";

export interface ChildStartDeps {
  readonly pool: Database;
  readonly definitions: Definitions;
  readonly operators: OperatorIndex;
  readonly now: () => Date;
}

/** The job that a round runs, in the version that the round began with. */
export interface ChildJob {
  readonly id: number;
  readonly version: number;
  readonly name: string;
  readonly pinned: Pinned;
}

export interface ChildStartRequest {
  readonly claim: Claim;
  readonly facts: InstanceFacts;
  readonly key: RoundKey;
  readonly job: ChildJob;
  readonly starts: readonly ChildStart[];
}

/** Longest parameters of one instance, in UTF-8 bytes with their names: lists of instances carry them. */
const PARAMETERS_BYTES_MAX = 64 * 1024;

/**
 * The job that instances of the round have been begun of, else the present version of the named one.
 * @throws Fault `job-missing`, `job-kind-invalid`, `job-invalid`.
 */
export async function findChildJob(
  deps: ChildStartDeps,
  { instance }: InstanceFacts,
  { jobName, begun }: { readonly jobName: string; readonly begun: readonly Child[] },
): Promise<ChildJob> {
  const { projectId, workspaceId } = instance;
  const [first] = begun;
  const [known] = first === undefined ? [] : await deps.definitions.factsOf([{ projectId, ...first }]);
  if (known?.pinned !== undefined && known.instance.jobId !== null && known.instance.jobVersion !== null) {
    const { jobId, jobVersion } = known.instance;
    return { id: jobId, version: jobVersion, name: jobName, pinned: known.pinned };
  }
  const named = await findJob(deps.pool, { projectId, workspaceId }, jobName);
  const job = named && (await findOperatedJob(deps.pool, projectId, named.id));
  if (job === undefined) throw new Fault("not-found", "job-missing", `There is no job "${jobName}" to run.`);
  if (job.kind !== "batch")
    throw new Fault(
      "invalid",
      "job-kind-invalid",
      `The job "${jobName}" is no batch job: a node cannot run it.`,
    );
  const pinned = pin(job.definition);
  if (newNodeRuns(pinned, deps.operators).some(({ lane }) => lane === "child"))
    throw new Fault(
      "invalid",
      "job-invalid",
      `The job "${jobName}" has nodes that run jobs themselves: a node cannot run it.`,
    );
  return { id: job.id, version: job.version, name: jobName, pinned };
}

/**
 * In a transaction: begins an instance at each place that has none, and gives those of all the places. The parent's plan
 * time, user, priority and background class pass on; while it is paused, so are they.
 * @throws Fault `instance-state` where the attempt is no longer the node's; `reference-invalid` for parameters that are
 * too long.
 */
export async function startChildren(
  { operators, now }: ChildStartDeps,
  db: Database,
  { claim, facts, key, job, starts }: ChildStartRequest,
): Promise<Child[]> {
  const parentState = await holdClaim(db, claim);
  if (parentState === undefined)
    throw new Fault("conflict", "instance-state", "The node is no longer in the hands of this attempt.");
  const places = new Set(starts.map(({ place }) => place));
  const present = (await listChildren(db, key)).filter(({ place }) => places.has(place));
  const begun = new Set(present.map(({ place }) => place));
  const missing = starts.filter(({ place }) => !begun.has(place));
  const ids = await startInstances(
    db,
    missing.map(({ parameters, nameSuffix, place }) => {
      checkParameters(parameters, place);
      return {
        projectId: claim.projectId,
        workspaceId: facts.instance.workspaceId,
        job: { id: job.id, version: job.version },
        name: nameSuffix === undefined ? job.name : `${job.name}_${nameSuffix}`,
        pinned: job.pinned,
        origin: "sub-job" as const,
        parameters,
        plannedAt: facts.instance.plannedAt,
        by: facts.instance.createdBy,
        waits: false,
        background: facts.instance.background,
        priority: facts.instance.priority,
      };
    }),
    { operators, now: now() },
  );
  const children = missing.map(({ place }, index) => ({ place, instanceId: ids[index] ?? 0 }));
  if (children.length > 0) await insertChildren(db, key, children);
  if (parentState === "paused")
    await pauseWith(db, { projectId: claim.projectId, instanceId: claim.instanceId, now: now() }, ids);
  return [...present, ...children];
}

function checkParameters(parameters: Readonly<Record<string, string>>, place: number): void {
  const size = Buffer.byteLength(JSON.stringify(parameters));
  if (size <= PARAMETERS_BYTES_MAX) return;
  throw new Fault(
    "invalid",
    "reference-invalid",
    `The parameters for row ${place} have ${size} bytes, and may have ${PARAMETERS_BYTES_MAX}.`,
  );
}
