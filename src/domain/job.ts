/** A job: a named, versioned graph of nodes with its schedule, and what makes one legal. */
import { checkChildJobs } from "./child-job.ts";
import { checkTemplate } from "./expression.ts";
import { cycleIn } from "./graph.ts";
import { type JobSettings, readNodeSettings } from "./job-settings.ts";
import { checkCronSchedule, type JobSchedule, type NodeTrigger } from "./schedule.ts";
import type { TimeLimits } from "./time-limit.ts";

export type JobKind = "batch" | "real-time";

/** What a job's list shows. Batch jobs are stopped, scheduling or paused; real-time jobs the others, or stopped. */
export type JobStatus =
  | "stopped"
  | "scheduling"
  | "paused"
  | "starting"
  | "normal"
  | "exception"
  | "stopping";

/** Most nodes of a job. Source: dataarts-factory 4.1. */
export const NODES_MAX = 200;

/** A job as lists show it; its definition is kept apart. */
export interface Job {
  readonly id: number;
  readonly projectId: string;
  readonly workspaceId: string;
  /** Unique in its workspace; letters, digits, Chinese characters, `-`, `_`, `.`; 1 to 128. */
  readonly name: string;
  readonly kind: JobKind;
  /** Raised by each save, from 1. */
  readonly version: number;
  readonly status: JobStatus;
  readonly owner: string | null;
  /** 0 high, 1 medium, 2 low; null when none was given, which counts as 0. */
  readonly priority: number | null;
  readonly tags: readonly string[];
  readonly directory: string;
  readonly singleNode: boolean;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

/** What a job does: pinned by each instance through the job's version. */
export interface JobDefinition {
  readonly kind: JobKind;
  /** In topological order for a running instance (`node_no` is the place); as given otherwise. */
  readonly nodes: readonly JobNode[];
  readonly parameters: readonly JobParameter[];
  readonly schedule: JobSchedule;
  /** 0 high, 1 medium, 2 low. */
  readonly priority: number;
  /** Every node succeeds without doing anything (`emptyRunningJob`). */
  readonly dryRun: boolean;
  /** A folder `obs://bucket/…` that logs are copied to. Source: dataarts-factory 4.1. */
  readonly logPath?: string;
  /** How long an instance may wait and run; absent: as long as it takes. */
  readonly limits?: TimeLimits;
  /** Beyond the vendor's words; absent in definitions without any. */
  readonly settings?: JobSettings;
}

export interface JobParameter {
  readonly name: string;
  /** May hold expressions. */
  readonly value: string;
}

/** What happens when a node fails after its last try. Source: dataarts-factory 4.8. */
export type FailPolicy = "fail" | "ignore" | "suspend" | "fail-child";

export interface JobNode {
  /** Unique in the job. */
  readonly name: string;
  /** As the wire names it; an unknown type is kept, and fails when it runs. */
  readonly type: string;
  /** Names of the nodes that must have ended before this one starts. */
  readonly after: readonly string[];
  /** All must hold, or the node is skipped. */
  readonly conditions: readonly NodeCondition[];
  readonly properties: Readonly<Record<string, string>>;
  readonly retriesMax: number;
  readonly retryDelaySeconds: number;
  readonly retryOnTimeout: boolean;
  readonly timeoutSeconds: number;
  readonly failPolicy: FailPolicy;
  /** Of a real-time job's node alone: it does not live itself, it starts runs. */
  readonly trigger?: NodeTrigger;
}

export interface NodeCondition {
  readonly after: string;
  readonly expression: string;
}

/** Defaults of a node's members. Source: dataarts-factory 4.1, Node. */
export const NODE_DEFAULTS = {
  retriesMax: 0,
  retryDelaySeconds: 120,
  retryOnTimeout: false,
  timeoutSeconds: 3600,
  failPolicy: "fail",
} as const satisfies Partial<JobNode>;

/** What runs where a single node runs by itself, of no job. */
export function definitionOfNode(
  node: Pick<JobNode, "name" | "type" | "properties"> & Partial<Pick<JobNode, "timeoutSeconds">>,
): JobDefinition {
  return {
    kind: "batch",
    nodes: [{ ...NODE_DEFAULTS, after: [], conditions: [], ...node }],
    parameters: [],
    schedule: { type: "once" },
    priority: 0,
    dryRun: false,
  };
}

/** Most characters of a parameter's value. Source: dataarts-factory 4.1, Param. */
const PARAMETER_VALUE_MAX = 1024;

/** Of parameters of jobs, scripts and workspaces. Source: dataarts-factory 4.1, Param. */
export const PARAMETER_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** As a job's name, and `/`, `<`, `>`, which the vendor's console allows. Source: dataarts-factory 4.1, Node. */
const NODE_NAME = /^[\p{Script=Han}A-Za-z0-9._/<>-]{1,128}$/u;
const JOB_NAME = /^[\p{Script=Han}A-Za-z0-9._-]{1,128}$/u;
/** Words that are routes beside `{job_name}`. Source: dataarts-factory 4. */
const RESERVED_NAMES = ["instances", "batch-export", "check-file", "import"];

/** What is wrong with a name of a job or script; undefined when nothing is. */
export function checkName(name: string): string | undefined {
  if (JOB_NAME.test(name)) return undefined;
  return "name must be 1 to 128 letters, digits, Chinese characters, hyphens, underscores or periods";
}

/** As `checkName`, and not a word that the face's own routes use. */
export function checkJobName(name: string): string | undefined {
  if (RESERVED_NAMES.includes(name)) return `name "${name}" is reserved`;
  return checkName(name);
}

/** What is wrong with the names, lengths and expressions of parameters or variables; empty when nothing is. */
export function checkNamedValues(variables: readonly JobParameter[], valueMax: number): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const { name, value } of variables) {
    const problem = checkParameterName(name);
    if (problem !== undefined) problems.push(`params: ${problem}`);
    if (names.has(name)) problems.push(`params: the name "${name}" is used twice`);
    names.add(name);
    if (value.length > valueMax)
      problems.push(`params: the value of "${name}" is longer than ${valueMax} characters`);
    problems.push(...checkText(`params: "${name}"`, value));
  }
  return problems;
}

/** What is wrong with a parameter's name; undefined when nothing is. */
function checkParameterName(name: string): string | undefined {
  if (PARAMETER_NAME.test(name)) return undefined;
  return `"${name}" must be 1 to 64 letters, digits, hyphens or underscores`;
}

/** Everything that is wrong with parameters: names, double names, lengths, expressions; empty when they are legal. */
export function checkParameters(parameters: readonly JobParameter[]): string[] {
  return checkNamedValues(parameters, PARAMETER_VALUE_MAX);
}

/** Everything that is wrong with a definition: what concerns its schedule, and the rest; both empty when it is legal. */
export function checkDefinition(definition: JobDefinition): {
  readonly schedule: string[];
  readonly rest: string[];
} {
  const { schedule, parameters, nodes } = definition;
  const cron = schedule.type === "cron" ? schedule.cron : undefined;
  return {
    schedule: cron === undefined ? [] : checkCronSchedule(cron).map((problem) => `schedule.cron.${problem}`),
    rest: [
      ...checkParameters(parameters),
      ...checkNodes(nodes),
      ...checkExpressions(nodes),
      ...checkChildJobs(nodes),
      ...checkNodeSettings(nodes),
    ],
  };
}

/** What cannot be read in the texts of nodes that may hold expressions. */
function checkExpressions(nodes: readonly JobNode[]): string[] {
  return nodes.flatMap(({ name, properties, conditions }) => [
    ...Object.entries(properties).flatMap(([property, value]) =>
      checkText(`nodes: "${name}": property ${property}`, value),
    ),
    ...conditions.flatMap(({ after, expression }) =>
      checkText(`nodes: "${name}": condition on "${after}"`, expression),
    ),
  ]);
}

/** Where a setting is an expression, the run finds out. */
function checkNodeSettings(nodes: readonly JobNode[]): string[] {
  return nodes.flatMap(({ name, properties }) => {
    const plain = Object.entries(properties).filter(([, value]) => !value.includes("#{"));
    const { problems } = readNodeSettings(Object.fromEntries(plain));
    return problems.map((problem) => `nodes: "${name}": property ${problem}`);
  });
}

function checkText(place: string, text: string): string[] {
  return checkTemplate(text).map((problem) => `${place}: ${problem}`);
}

/** Everything that is wrong with the graph, in reading order; empty when it is legal. */
function checkNodes(nodes: readonly JobNode[]): string[] {
  const problems: string[] = [];
  if (nodes.length > NODES_MAX) problems.push(`nodes: a job has at most ${NODES_MAX} nodes`);
  const names = new Set<string>();
  for (const node of nodes) {
    if (!NODE_NAME.test(node.name))
      problems.push(
        `nodes: the name "${node.name}" must be 1 to 128 letters, digits, Chinese characters or - _ . / < >`,
      );
    if (names.has(node.name)) problems.push(`nodes: the name "${node.name}" is used twice`);
    names.add(node.name);
  }
  for (const node of nodes) problems.push(...unknownPredecessors(node, names));
  if (problems.length > 0) return problems;
  const cycle = cycleIn(nodes);
  if (cycle !== undefined) problems.push(`nodes wait for each other: ${cycle.join(" -> ")}`);
  return problems;
}

function unknownPredecessors(node: JobNode, names: ReadonlySet<string>): string[] {
  const unknownAfter = node.after
    .filter((name) => !names.has(name))
    .map((name) => `nodes: "${node.name}" waits for "${name}", which is not a node of the job`);
  const unknownConditions = node.conditions
    .filter((condition) => !node.after.includes(condition.after))
    .map(
      (condition) =>
        `nodes: "${node.name}" has a condition on "${condition.after}", for which it does not wait`,
    );
  return [...unknownAfter, ...unknownConditions];
}
