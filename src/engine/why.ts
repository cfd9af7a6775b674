/** Why something is not running: the blockers of an instance and its nodes, or of a job's next run. */
import type { Blocker, Holder } from "../domain/blocker.ts";
import { type Instance, type NodeRun, shownAt } from "../domain/instance.ts";
import { HELD_UNTIL } from "../domain/kept-alive.ts";
import { INSTANCE_ENDED, type InstanceState, NODE_RUN_ENDED } from "../domain/states.ts";
import {
  findDoer,
  findFreezer,
  findLaneUse,
  findOutlook,
  findOverlap,
  findPauser,
  listOpenDependencies,
  listReadyNodes,
  listUnendedInstances,
  type NodeHolder,
} from "../store/blockers.ts";
import type { Database } from "../store/database.ts";
import { findInstance, listNodeRuns } from "../store/instances.ts";
import { listFullLimits, listLimits, listSlotHolders, type SlotLimit } from "../store/limits.ts";
import type { Definitions } from "./definitions.ts";

export interface WhyDeps {
  readonly db: Database;
  readonly definitions: Definitions;
  readonly now: () => Date;
}

/** How an instance stands. */
export interface InstanceStanding {
  readonly state: InstanceState;
  readonly blockers: readonly Blocker[];
  /** Nodes at work. */
  readonly running: readonly {
    readonly node: string;
    readonly attempt: number;
    readonly since: Date | null;
  }[];
}

/** How a job stands: what keeps its next run away, and the runs that have not ended. */
export interface JobStanding {
  readonly status: string;
  readonly blockers: readonly Blocker[];
  readonly unended: readonly {
    readonly id: number;
    readonly state: InstanceState;
    readonly plannedAt: Date;
  }[];
}

/** Of each kind, at most so many are looked up: who acts begins with the first. */
const SHOWN_MAX = 20;
const LIMITS_MAX = 1000;

/** Undefined where there is no such instance. One that has ended has no blockers. */
export async function explainInstance(
  deps: WhyDeps,
  projectId: string,
  instanceId: number,
): Promise<InstanceStanding | undefined> {
  const written = await findInstance(deps.db, projectId, instanceId);
  if (written === undefined) return undefined;
  const instance = shownAt(written, deps.now());
  const { state } = instance;
  if (INSTANCE_ENDED.includes(state)) return { state, blockers: [], running: [] };
  if (instance !== written)
    return { state, blockers: [{ kind: "not-due", nextAt: instance.plannedAt }], running: [] };
  const runs = await listNodeRuns(deps.db, projectId, instanceId);
  const names = await namesOf(deps, instance);
  const running = runs
    .filter((run) => run.state === "running")
    .map((run) => ({ node: names(run.nodeNo), attempt: run.attempt, since: run.startedAt }));
  const whole = await blockersOfWhole(deps.db, instance);
  const nodes = state === "running" ? await blockersOfNodes(deps, instance, runs, names) : [];
  return { state, blockers: [...whole, ...nodes], running };
}

async function namesOf({ definitions }: WhyDeps, instance: Instance): Promise<(nodeNo: number) => string> {
  const pinned = await definitions.pinnedOf(instance);
  return (nodeNo) => pinned?.nodes[nodeNo]?.name ?? String(nodeNo);
}

async function blockersOfWhole(db: Database, instance: Instance): Promise<Blocker[]> {
  const { projectId, id: instanceId, state, jobId, plannedAt } = instance;
  if (state === "waiting") return await blockersOfWaiting(db, instance);
  if (state === "frozen") {
    const doer = jobId === null ? undefined : await findFreezer(db, projectId, jobId, plannedAt);
    return [{ kind: "frozen", ...(doer !== undefined && { doer }) }];
  }
  if (state === "paused") {
    const pauser = await findPauser(db, projectId, instanceId);
    if (pauser === undefined) return [{ kind: "paused" }];
    const { instanceId: pausedId, ...doer } = pauser;
    return [{ kind: "paused", doer, ...(pausedId !== instanceId && { pausedWith: pausedId }) }];
  }
  if (state === "suspended") return [{ kind: "suspended", message: instance.errorMessage }];
  return [];
}

async function blockersOfWaiting(db: Database, { projectId, id, jobId }: Instance): Promise<Blocker[]> {
  const dependencies = await listOpenDependencies(db, projectId, id, SHOWN_MAX);
  if (dependencies.length > 0)
    return dependencies.map((dependency) => ({ kind: "dependency", ...dependency }));
  const overlap = jobId === null ? undefined : await findOverlap(db, projectId, jobId);
  return overlap === undefined || overlap.holders.length < overlap.most
    ? []
    : [{ kind: "overlap", ...overlap }];
}

async function blockersOfNodes(
  deps: WhyDeps,
  instance: Instance,
  runs: readonly NodeRun[],
  names: (nodeNo: number) => string,
): Promise<Blocker[]> {
  const { projectId, id: instanceId } = instance;
  const blockers: Blocker[] = [];
  for (const run of runs.filter(({ state }) => state === "waiting").slice(0, SHOWN_MAX)) {
    const node = names(run.nodeNo);
    if (run.held) {
      const doer = await findDoer(deps.db, { projectId, kind: "instance", id: instanceId, node }, [
        "pause-node",
      ]);
      blockers.push({ kind: "node-held", node, ...(doer !== undefined && { doer }) });
    }
    const unended = await unendedBefore(deps, instance, runs, run.nodeNo);
    if (unended.length > 0) blockers.push({ kind: "predecessors", node, unended });
  }
  for (const ready of (await listReadyNodes(deps.db, projectId, instanceId)).slice(0, SHOWN_MAX)) {
    const run = runs.find(({ nodeNo }) => nodeNo === ready.nodeNo);
    const node = names(ready.nodeNo);
    if (run?.readyAt && run.readyAt >= HELD_UNTIL)
      blockers.push({ kind: "restarts-held", node, message: run.message });
    else if (run?.readyAt && run.readyAt > deps.now())
      blockers.push({ kind: "retry", node, notBefore: run.readyAt, message: run.message });
    else blockers.push(...(await blockersOfReady(deps, { projectId, instanceId, ...ready, node })));
  }
  return blockers;
}

async function unendedBefore(
  { definitions }: WhyDeps,
  instance: Instance,
  runs: readonly NodeRun[],
  nodeNo: number,
) {
  const nodes = (await definitions.pinnedOf(instance))?.nodes ?? [];
  return (nodes[nodeNo]?.after ?? []).flatMap((name) => {
    const before = runs[nodes.findIndex((node) => node.name === name)];
    return before === undefined || NODE_RUN_ENDED.includes(before.state)
      ? []
      : [{ node: name, state: before.state }];
  });
}

interface ReadyKey {
  readonly projectId: string;
  readonly instanceId: number;
  readonly nodeNo: number;
  readonly lane: Parameters<typeof findLaneUse>[2];
  readonly node: string;
}

async function blockersOfReady(deps: WhyDeps, key: ReadyKey): Promise<Blocker[]> {
  const { projectId, lane, node } = key;
  const { workers, running, holders } = await findLaneUse(deps.db, projectId, lane, SHOWN_MAX);
  if (workers === 0) return [{ kind: "no-worker", node }];
  const full = await listFullLimits(deps.db, key);
  if (full.length > 0) return await blockersOfLimits(deps, key, full);
  return [
    { kind: "servers-busy", node, lane, running, workers, holders: await named(deps, projectId, holders) },
  ];
}

async function blockersOfLimits(
  deps: WhyDeps,
  { projectId, node }: ReadyKey,
  full: readonly number[],
): Promise<Blocker[]> {
  const limits = await listLimits(deps.db, projectId, LIMITS_MAX);
  return await Promise.all(
    limits
      .filter(({ id }) => full.includes(id))
      .map(async (limit) => {
        const holders = (await listSlotHolders(deps.db, projectId, limit.id)) ?? [];
        const shown = holders.map(({ startedAt, ...holder }) => ({ ...holder, since: startedAt }));
        return {
          kind: "limit",
          node,
          limitId: limit.id,
          what: nameOf(limit),
          slots: limit.slots,
          holders: await named(deps, projectId, shown),
        } as const;
      }),
  );
}

function nameOf({ kind, workspaceId, connection, jobName }: SlotLimit): string {
  switch (kind) {
    case "project":
      return "the project's limit";
    case "workspace":
      return `the limit of workspace "${workspaceId}"`;
    case "connection":
      return `the limit of connection "${connection}"`;
    case "job":
      return `the limit of job "${jobName}"`;
    default:
      return kind satisfies never;
  }
}

async function named(
  { definitions }: WhyDeps,
  projectId: string,
  holders: readonly NodeHolder[],
): Promise<Holder[]> {
  const facts = await definitions.factsOf(holders.map(({ instanceId }) => ({ projectId, instanceId })));
  return holders.map(({ instanceId, jobName, nodeNo, since }, place) => ({
    instanceId,
    jobName,
    node: facts[place]?.pinned?.nodes[nodeNo]?.name ?? String(nodeNo),
    since,
  }));
}

/** Undefined where there is no such job. */
export async function explainJob(
  { db }: Pick<WhyDeps, "db">,
  projectId: string,
  jobId: number,
): Promise<JobStanding | undefined> {
  const outlook = await findOutlook(db, projectId, jobId);
  if (outlook === undefined) return undefined;
  const unended = await listUnendedInstances(db, projectId, jobId, SHOWN_MAX);
  const { status, nextAt, pausedBy, pausedAt, channel, eventError, eventReason } = outlook;
  const blockers: Blocker[] = [];
  if (status === "stopped") blockers.push({ kind: "not-in-operation" });
  if (pausedBy !== null && pausedAt !== null)
    blockers.push({ kind: "schedule-paused", doer: { by: pausedBy, at: pausedAt } });
  if (outlook.scheduled)
    blockers.push(nextAt === null ? { kind: "nothing-follows" } : { kind: "not-due", nextAt });
  if (channel !== null)
    if (outlook.eventState === "paused")
      blockers.push({ kind: "events-paused", channel, reason: eventReason });
    else if (eventError !== null) blockers.push({ kind: "events-unreachable", channel, reason: eventError });
    else blockers.push({ kind: "no-event", channel });
  const freezer = nextAt === null ? undefined : await findFreezer(db, projectId, jobId, nextAt);
  if (freezer !== undefined) blockers.push({ kind: "frozen", doer: freezer });
  return { status, blockers, unended };
}
