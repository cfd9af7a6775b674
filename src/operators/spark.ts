/** `MRSSpark`, `MRSSparkPython`, `DLISpark` and Sahara's `Spark`: Spark programs in jars and in Python (dataarts-factory 4.2). */
import { refuseCommand, settleAttempt } from "./command.ts";
import type { Operator } from "./operator.ts";
import { type LocalSpark, runSparkHere } from "./spark-local.ts";

export function createSparkOperator(spark: LocalSpark): Operator {
  return {
    types: ["MRSSpark", "MRSSparkPython", "DLISpark", "Spark"],
    lane: "remote",
    run: (work, context) =>
      settleAttempt(
        context.signal,
        async () => refuseCommand(work) ?? (await runSparkHere(spark, work, context)),
      ),
  };
}
