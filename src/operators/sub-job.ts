/** `SubJob`: runs another batch job once; what becomes of it becomes of the node. */
import { describeFailure, parametersOf, runTurns } from "./child-jobs.ts";
import { requireProperty, settleAttempt } from "./command.ts";
import { type Operator, OUTPUT_BYTES_MAX, type Outcome, type Work, type WorkContext } from "./operator.ts";

export function createSubJobOperator(): Operator {
  return {
    types: ["SubJob"],
    lane: "child",
    run: (work, context) => settleAttempt(context.signal, () => runSubJob(work, context)),
  };
}

async function runSubJob(work: Work, context: WorkContext): Promise<Outcome> {
  const jobName = requireProperty(work, "jobName");
  const run = await context.children.open(jobName);
  const turns = {
    count: 1,
    concurrency: 1,
    goOn: false,
    startOf: async (place: number) => ({ place, parameters: parametersOf(work.properties) }),
    onEnded: ({ instanceId, state }: { readonly instanceId: number; readonly state: string }) =>
      context.log(`instance ${instanceId} of job "${jobName}" ${state}\n`),
  };
  const done = await runTurns(run, turns, context);
  if (done === undefined) return { state: "cancelled" };
  const [failure] = done.failures;
  if (failure !== undefined)
    return {
      state: "failed",
      message: describeFailure(jobName, failure),
      // Somebody stopped it on purpose: another try would go against that.
      ...(failure.state === "stopped" && { permanent: true }),
    };
  const [output] = await run.outputs(OUTPUT_BYTES_MAX);
  return { state: "succeeded", ...(typeof output === "string" && { output }) };
}
