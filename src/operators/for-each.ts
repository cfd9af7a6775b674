/** `ForEach`: runs another batch job once for each row of a two-dimensional array, some at a time. */
import {
  PARAMETER_PREFIX,
  type Read,
  readConcurrency,
  readOnChildFailure,
  readRows,
} from "../domain/child-job.ts";
import type { Value } from "../domain/expression-value.ts";
import { Fault } from "../domain/fault.ts";
import { describeFailure, parametersOf, runTurns, type TurnsDone } from "./child-jobs.ts";
import { requireProperty, settleAttempt } from "./command.ts";
import {
  type ChildStart,
  type EndedChild,
  type Operator,
  OUTPUT_BYTES_MAX,
  type Outcome,
  type Work,
  type WorkContext,
} from "./operator.ts";

/** Failures that the node's message names. */
const NAMED_MAX = 3;

export function createForEachOperator(): Operator {
  return {
    types: ["ForEach"],
    lane: "child",
    isLate: (property) => property.startsWith(PARAMETER_PREFIX) || property === "nameSuffix",
    run: (work, context) => settleAttempt(context.signal, () => runForEach(work, context)),
  };
}

async function runForEach(work: Work, context: WorkContext): Promise<Outcome> {
  const jobName = requireProperty(work, "jobName");
  const { dataset = "", concurrency = "", "azalai.onChildFailure": onFailure = "" } = work.properties;
  const rows = accepted(readRows(dataset));
  const atATime = accepted(readConcurrency(concurrency));
  const run = await context.children.open(jobName);
  context.log(
    `${rows.length} rows, ${atATime} at a time${run.begun.length > 0 ? `, ${run.begun.length} begun already` : ""}\n`,
  );
  const turns = {
    count: rows.length,
    concurrency: atATime,
    goOn: accepted(readOnChildFailure(onFailure)) === "continue",
    startOf: (place: number) => startOf(work, rows, place),
    onEnded: ({ place, instanceId, state }: EndedChild, ended: number) =>
      context.log(`${ended} of ${rows.length}: row ${place} ${state} (instance ${instanceId})\n`),
  };
  const done = await runTurns(run, turns, context);
  if (done === undefined) return { state: "cancelled" };
  if (done.failures.length > 0) return failed(jobName, rows.length, done);
  return await succeeded(rows.length, await run.outputs(OUTPUT_BYTES_MAX));
}

async function startOf(work: Work, rows: readonly Value[], place: number): Promise<ChildStart> {
  const turn = { dataArray: rows, current: rows[place] ?? [], offset: place };
  const { nameSuffix = "", ...properties } = await work.lateProperties(turn);
  return {
    place,
    parameters: parametersOf(properties),
    ...(nameSuffix !== "" && { nameSuffix }),
  };
}

function failed(jobName: string, count: number, { failures, ended }: TurnsDone): Outcome {
  const named = failures
    .slice(0, NAMED_MAX)
    .map((failure) => `row ${failure.place}: ${describeFailure(jobName, failure)}`);
  const more = failures.length > NAMED_MAX ? "; …" : "";
  const left = ended < count ? `, ${count - ended} were not begun` : "";
  return {
    state: "failed",
    message: `${failures.length} of ${count} rows failed${left}: ${named.join("; ")}${more}`,
  };
}

/** `["output of row 0",null,…]`: whole outputs only, null for a row that left none. */
async function succeeded(count: number, outputs: readonly (string | null)[]): Promise<Outcome> {
  const parts: string[] = [];
  let size = 2;
  for (const output of outputs) {
    const part = JSON.stringify(output);
    size += Buffer.byteLength(part) + 1;
    if (size > OUTPUT_BYTES_MAX) break;
    parts.push(part);
  }
  const cut =
    parts.length < count ? { message: `the output holds the first ${parts.length} of ${count} rows` } : {};
  return { state: "succeeded", output: `[${parts.join(",")}]`, ...cut };
}

/** What was read; Fault `reference-invalid` for a problem. */
function accepted<T>(read: Read<T>): T {
  if ("problem" in read) throw new Fault("invalid", "reference-invalid", read.problem);
  return read.value;
}
