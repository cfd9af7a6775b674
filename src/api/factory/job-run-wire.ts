/** Start, run-immediate and status as DataArts Factory v1 writes them (dataarts-factory 4.5, 4.6). */
import { type Static, Type } from "typebox";
import { type CivilDate, daysInMonth } from "../../domain/civil-date.ts";
import { invalid } from "../../domain/fault.ts";
import { topologicalOrder } from "../../domain/graph.ts";
import type { Instance, NodeRun } from "../../domain/instance.ts";
import { checkParameters, type JobDefinition, type JobStatus } from "../../domain/job.ts";
import { runningDataOf } from "../../domain/running-data.ts";
import type { RunParameters, StartJobRequest } from "../../engine/requests.ts";
import type { VersionedJob } from "../../store/job-versions.ts";
import type { NodeJob } from "../../store/node-jobs.ts";
import { checkSchema } from "../check-schema.ts";
import { encodeInstanceState, encodeLogPath, InstanceStatus } from "./instance-wire.ts";
import { withParameterNames } from "./job-aliases.ts";
import { Parameter } from "./job-schema.ts";
import { decodeParameter } from "./job-wire.ts";
import { objectBody, type WireObject, withoutNulls } from "./request-wire.ts";
import { encodeTimeText } from "./time-wire.ts";

/** Of a start and of a run: each reads its own of it. */
export const RunBody = Type.Object({
  jobParams: Type.Optional(Type.Array(Parameter, { maxItems: 1000 })),
  /** A date as 20241030. */
  start_date: Type.Optional(Type.Integer({ minimum: 19700101, maximum: 99991231 })),
  ignore_first_self_dep: Type.Optional(Type.Boolean()),
  ignore_first_self_dependence: Type.Optional(Type.Boolean()),
  useExecutionUser: Type.Optional(Type.Enum(["true", "false"])),
});

/** What a start brings beside parameters. */
export type StartOptions = Pick<StartJobRequest, "parameters" | "startDate" | "firstIsFree">;

/** What a start brings; an empty body brings nothing. Raises `request-invalid`. */
export function decodeStart(body: unknown): StartOptions {
  const run = decodeRun(body);
  const { start_date: date } = run;
  const startDate = date === undefined ? undefined : dateOf(date);
  const parameters = parametersOf(run);
  return {
    parameters,
    ...(startDate !== undefined && { startDate }),
    // Terraform has a name of its own for it.
    firstIsFree: run.ignore_first_self_dep ?? run.ignore_first_self_dependence ?? false,
  };
}

/** `20241030` as a date. */
function dateOf(digits: number): CivilDate {
  const [year, month, day] = [Math.floor(digits / 10_000), Math.floor(digits / 100) % 100, digits % 100];
  if (month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)) return { year, month, day };
  return invalid("request-invalid", [`start_date: ${digits} is no date such as 20241030`]);
}

/** The parameters that a run brings; an empty body brings none. Raises `request-invalid`. */
export function decodeRunParameters(body: unknown): RunParameters {
  return parametersOf(decodeRun(body));
}

function decodeRun(body: unknown): Static<typeof RunBody> {
  const given = withoutNulls(objectBody(body)) as WireObject;
  const { jobParams } = given;
  const named = Array.isArray(jobParams) ? { ...given, jobParams: jobParams.map(withParameterNames) } : given;
  const problems = checkSchema(RunBody, named);
  if (problems.length > 0) invalid("request-invalid", problems);
  return named as Static<typeof RunBody>; // The schema has just been held against it.
}

function parametersOf(run: Static<typeof RunBody>): RunParameters {
  const parameters = (run.jobParams ?? []).map(decodeParameter);
  const further = checkParameters(parameters);
  if (further.length > 0) invalid("request-invalid", further);
  return Object.fromEntries(parameters.map(({ name, value }) => [name, value]));
}

/** A batch job counts as normal while it is in operation. */
const STATUSES: Readonly<Record<JobStatus, string>> = {
  stopped: "STOPPED",
  scheduling: "NORMAL",
  paused: "PAUSE",
  starting: "STARTING",
  normal: "NORMAL",
  exception: "EXCEPTION",
  stopping: "STOPPING",
};

const Status = Type.Enum([...new Set(Object.values(STATUSES))]);

/** A job's latest run. */
export interface LastRun {
  readonly instance: Instance;
  readonly definition: JobDefinition;
  readonly nodeRuns: readonly NodeRun[];
  /** Of a real-time job's nodes: their runs are their own. */
  readonly triggers: readonly NodeJob[];
}

/** Of a run that was begun. */
export const RunStarted = Type.Object({ instanceId: Type.Integer() });

const TimeText = Type.String({ description: "As 2026-11-23T06:54:27Z." });

const NodeStatus = Type.Object({
  name: Type.String(),
  status: Status,
  type: Type.String(),
  nodeType: Type.String({ description: "The type, for the SDKs." }),
  logPath: Type.String({ description: "Empty before the first attempt." }),
  lastInstanceStatus: Type.Optional(InstanceStatus),
  runningData: Type.Optional(
    Type.String({ description: "JSON of its last attempt, as the expression Job.getRunningData gives it." }),
  ),
  extendCounter: Type.Optional(
    Type.String({
      description: "JSON: its attempts, reruns included, and how many of them followed a failure.",
    }),
  ),
});

export const JobState = Type.Object({
  name: Type.String(),
  status: Status,
  startTime: Type.Optional(TimeText),
  starttime: Type.Optional(TimeText),
  endTime: Type.Optional(TimeText),
  lastUpdateTime: TimeText,
  createUser: Type.String(),
  lastModifiyUser: Type.String(),
  nodes: Type.Array(NodeStatus),
});

/** Some members come under two names, because the SDKs disagree. */
export function encodeJobStatus(
  { job, definition }: VersionedJob,
  last: LastRun | undefined,
): Static<typeof JobState> {
  const status = STATUSES[job.status];
  const startTime = last?.instance.startedAt ?? null;
  const endTime = last?.instance.endedAt ?? null;
  return {
    name: job.name,
    status,
    ...(startTime !== null && {
      startTime: encodeTimeText(startTime),
      starttime: encodeTimeText(startTime),
    }),
    ...(endTime !== null && { endTime: encodeTimeText(endTime) }),
    lastUpdateTime: encodeTimeText(job.updatedAt),
    createUser: job.createdBy,
    lastModifiyUser: job.updatedBy,
    nodes: definition.nodes.map(({ name, type }) => encodeNodeStatus({ name, type, status, last })),
  };
}

function encodeNodeStatus({
  name,
  type,
  status,
  last,
}: {
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly last: LastRun | undefined;
}): Static<typeof NodeStatus> {
  const run = last === undefined ? undefined : nodeRunOf(last, name);
  const runs = status !== "STOPPED" && last?.instance.origin === "stream";
  const trigger = last?.triggers.find((one) => one.node === name);
  const lastState = trigger === undefined ? last?.instance.state : (trigger.lastState ?? undefined);
  return {
    name,
    status: runs && run !== undefined ? encodeLiveNode(run, trigger) : status,
    type,
    nodeType: type,
    logPath: last === undefined || run === undefined ? "" : encodeLogPath(last.instance.id, run),
    ...(lastState !== undefined && { lastInstanceStatus: encodeInstanceState(lastState) }),
    ...(run !== undefined && run.attempt > 0 && encodeCounters(run)),
  };
}

/** Texts, as the vendor's are; what they say is ours. */
function encodeCounters(run: NodeRun) {
  const { attempt: attempts, tries: retries } = run;
  return {
    runningData: JSON.stringify(runningDataOf(run)),
    extendCounter: JSON.stringify({ attempts, retries }),
  };
}

function nodeRunOf({ definition, nodeRuns }: LastRun, name: string): NodeRun | undefined {
  const nodeNo = topologicalOrder(definition.nodes).findIndex((node) => node.name === name);
  return nodeRuns.find((run) => run.nodeNo === nodeNo);
}

/** A node of a real-time job that is kept alive: running, before its first try, or between two. */
function encodeLiveNode({ state, attempt }: NodeRun, trigger: NodeJob | undefined): string {
  if (trigger?.status === "paused") return "EXCEPTION";
  if (state === "running") return "NORMAL";
  if (state !== "ready" && state !== "waiting") return "STOPPED";
  return attempt === 0 ? "STARTING" : "EXCEPTION";
}
