/** Backfills made, held, let go on and given up by people; each act with its line in the audit trail. */
import type { Backfill } from "../domain/backfill.ts";
import { Fault } from "../domain/fault.ts";
import {
  BACKFILL,
  BACKFILL_ENDED,
  type BackfillState,
  type InstanceState,
  mayMove,
} from "../domain/states.ts";
import { insertAct } from "../store/audit.ts";
import { listBackfillRunning } from "../store/backfill-runs.ts";
import { findOverlapping, insertBackfill, lockBackfill, updateBackfill } from "../store/backfills.ts";
import { type Database, transaction } from "../store/database.ts";
import {
  type BackfillPreview,
  countTimes,
  previewTimes,
  type ResolvedBackfill,
  resolveBackfill,
} from "./backfill-plan.ts";
import type { OperationDeps } from "./operation-deps.ts";
import type { BackfillControl, BackfillRequest } from "./requests.ts";
import { type Moved, moveInstance } from "./settle.ts";

export interface BackfillOperations {
  /**
   * Makes a backfill; it begins by itself, whether its job is in operation or not.
   * @throws Fault `backfill-range-invalid` (too short, or too many planned times); `backfill-invalid` with every problem;
   * `backfill-job-missing`; `backfill-schedule-missing` for a job without a cron schedule; `job-without-nodes`;
   * `backfill-exists`; `backfill-overlaps` unless forced.
   */
  readonly createBackfill: (request: BackfillRequest) => Promise<void>;
  /** What `createBackfill` would run, `shown` times at each end. Faults as there, but for other backfills. */
  readonly previewBackfill: (request: BackfillRequest, shown: number) => Promise<BackfillPreview>;
  /**
   * Starts nothing more until it goes on; what runs goes on to its end. Twice is no fault.
   * @throws Fault `backfill-missing`; `backfill-state` once it is about to end.
   */
  readonly pauseBackfill: (control: BackfillControl) => Promise<void>;
  /** Goes on; one that was not held stays as it is. Faults as `pauseBackfill`. */
  readonly resumeBackfill: (control: BackfillControl) => Promise<void>;
  /**
   * Skips what was not started. What runs is stopped with `stopRunning`, else it goes on to its end. One that has ended
   * stays as it is.
   * @throws Fault `backfill-missing`.
   */
  readonly cancelBackfill: (control: BackfillControl, stopRunning: boolean) => Promise<void>;
}

export function createBackfillOperations(deps: OperationDeps): BackfillOperations {
  return {
    createBackfill: async (request) => {
      const seen = await transaction(deps.pool, (db) => resolveBackfill(db, request));
      // Nothing is held meanwhile, since it may take a moment.
      const planned = await countTimes(seen, request.spec);
      await transaction(deps.pool, (db) => create(deps, db, request, { seen, planned }));
      deps.planChanged();
    },
    previewBackfill: async (request, shown) => {
      const seen = await transaction(deps.pool, (db) => resolveBackfill(db, request));
      return await previewTimes(seen, request.spec, shown);
    },
    pauseBackfill: (control) => hold(deps, control, "pause"),
    resumeBackfill: (control) => hold(deps, control, "resume"),
    cancelBackfill: async (control, stopRunning) => {
      const moved = await transaction(deps.pool, (db) => cancel(deps, db, control, stopRunning));
      for (const one of moved) deps.afterMove(one);
      deps.planChanged();
    },
  };
}

async function create(
  { now }: OperationDeps,
  db: Database,
  request: BackfillRequest,
  { seen, planned }: { readonly seen: ResolvedBackfill; readonly planned: number },
): Promise<void> {
  const { projectId, workspaceId, name, spec, by } = request;
  // Holds the jobs: neither is one deleted, nor another backfill of them made, before this one is there.
  await resolveBackfill(db, request);
  if (!request.force) await refuseOverlap(db, request, seen);
  const at = now();
  const backfill = {
    ...spec,
    projectId,
    workspaceId,
    name,
    state: "planning",
    zone: seen.zone,
    progress: { planned, running: 0, succeeded: 0, failed: 0, skipped: 0 },
    createdAt: at,
    createdBy: by,
  } as const;
  const id = await insertBackfill(db, backfill, seen.jobs);
  if (id === undefined)
    throw new Fault("conflict", "backfill-exists", `There is a backfill "${name}" already.`);
  const detail = {
    jobs: seen.jobs.map(({ jobName }) => jobName),
    from: spec.startsAt,
    to: spec.endsAt,
    planned,
  };
  await insertAct(db, { projectId, at, by, act: "create", object: { kind: "backfill", id: name }, detail });
}

async function refuseOverlap(
  db: Database,
  { projectId, spec: { startsAt, endsAt } }: BackfillRequest,
  { jobs }: ResolvedBackfill,
): Promise<void> {
  const range = { jobIds: jobs.map(({ jobId }) => jobId), startsAt, endsAt };
  const other = await findOverlapping(db, projectId, range);
  if (other === undefined) return;
  throw new Fault(
    "conflict",
    "backfill-overlaps",
    `Backfill "${other.name}" of job "${other.jobName}" has times in this range and has not ended.`,
  );
}

/** What each act makes of a backfill, and the states in which there is nothing to do. */
const HOLDS = {
  pause: { state: "paused", already: ["paused"] },
  resume: { state: "planning", already: ["planning", "running"] },
} as const satisfies Record<string, { state: BackfillState; already: readonly BackfillState[] }>;

async function hold(deps: OperationDeps, control: BackfillControl, act: keyof typeof HOLDS): Promise<void> {
  const { state, already } = HOLDS[act];
  await transaction(deps.pool, async (db) => {
    const backfill = await lockNamed(db, control);
    if (already.some((one) => one === backfill.state)) return;
    const reason = act === "pause" ? `paused by ${control.by}` : null;
    await write(deps, db, backfill, { act, state, reason, by: control.by });
  });
  deps.planChanged();
}

/** Of its instances; others end already, or have not begun. */
const STOPPABLE: readonly InstanceState[] = ["running", "paused", "suspended"];

async function cancel(
  deps: OperationDeps,
  db: Database,
  control: BackfillControl,
  stopRunning: boolean,
): Promise<Moved[]> {
  const backfill = await lockNamed(db, control);
  if (BACKFILL_ENDED.includes(backfill.state)) return [];
  if (backfill.state !== "cancelling") {
    const reason = `cancelled by ${control.by}`;
    await write(deps, db, backfill, { act: "cancel", state: "cancelling", reason, by: control.by });
  }
  if (!stopRunning) return [];
  const now = deps.now();
  const moved: Moved[] = [];
  for (const { instanceId } of await listBackfillRunning(db, backfill)) {
    const key = { projectId: backfill.projectId, instanceId, now };
    const change = await moveInstance(db, key, ({ progress }) =>
      STOPPABLE.includes(progress.state) ? [{ move: { type: "stop" } }] : [],
    );
    if (change !== undefined) moved.push(change);
  }
  return moved;
}

async function lockNamed(db: Database, control: BackfillControl): Promise<Backfill> {
  const backfill = await lockBackfill(db, control, control.name);
  if (backfill !== undefined) return backfill;
  throw new Fault("not-found", "backfill-missing", `There is no backfill "${control.name}".`);
}

async function write(
  { now }: OperationDeps,
  db: Database,
  backfill: Backfill,
  change: {
    readonly act: string;
    readonly state: BackfillState;
    readonly reason: string | null;
    readonly by: string;
  },
): Promise<void> {
  const { act, state, reason, by } = change;
  if (!mayMove(BACKFILL, backfill.state, state))
    throw new Fault("conflict", "backfill-state", `The backfill is ${backfill.state}.`);
  const at = now();
  const { projectId, name, progress } = backfill;
  await updateBackfill(db, backfill, { state, progress, dueAt: at, endedAt: null, reason });
  await insertAct(db, { projectId, at, by, act, object: { kind: "backfill", id: name } });
}
