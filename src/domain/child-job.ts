/** Nodes that run other jobs, `SubJob` and `ForEach`: their properties, and what a save can find wrong with them. */
import { isList, plainValue, type Value } from "./expression-value.ts";

/** Types of nodes that run another job. A job that has one cannot be run by another. */
export const CHILD_JOB_TYPES: readonly string[] = ["SubJob", "ForEach"];

/** `jobParam.<name>` is the value of the other job's parameter `<name>`. Source: dataarts-factory 4.2. */
export const PARAMETER_PREFIX = "jobParam.";

/** Rows of a ForEach. */
const ROWS_MAX = 10_000;
/** Instances that a ForEach has under way, where it says nothing and at most. */
const CONCURRENCY_DEFAULT = 5;
const CONCURRENCY_MAX = 200;

/** What a ForEach does when the job fails for a row: begin no further rows, or go on to the last. */
export const ON_CHILD_FAILURE = ["stop", "continue"] as const;
export type OnChildFailure = (typeof ON_CHILD_FAILURE)[number];

/** What was read, or what is wrong with it. */
export type Read<T> = { readonly value: T } | { readonly problem: string };

interface NodeProperties {
  readonly name: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** Everything that is wrong with the nodes that run other jobs, as far as no expression stands in the way. */
export function checkChildJobs(nodes: readonly NodeProperties[]): string[] {
  return nodes.filter(runsJob).flatMap((node) => {
    const problems =
      node.type === "ForEach" ? [...jobNameProblems(node), ...loopProblems(node)] : jobNameProblems(node);
    return problems.map((problem) => `nodes: "${node.name}": ${problem}`);
  });
}

/** Names of the jobs that the nodes run, as far as no expression gives them. */
export function childJobNames(nodes: readonly NodeProperties[]): string[] {
  const names = nodes.filter(runsJob).map(({ properties }) => properties.jobName ?? "");
  return [...new Set(names.filter((name) => !isOpen(name)))];
}

/** Whether one of the nodes runs another job. */
export function runsJobs(nodes: readonly { readonly type: string }[]): boolean {
  return nodes.some(runsJob);
}

function runsJob({ type }: { readonly type: string }): boolean {
  return CHILD_JOB_TYPES.includes(type);
}

function jobNameProblems({ properties }: NodeProperties): string[] {
  return properties.jobName ? [] : ["its property jobName is missing: the job that it runs"];
}

function loopProblems({ properties }: NodeProperties): string[] {
  const { dataset = "", concurrency = "", "azalai.onChildFailure": onFailure = "" } = properties;
  const read = [
    ...(isOpen(dataset) ? [] : [readRows(dataset)]),
    ...(isOpen(concurrency) ? [] : [readConcurrency(concurrency)]),
    ...(isOpen(onFailure) ? [] : [readOnChildFailure(onFailure)]),
  ];
  return read.flatMap((one) => ("problem" in one ? one.problem : []));
}

/** Whether what the text says is known only when it runs. */
function isOpen(text: string): boolean {
  return text.includes("#{") || text.includes("${");
}

/** The rows of a dataset: JSON, an array of arrays. */
export function readRows(dataset: string): Read<readonly Value[]> {
  let data: Value;
  try {
    data = plainValue(JSON.parse(dataset));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { problem: `its dataset is not JSON: ${error.message}` };
  }
  if (!isList(data)) return { problem: 'its dataset is no array of rows such as [["a",1],["b",2]]' };
  if (data.length > ROWS_MAX)
    return { problem: `its dataset has ${data.length} rows, and may have ${ROWS_MAX}` };
  const odd = data.findIndex((row) => !isList(row));
  return odd < 0 ? { value: data } : { problem: `row ${odd} of its dataset is no array` };
}

/** 1 to `CONCURRENCY_MAX`; blank is the default. */
export function readConcurrency(text: string): Read<number> {
  if (text.trim() === "") return { value: CONCURRENCY_DEFAULT };
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= CONCURRENCY_MAX) return { value };
  return { problem: `concurrency is "${text}", and must be a whole number from 1 to ${CONCURRENCY_MAX}` };
}

/** Blank is `stop`. */
export function readOnChildFailure(text: string): Read<OnChildFailure> {
  const value = text === "" ? "stop" : ON_CHILD_FAILURE.find((known) => known === text);
  if (value !== undefined) return { value };
  return { problem: `azalai.onChildFailure is "${text}", and must be ${ON_CHILD_FAILURE.join(" or ")}` };
}
