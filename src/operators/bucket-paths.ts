/** `OBSManager`: makes or removes a folder of the project's buckets (dataarts-factory 4.2). */
import { refuse, requireProperty, settleAttempt } from "./command.ts";
import type { Operator, Outcome, Work, WorkContext } from "./operator.ts";

export function createBucketPathOperator(): Operator {
  return {
    types: ["OBSManager"],
    lane: "process",
    run: (work, context) => settleAttempt(context.signal, () => manage(work, context)),
  };
}

/** What is as it is wanted to be counts as done: an attempt may be tried twice. */
async function manage(work: Work, { buckets, log }: WorkContext): Promise<Outcome> {
  const action = requireProperty(work, "action").trim();
  const path = requireProperty(work, "path").trim();
  switch (action.toUpperCase()) {
    case "CREATE_PATH":
      await buckets.createFolder(path);
      log(`${path} is there\n`);
      return { state: "succeeded" };
    case "DELETE_PATH": {
      const removed = await buckets.remove(path);
      log(removed ? `removed ${path}\n` : `${path} was not there\n`);
      return { state: "succeeded" };
    }
    default:
      return refuse(`The action ${action} is none of CREATE_PATH, DELETE_PATH.`);
  }
}
