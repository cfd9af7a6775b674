/** `MapReduce` and streaming: programs for Hadoop (dataarts-factory 4.2; sahara-v1.1 6). */
import { refuseCommand, settleAttempt } from "./command.ts";
import { type LocalHadoop, runMapReduceHere } from "./mapreduce-local.ts";
import { MAPREDUCE_TYPES } from "./mapreduce-task.ts";
import type { Operator } from "./operator.ts";

export function createMapReduceOperator(hadoop: LocalHadoop): Operator {
  return {
    types: MAPREDUCE_TYPES,
    lane: "process",
    run: (work, context) =>
      settleAttempt(
        context.signal,
        async () => refuseCommand(work) ?? (await runMapReduceHere(hadoop, work, context)),
      ),
  };
}
