/** Job instances as DataArts Factory v1 writes them: list query, entries and the detail answer (dataarts-factory 4.7). */
import { Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import { topologicalOrder } from "../../domain/graph.ts";
import { type Instance, type InstanceOrigin, type NodeRun, shownAt } from "../../domain/instance.ts";
import type { JobDefinition } from "../../domain/job.ts";
import type { InstanceState, NodeRunState } from "../../domain/states.ts";
import { instantOf, localFields } from "../../domain/zone.ts";
import type { InstanceFilter } from "../../store/instances.ts";
import { firstOf, type Query } from "../route.ts";
import { booleanOf, integerOf, meaningOf, type WireObject } from "./request-wire.ts";
import { timeMember } from "./time-wire.ts";

const DAY_MS = 86_400_000;
const PLAN_RANGE_DAYS_MAX = 7;
/** Largest instant that a date can hold. */
const TIME_MAX = 8_640_000_000_000_000;

const STATES: Readonly<Record<InstanceState, string>> = {
  waiting: "waiting",
  frozen: "freeze",
  running: "running",
  failing: "running",
  stopping: "running",
  paused: "pause",
  suspended: "running-exception",
  succeeded: "success",
  failed: "fail",
  stopped: "manual-stop",
  skipped: "skip-by-depend",
};

/** How a run stands. */
export const InstanceStatus = Type.Enum([...new Set(Object.values(STATES))]);

export function encodeInstanceState(state: InstanceState): string {
  return STATES[state];
}

type StateFilter = Pick<InstanceFilter, "states" | "forceSuccess" | "ignoreSuccess">;

/** What each status selects; some that the vendor knows never come about here. */
const STATE_FILTERS: Readonly<Record<string, StateFilter>> = {
  waiting: { states: ["waiting"] },
  running: { states: ["running", "failing", "stopping"] },
  success: { states: ["succeeded"] },
  fail: { states: ["failed"] },
  "running-exception": { states: ["suspended"] },
  pause: { states: ["paused"] },
  "manual-stop": { states: ["stopped"] },
  freeze: { states: ["frozen"] },
  "skip-by-depend": { states: ["skipped"] },
  "waiting-confirm": { states: [] },
  forceSuccess: { states: ["succeeded"], forceSuccess: true },
  ignoreSuccess: { states: ["succeeded"], ignoreSuccess: true },
};

const ORIGINS: Readonly<Record<string, readonly InstanceOrigin[]>> = {
  0: ["schedule", "event", "stream"],
  2: ["manual", "test"],
  5: ["backfill"],
  6: ["sub-job"],
  7: ["once"],
};

/** The vendor's number for why there is an instance. */
export function encodeOrigin(origin: InstanceOrigin): number {
  const entry = Object.entries(ORIGINS).find(([, origins]) => origins.includes(origin));
  return Number(entry?.[0] ?? 2);
}

/** Whether the request says nothing about which instances it wants: one client then reads the whole first page. */
export function isBareQuery(query: Query): boolean {
  return Object.values(query).every((value) => value === undefined);
}

/** What the reading of a list's query needs beside it. */
export interface InstanceQueryContext {
  readonly workspaceId: string;
  readonly now: Date;
  /** Of "today". */
  readonly timeZone: string;
}

/** Raises `request-invalid`. Plan times default to today, from midnight in `timeZone`, until now. */
export function decodeInstanceFilter(
  query: Query,
  { workspaceId, now, timeZone }: InstanceQueryContext,
  rangeDaysMax = PLAN_RANGE_DAYS_MAX,
): InstanceFilter {
  const text = firstOf(query, "jobName") ?? "";
  const whole = booleanOf(query, "preciseQuery", false);
  const from = integerOf(query, "minPlanTime", {
    least: 0,
    most: TIME_MAX,
    fallback: midnight(now, timeZone),
  });
  const to = integerOf(query, "maxPlanTime", { least: 0, most: TIME_MAX, fallback: now.getTime() });
  checkRange(query, { from, to, rangeDaysMax });
  const origins = meaningOf<readonly InstanceOrigin[] | undefined>(query, "instanceType", ORIGINS, undefined);
  return {
    workspaceId,
    ...(text !== "" && { jobName: { text, whole } }),
    plannedFrom: new Date(from),
    plannedTo: new Date(to),
    ...meaningOf(query, "status", STATE_FILTERS, {}),
    ...(origins !== undefined && { origins }),
  };
}

/** A lower end of 0 asks for everything and counts as not given. */
function checkRange(
  query: Query,
  { from, to, rangeDaysMax }: { readonly from: number; readonly to: number; readonly rangeDaysMax: number },
): void {
  if (query.minPlanTime === undefined || query.maxPlanTime === undefined || from === 0) return;
  if (to - from <= rangeDaysMax * DAY_MS) return;
  invalid("request-invalid", [
    `minPlanTime, maxPlanTime: must be at most ${rangeDaysMax} days from each other`,
  ]);
}

function midnight(now: Date, timeZone: string): number {
  const local = localFields(timeZone, now.getTime());
  return instantOf(timeZone, { ...local, hour: 0, minute: 0, second: 0, millisecond: 0 });
}

/** Entry of the list. */
export function encodeInstance(written: Instance, now: Date): WireObject {
  const instance = shownAt(written, now);
  return {
    jobName: instance.jobName,
    ...(instance.jobId !== null && { jobId: instance.jobId }),
    jobInstanceName: encodeInstanceName(instance),
    instanceId: instance.id,
    // The older SDK reads this one.
    instancesId: String(instance.id),
    status: STATES[instance.state],
    planTime: instance.plannedAt.getTime(),
    ...encodeRunTimes(instance, now),
    submitTime: instance.createdAt.getTime(),
    instanceType: encodeOrigin(instance.origin),
    forceSuccess: instance.forceSuccess,
    ignoreSuccess: instance.ignoreSuccess,
    ...(instance.jobVersion !== null && { version: instance.jobVersion }),
    ...(instance.errorMessage !== null && { errorMessage: instance.errorMessage }),
  };
}

/** Patch data's are told apart by name (dataarts-factory 5); the time is that for which they run. */
function encodeInstanceName({ origin, jobName, plannedAt }: Instance): string {
  return origin === "backfill" ? `P_${jobName}_${plannedAt.getTime()}` : jobName;
}

/** The instance with its nodes, in the order in which they can run. */
export function encodeInstanceDetail(
  instance: Instance,
  {
    definition,
    nodeRuns,
    now,
  }: {
    readonly definition: JobDefinition;
    readonly nodeRuns: readonly NodeRun[];
    readonly now: Date;
  },
): WireObject {
  const nodes = topologicalOrder(definition.nodes);
  return {
    ...encodeInstance(instance, now),
    total: nodeRuns.length,
    nodes: nodeRuns.map((run) => encodeNodeRun(instance, { run, node: nodes[run.nodeNo], now })),
  };
}

const NODE_STATES: Readonly<Record<NodeRunState, string>> = {
  waiting: "waiting",
  ready: "waiting",
  running: "running",
  succeeded: "success",
  failed: "fail",
  skipped: "skip",
  cancelled: "manual-stop",
};

function encodeNodeRun(
  instance: Instance,
  {
    run,
    node,
    now,
  }: {
    readonly run: NodeRun;
    readonly node: { readonly name: string; readonly type: string } | undefined;
    readonly now: Date;
  },
): WireObject {
  return {
    nodeName: node?.name ?? String(run.nodeNo),
    status: run.held ? "pause" : NODE_STATES[run.state],
    type: node?.type ?? "",
    // The older SDK reads this one.
    nodeType: node?.type ?? "",
    planTime: instance.plannedAt.getTime(),
    ...encodeRunTimes(run, now),
    retryTimes: run.tries,
    instanceId: instance.id,
    // Clients require the member; there are no queues of the vendor's kind.
    queue: "",
    logPath: encodeLogPath(instance.id, run),
    ...(run.message !== null && { errorMessage: run.message }),
  };
}

/** What the last attempt's log is called; empty before the first. */
export function encodeLogPath(instanceId: number, { nodeNo, attempt }: NodeRun): string {
  return attempt === 0 ? "" : `logs/${instanceId}/${nodeNo}/${attempt}`;
}

function encodeRunTimes(
  { startedAt, endedAt }: { readonly startedAt: Date | null; readonly endedAt: Date | null },
  now: Date,
): WireObject {
  if (startedAt === null) return timeMember("endTime", endedAt);
  return {
    startTime: startedAt.getTime(),
    ...timeMember("endTime", endedAt),
    executeTime: Math.max(0, (endedAt ?? now).getTime() - startedAt.getTime()),
  };
}
