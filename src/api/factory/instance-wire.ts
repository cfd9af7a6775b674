/** Job instances as DataArts Factory v1 writes them: list query, entries and the detail answer (dataarts-factory 4.7). */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import { topologicalOrder } from "../../domain/graph.ts";
import { type Instance, type InstanceOrigin, type NodeRun, shownAt } from "../../domain/instance.ts";
import type { JobDefinition } from "../../domain/job.ts";
import { parseRowCounts } from "../../domain/row-counts.ts";
import type { InstanceState, NodeRunState } from "../../domain/states.ts";
import { instantOf, localFields } from "../../domain/zone.ts";
import type { InstanceFilter } from "../../store/instance-lists.ts";
import { wordOf } from "../query.ts";
import type { Query } from "../route.ts";
import { pageMembers } from "./request-wire.ts";
import { Milliseconds, timeMember } from "./time-wire.ts";

const DAY_MS = 86_400_000;
const PLAN_RANGE_DAYS_MAX = 7;
const LIMIT_MAX = 1000;

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
const STATE_FILTERS = {
  waiting: { states: ["waiting"] },
  running: { states: ["running", "failing", "stopping"] },
  success: { states: ["succeeded"] },
  fail: { states: ["failed"] },
  "running-exception": { states: ["suspended"] },
  pause: { states: ["paused"] },
  "manual-stop": { states: ["stopped"] },
  freeze: { states: ["frozen"] },
  "skip-by-depend": { states: ["skipped"] },
  // The Java SDK of v2 calls two of them so.
  manual: { states: ["stopped"] },
  skip: { states: ["skipped"] },
  "waiting-confirm": { states: [] },
  forceSuccess: { states: ["succeeded"], forceSuccess: true },
  ignoreSuccess: { states: ["succeeded"], ignoreSuccess: true },
} as const satisfies Readonly<Record<string, StateFilter>>;

const ORIGINS: Readonly<Record<"0" | "2" | "5" | "6" | "7", readonly InstanceOrigin[]>> = {
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

/** Largest instant that a date can hold. */
const TIME_MAX = 8_640_000_000_000_000;

/** What lists of v1 and v2 are asked for alike. */
export const InstanceChoice = {
  plannedFrom: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: TIME_MAX,
      description: "Milliseconds; today's midnight where absent.",
    }),
  ),
  plannedTo: Type.Optional(
    Type.Integer({ minimum: 0, maximum: TIME_MAX, description: "Milliseconds; now where absent." }),
  ),
  status: Type.Optional(wordOf(STATE_FILTERS)),
  origin: Type.Optional(
    wordOf(ORIGINS, { description: "0 scheduled, 2 by hand, 5 patch data, 6 sub-job, 7 once." }),
  ),
  page: pageMembers(LIMIT_MAX),
};

export const InstanceListQuery = Type.Object({
  jobName: Type.Optional(Type.String({ description: "A part of the job's name; case counts." })),
  preciseQuery: Type.Boolean({ default: false, description: "`jobName` is the whole name." }),
  minPlanTime: InstanceChoice.plannedFrom,
  maxPlanTime: InstanceChoice.plannedTo,
  status: InstanceChoice.status,
  instanceType: InstanceChoice.origin,
  ...InstanceChoice.page,
});

/** What the reading of a list's query needs beside it. */
export interface InstanceQueryContext {
  readonly workspaceId: string;
  readonly now: Date;
  /** Of "today". */
  readonly timeZone: string;
}

/** Raises `request-invalid`. Plan times default to today, from midnight in `timeZone`, until now. */
export function decodeInstanceFilter(
  query: Omit<Static<typeof InstanceListQuery>, "limit" | "offset">,
  { workspaceId, now, timeZone }: InstanceQueryContext,
  rangeDaysMax = PLAN_RANGE_DAYS_MAX,
): InstanceFilter {
  const { jobName: text = "", preciseQuery: whole, status, instanceType: origin } = query;
  checkRange(query, rangeDaysMax);
  return {
    workspaceId,
    ...(text !== "" && { jobName: { text, whole } }),
    plannedFrom: new Date(query.minPlanTime ?? midnight(now, timeZone)),
    plannedTo: new Date(query.maxPlanTime ?? now),
    ...(status !== undefined && STATE_FILTERS[status]),
    ...(origin !== undefined && { origins: ORIGINS[origin] }),
  };
}

/** A lower end of 0 asks for everything and counts as not given. */
function checkRange(
  { minPlanTime: from, maxPlanTime: to }: { readonly minPlanTime?: number; readonly maxPlanTime?: number },
  rangeDaysMax: number,
): void {
  if (from === undefined || to === undefined || from === 0) return;
  if (to - from <= rangeDaysMax * DAY_MS) return;
  invalid("request-invalid", [
    `minPlanTime, maxPlanTime: must be at most ${rangeDaysMax} days from each other`,
  ]);
}

function midnight(now: Date, timeZone: string): number {
  const local = localFields(timeZone, now.getTime());
  return instantOf(timeZone, { ...local, hour: 0, minute: 0, second: 0, millisecond: 0 });
}

const RunTimes = {
  startTime: Type.Optional(Milliseconds),
  endTime: Type.Optional(Milliseconds),
  executeTime: Type.Optional(
    Type.Integer({ minimum: 0, description: "Milliseconds, until now for one that runs." }),
  ),
};

const InstanceEntry = Type.Object({
  jobName: Type.String(),
  jobId: Type.Optional(Type.Integer()),
  jobInstanceName: Type.String(),
  instanceId: Type.Integer(),
  instancesId: Type.String({ description: "The id, for the older SDK." }),
  status: InstanceStatus,
  planTime: Milliseconds,
  ...RunTimes,
  submitTime: Milliseconds,
  instanceType: Type.Integer({ description: "0 scheduled, 2 by hand, 5 patch data, 6 sub-job, 7 once." }),
  forceSuccess: Type.Boolean({ description: "Somebody ended it as succeeded." }),
  ignoreSuccess: Type.Boolean({ description: "It succeeded although a node failed." }),
  version: Type.Optional(Type.Integer({ minimum: 1 })),
  errorMessage: Type.Optional(Type.String()),
});

/** A page of the list; `total` counts all that the query chooses. */
export const InstanceList = Type.Object({
  total: Type.Integer({ minimum: 0 }),
  instances: Type.Array(InstanceEntry),
});

/** Entry of the list. */
export function encodeInstance(written: Instance, now: Date): Static<typeof InstanceEntry> {
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

const NODE_STATES: Readonly<Record<NodeRunState, string>> = {
  waiting: "waiting",
  ready: "waiting",
  running: "running",
  succeeded: "success",
  failed: "fail",
  skipped: "skip",
  cancelled: "manual-stop",
};
const HELD = "pause";

const NodeEntry = Type.Object({
  nodeName: Type.String(),
  status: Type.Enum([...new Set([...Object.values(NODE_STATES), HELD])]),
  type: Type.String(),
  nodeType: Type.String({ description: "The type, for the older SDK." }),
  planTime: Milliseconds,
  ...RunTimes,
  retryTimes: Type.Integer({ minimum: 0 }),
  instanceId: Type.Integer(),
  inputRowCount: Type.Optional(Type.Number({ minimum: 0, description: "Rows that were read." })),
  outputRowCount: Type.Optional(Type.Number({ minimum: 0, description: "Rows that were written." })),
  speed: Type.Optional(Type.Number({ minimum: 0, description: "Rows written in a second." })),
  queue: Type.String(),
  logPath: Type.String({ description: "Empty before the first attempt." }),
  errorMessage: Type.Optional(Type.String()),
});

export const InstanceDetail = Type.Object({
  ...InstanceEntry.properties,
  total: Type.Integer({ minimum: 0, description: "How many nodes there are." }),
  nodes: Type.Array(NodeEntry),
});

/** The instance with its nodes, in the order in which they can run. */
export function encodeInstanceDetail(
  instance: Instance,
  {
    definition,
    nodeRuns,
    now,
    outputs,
  }: {
    readonly definition: JobDefinition;
    readonly nodeRuns: readonly NodeRun[];
    readonly now: Date;
    /** Of the nodes that move rows, by number. */
    readonly outputs?: ReadonlyMap<number, string>;
  },
): Static<typeof InstanceDetail> {
  const nodes = topologicalOrder(definition.nodes);
  return {
    ...encodeInstance(instance, now),
    total: nodeRuns.length,
    nodes: nodeRuns.map((run) => ({
      ...encodeNodeRun(instance, { run, node: nodes[run.nodeNo], now }),
      ...parseRowCounts(outputs?.get(run.nodeNo) ?? ""),
    })),
  };
}

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
): Static<typeof NodeEntry> {
  return {
    nodeName: node?.name ?? String(run.nodeNo),
    status: run.held ? HELD : NODE_STATES[run.state],
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
): { readonly startTime?: number; readonly endTime?: number; readonly executeTime?: number } {
  if (startedAt === null) return timeMember("endTime", endedAt);
  return {
    startTime: startedAt.getTime(),
    ...timeMember("endTime", endedAt),
    executeTime: Math.max(0, (endedAt ?? now).getTime() - startedAt.getTime()),
  };
}
