/** Job definitions as DataArts Factory v1 writes them: decode and the detail answer (dataarts-factory 4.1). */
import { type Static, Type } from "typebox";
import type { JobDraft } from "../../catalog/jobs.ts";
import { type FaultCode, invalid } from "../../domain/fault.ts";
import {
  type FailPolicy,
  type JobDefinition,
  type JobKind,
  type JobNode,
  type JobParameter,
  NODE_DEFAULTS,
} from "../../domain/job.ts";
import { readJobSettings } from "../../domain/job-settings.ts";
import { checkCronSchedule, type JobReference, type NodeTrigger } from "../../domain/schedule.ts";
import { DAY_SECONDS, type TimeLimits } from "../../domain/time-limit.ts";
import type { VersionedJob } from "../../store/job-versions.ts";
import { checkSchema } from "../check-schema.ts";
import { withCanonicalNames } from "./job-aliases.ts";
import { JobBody, type Node, type Parameter } from "./job-schema.ts";
import { isObject, objectBody, type WireObject, withoutNulls } from "./request-wire.ts";
import {
  type CronTrigger,
  checkTimes,
  decodeCron,
  decodeEvent,
  decodeSchedule,
  type ScheduleContext,
} from "./schedule-wire.ts";
import { Milliseconds } from "./time-wire.ts";

/** Runs of a cron trigger at a time. Source: dataarts-factory 4.1, CronTrigger. */
const TRIGGER_CONCURRENT = 10;
const CUSTOM_FIELDS_MAX = 2048;

/** The vendor's words for the kinds of jobs. */
export const JOB_KINDS = { BATCH: "batch", REAL_TIME: "real-time" } as const satisfies Readonly<
  Record<string, JobKind>
>;

export function encodeKind(kind: JobKind): keyof typeof JOB_KINDS {
  return kind === "batch" ? "BATCH" : "REAL_TIME";
}

/**
 * Reads the body of a create or update. Faults with every problem found: `job-name-missing`, `job-name-invalid`,
 * `job-kind-invalid`, `schedule-invalid`, `job-description-invalid`, `job-invalid`.
 */
export function decodeJob(body: unknown, context: ScheduleContext): JobDraft {
  const document = objectBody(body);
  const canonical = withoutNulls(withCanonicalNames(document)) as WireObject;
  refuseHead(canonical);
  refuse(checkSchema(JobBody, canonical));
  const job = canonical as Static<typeof JobBody>; // The schema has just been held against it.
  const { schedule, problems } = decodeSchedule(job.schedule, context);
  refuse([...problems, ...checkTriggers(job, context), ...checkCustomFields(job)]);
  return {
    name: job.name,
    definition: decodeDefinition(job, schedule, context),
    owner: job.basicConfig?.owner || null,
    priority: job.basicConfig?.priority ?? null,
    tags: [...new Set(job.basicConfig?.tags ?? [])],
    directory: job.directory || "/",
    singleNode: job.singleNodeJobFlag ?? false,
    singleNodeType: job.singleNodeJobType ?? null,
    document,
  };
}

/** The members that have a code of their own even where they are absent; faults as `decodeJob`. */
export function refuseHead({ name, processType, schedule }: WireObject): void {
  if (name === undefined || name === "") invalid("job-name-missing", ["name: must be given"]);
  if (typeof name !== "string") invalid("job-name-invalid", ["name: must be a text"]);
  if (typeof processType !== "string" || !Object.hasOwn(JOB_KINDS, processType))
    invalid("job-kind-invalid", ["processType: must be BATCH or REAL_TIME"]);
  if (schedule === undefined) invalid("schedule-invalid", ["schedule: must be given"]);
}

/** Raises the fault that the first kind of problem asks for, with all problems in it. */
export function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const starts = (start: RegExp) => problems.some((problem) => start.test(problem));
  const code: FaultCode = starts(/^(schedule|nodes[.]\d+[.]cron_?[tT]rigger)\b/)
    ? "schedule-invalid"
    : starts(/^description\b/)
      ? "job-description-invalid"
      : "job-invalid";
  invalid(code, problems);
}

function checkTriggers({ nodes = [] }: Static<typeof JobBody>, context: ScheduleContext): string[] {
  return nodes.flatMap(({ cronTrigger, eventTrigger }, place) => {
    if (cronTrigger === undefined) return [];
    const problems = checkTrigger(`nodes.${place}.cronTrigger`, cronTrigger, context);
    return eventTrigger === undefined
      ? problems
      : [`nodes.${place}.cronTrigger: a node has one trigger, not two`, ...problems];
  });
}

/** Of a batch job's nodes triggers are kept, without effect. */
function decodeTrigger(
  { eventTrigger, cronTrigger }: Static<typeof Node>,
  context: ScheduleContext,
): { trigger?: NodeTrigger } {
  if (eventTrigger !== undefined) return { trigger: { type: "event", event: decodeEvent(eventTrigger) } };
  if (cronTrigger === undefined) return {};
  const overlap = cronTrigger.concurrent ?? TRIGGER_CONCURRENT;
  return { trigger: { type: "cron", cron: decodeCron(cronTrigger, context), overlap } };
}

function checkTrigger(
  place: string,
  trigger: Static<typeof CronTrigger>,
  context: ScheduleContext,
): string[] {
  const problems = checkTimes(place, trigger);
  if (problems.length > 0) return problems;
  return checkCronSchedule(decodeCron(trigger, context)).map((problem) => `${place}.${problem}`);
}

function checkCustomFields({ basicConfig }: Static<typeof JobBody>): string[] {
  const fields = basicConfig?.customFields ?? {};
  if (JSON.stringify(fields).length > CUSTOM_FIELDS_MAX)
    return [`basicConfig.customFields: must be at most ${CUSTOM_FIELDS_MAX} characters`];
  return readJobSettings(fields).problems.map((problem) => `basicConfig.customFields.${problem}`);
}

function decodeDefinition(
  job: Static<typeof JobBody>,
  schedule: JobDefinition["schedule"],
  context: ScheduleContext,
): JobDefinition {
  const live = job.processType === "REAL_TIME";
  return {
    kind: live ? "real-time" : "batch",
    nodes: (job.nodes ?? []).map((node) => ({
      ...decodeNode(node),
      ...(live && decodeTrigger(node, context)),
    })),
    parameters: (job.params ?? []).map(decodeParameter),
    schedule,
    priority: job.basicConfig?.priority ?? 0,
    dryRun: job.emptyRunningJob === "1",
    ...(job.logPath && { logPath: job.logPath }),
    limits: decodeLimits(job),
    settings: readJobSettings(job.basicConfig?.customFields ?? {}).settings,
  };
}

/** A number of days means them, unless the job says that nothing is to be cleaned. */
function decodeLimits({
  basicConfig,
  cleanOverdueDays = 0,
  cleanWaitingJob,
}: Static<typeof JobBody>): TimeLimits {
  const minutes = basicConfig?.instanceTimeout ?? 0;
  const cleans = cleanOverdueDays > 0 && !["0", "false", "no"].includes(cleanWaitingJob?.toLowerCase() ?? "");
  return {
    ...(minutes > 0 && { runSeconds: minutes * 60 }),
    runAfterWait: basicConfig?.isIgnoreWaiting === 1,
    ...(cleans && { overdueSeconds: cleanOverdueDays * DAY_SECONDS }),
  };
}

export function decodeParameter({ name, value }: Static<typeof Parameter>): JobParameter {
  return { name, value: value ?? "" };
}

const FAIL_POLICIES: Readonly<Record<string, FailPolicy>> = {
  FAIL: "fail",
  IGNORE: "ignore",
  SUSPEND: "suspend",
  FAIL_CHILD: "fail-child",
};

function decodeNode(node: Static<typeof Node>): JobNode {
  const { retryTimes, retryInterval, maxExecutionTime, failPolicy } = node;
  return {
    name: node.name,
    type: node.type,
    after: [...new Set(node.preNodeName ?? [])],
    conditions: (node.conditions ?? []).map(({ preNodeName: after, expression }) => ({ after, expression })),
    properties: Object.fromEntries((node.properties ?? []).map(({ name, value }) => [name, value ?? ""])),
    retriesMax: retryTimes ?? NODE_DEFAULTS.retriesMax,
    retryDelaySeconds: retryInterval ?? NODE_DEFAULTS.retryDelaySeconds,
    retryOnTimeout: node.execTimeOutRetry === "true",
    timeoutSeconds: maxExecutionTime === undefined ? NODE_DEFAULTS.timeoutSeconds : maxExecutionTime * 60,
    failPolicy: FAIL_POLICIES[failPolicy ?? "FAIL"] ?? NODE_DEFAULTS.failPolicy,
  };
}

/** What a detail asks for. */
export const JobQuery = Type.Object({
  version: Type.Integer({
    minimum: -1,
    maximum: 2_147_483_647,
    default: -1,
    description: "-1: the present one.",
  }),
  dependencies: Type.Boolean({ default: false, description: "Whether jobs that wait for it are named." }),
  getJobSubmitVersion: Type.Boolean({
    default: false,
    description: "Says nothing: without review every save is the submitted version.",
  }),
});

export const JobDetail = Type.Object(
  {
    name: Type.String(),
    id: Type.Integer(),
    createTime: Milliseconds,
    lastUpdateUser: Type.String(),
    description: Type.String(),
    directory: Type.String(),
    version: Type.Integer({ minimum: 1 }),
    downstreamJobs: Type.Optional(
      Type.Array(Type.Object({ workSpace: Type.String(), jobName: Type.String(), jobId: Type.Integer() })),
    ),
  },
  { additionalProperties: true, description: "The definition as it was saved, and what the server knows." },
);

/**
 * The detail answer: the definition as it was stored, present names beside older ones, and what the server knows
 * of the job. `downstream` is given where the caller asked for it.
 */
export function encodeJobDetail(
  { job, version, document }: VersionedJob,
  downstream?: readonly (JobReference & { readonly id: number })[],
): WireObject {
  const named = withCanonicalNames(document);
  return {
    ...named,
    ...(Array.isArray(named.nodes) && { nodes: named.nodes.map(encodeNode) }),
    id: job.id,
    createTime: job.createdAt.getTime(),
    lastUpdateUser: job.updatedBy,
    description: named.description ?? "",
    directory: named.directory || "/",
    version,
    ...(downstream !== undefined && { downstreamJobs: downstream.map(encodeDownstream) }),
  };
}

/** The definition of a job that has another name. */
export function withName(document: WireObject, name: string): WireObject {
  return { ...document, name };
}

/** The definition of a job that has other tags. */
export function withTags(document: WireObject, tags: readonly string[]): WireObject {
  const basicConfig = isObject(document.basicConfig) ? document.basicConfig : {};
  return { ...document, basicConfig: { ...basicConfig, tags } };
}

function encodeDownstream({ workspaceId, name, id }: JobReference & { readonly id: number }) {
  return { workSpace: workspaceId, jobName: name, jobId: id };
}

/** Two things that one client needs (dataarts-factory 8): a location that is not empty, and a second spelling. */
function encodeNode(node: unknown): unknown {
  if (!isObject(node)) return node;
  const { location, cronTrigger } = node;
  const atOrigin = isObject(location) && Object.keys(location).length === 0;
  return {
    ...node,
    ...(atOrigin && { location: { x: 0, y: 0 } }),
    ...(cronTrigger !== undefined && { cron_trigger: cronTrigger }),
  };
}
