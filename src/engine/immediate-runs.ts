/**
 * Runs that people ask for now (dataarts-factory 4.5): what is asked for while others are being written is written
 * together with all that waits, in one transaction, so that many callers share one commit.
 */
import { Fault } from "../domain/fault.ts";
import { insertActs } from "../store/audit.ts";
import { isRefusedValue } from "../store/constraints.ts";
import { type Database, transaction } from "../store/database.ts";
import { findPresentVersions, type PresentVersion } from "../store/job-versions.ts";
import type { Pinned } from "./definitions.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { RunNowRequest } from "./requests.ts";
import { type Start, startInstances } from "./start.ts";

/** Runs of one transaction. */
const TOGETHER_MAX = 100;

interface Asked {
  readonly request: RunNowRequest;
  readonly resolve: (instanceId: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Gives each caller the id of its own instance, or why there is none: Fault `job-missing`, `job-without-nodes`. */
export function createImmediateRuns(deps: OperationDeps): (request: RunNowRequest) => Promise<number> {
  const waiting: Asked[] = [];
  let writing = false;

  async function writeAll(): Promise<void> {
    writing = true;
    while (waiting.length > 0) await answer(deps, waiting.splice(0, TOGETHER_MAX));
    writing = false;
  }

  return (request) =>
    new Promise((resolve, reject) => {
      waiting.push({ request, resolve, reject });
      if (!writing) void writeAll();
    });
}

/** Never fails itself. */
async function answer(deps: OperationDeps, asked: readonly Asked[]): Promise<void> {
  try {
    const runs = await startRuns(
      deps,
      asked.map(({ request }) => request),
    );
    for (const [place, { resolve, reject }] of asked.entries()) {
      const run = runs[place];
      if (typeof run === "number") resolve(run);
      else reject(run);
    }
  } catch (error) {
    // What one of them says was refused, and with it all were: the others must not suffer for that.
    if (asked.length > 1 && isRefusedValue(error)) for (const one of asked) await answer(deps, [one]);
    else for (const { reject } of asked) reject(error);
  }
}

/** In the order of the requests: the instance's id, or why there is none. */
async function startRuns(
  deps: OperationDeps,
  requests: readonly RunNowRequest[],
): Promise<(number | Fault)[]> {
  return await transaction(deps.pool, async (db) => {
    const now = deps.now();
    const found = await findStarts(deps, db, requests, now);
    const starting = found.flatMap((start, place) => (start instanceof Fault ? [] : [{ start, place }]));
    if (starting.length === 0) return found.flatMap((start) => (start instanceof Fault ? [start] : []));
    const starts = starting.map(({ start }) => start);
    const ids = await startInstances(db, starts, { operators: deps.operators, now });
    await insertActs(
      db,
      starts.map(({ projectId, by, job }, index) => ({
        projectId,
        at: now,
        by,
        act: "run",
        object: { kind: "job", id: job.id },
        detail: { instanceId: ids[index] },
      })),
    );
    const idOf = new Map(starting.map(({ place }, index) => [place, ids[index] ?? 0]));
    return found.map((start, place) => (start instanceof Fault ? start : (idOf.get(place) ?? 0)));
  });
}

type ImmediateStart = Start & { readonly job: NonNullable<Start["job"]> };

async function findStarts(
  { definitions }: OperationDeps,
  db: Database,
  requests: readonly RunNowRequest[],
  now: Date,
): Promise<(ImmediateStart | Fault)[]> {
  const versions = await findPresentVersions(db, requests);
  const present = new Map(versions.map((version) => [nameOf(version), version]));
  const pinned = await definitions.pinnedVersions(
    versions.map(({ version, ...key }) => ({ ...key, jobVersion: version })),
  );
  const pinnedOf = new Map(versions.map((version, place) => [nameOf(version), pinned[place]]));
  return requests.map((request) =>
    startOf(request, present.get(nameOf(request)), pinnedOf.get(nameOf(request)), now),
  );
}

function startOf(
  { projectId, jobId, by, parameters = {}, origin = "test" }: RunNowRequest,
  present: PresentVersion | undefined,
  pinned: Pinned | undefined,
  now: Date,
): ImmediateStart | Fault {
  if (present === undefined || pinned === undefined)
    return new Fault("not-found", "job-missing", "The job does not exist.");
  const { workspaceId, name, version } = present;
  if (pinned.nodes.length === 0)
    return new Fault("invalid", "job-without-nodes", `Job "${name}" has no node to run.`);
  const job = { id: jobId, version };
  return { projectId, workspaceId, job, name, pinned, origin, parameters, plannedAt: now, by, waits: false };
}

function nameOf({ projectId, jobId }: { readonly projectId: string; readonly jobId: number }): string {
  return `${projectId}/${jobId}`;
}
