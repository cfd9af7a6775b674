/** `MRSSpark`, `MRSSparkPython`, `DLISpark` and Sahara's `Spark`: Spark programs in jars and in Python (dataarts-factory 4.2). */
import { Fault } from "../domain/fault.ts";
import { refuseCommand, settleAttempt } from "./command.ts";
import { isElsewhere } from "./command-elsewhere.ts";
import type { Operator, Work } from "./operator.ts";
import { type LocalSpark, runSparkHere } from "./spark-local.ts";

export function createSparkOperators(spark: LocalSpark): readonly Operator[] {
  const run: Operator["run"] = (work, context) =>
    settleAttempt(context.signal, async () => {
      if (isElsewhere(work)) throw noService(work);
      return refuseCommand(work) ?? (await runSparkHere(spark, work, context));
    });
  return [
    { types: ["MRSSpark", "MRSSparkPython", "Spark"], lane: "process", hasCluster: true, run },
    // The cluster that it names is a queue of the vendor's own service.
    { types: ["DLISpark"], lane: "process", run },
  ];
}

function noService({ cluster, type }: Work): Fault {
  return new Fault(
    "invalid",
    "cluster-service-missing",
    `Spark programs run on the cluster "local" alone: "${cluster?.name}" is given no ${type} nodes.`,
  );
}
