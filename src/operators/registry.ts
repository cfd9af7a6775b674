/** All operators of this server. */
import { createBucketPathOperator } from "./bucket-paths.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import { createDataMigrationOperator } from "./data-migration.ts";
import { createDatabaseOperator } from "./database-sql.ts";
import { createDistCpOperator } from "./distcp.ts";
import { createDuckdbOperator } from "./duckdb-sql.ts";
import { createDummyOperator } from "./dummy.ts";
import { createFlinkOperator } from "./flink.ts";
import { createForEachOperator } from "./for-each.ts";
import { createHiveOperator } from "./hive-sql.ts";
import { createJavaOperator } from "./java.ts";
import type { LocalSqlServer } from "./local-engine.ts";
import { createLocalWorkSlots } from "./local-work-slots.ts";
import { createMapReduceOperator } from "./mapreduce.ts";
import { createNoticeOperator } from "./notice.ts";
import type { Operator } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { createPythonOperator } from "./python.ts";
import { createRestOperator } from "./rest.ts";
import type { OperatorSettings } from "./settings.ts";
import { createShellOperator } from "./shell.ts";
import { createSparkOperators } from "./spark.ts";
import { createSubJobOperator } from "./sub-job.ts";

/** What this machine starts for nodes that name no server; none of it where that is absent. */
export interface LocalEngines {
  readonly sql?: LocalSqlServer;
}

/** The one that stands first for a node's type runs it. */
export function createOperators(
  settings: OperatorSettings,
  runner: ProcessRunner,
  clusters: ClusterAdapters,
  local: LocalEngines = {},
): readonly Operator[] {
  const duckdb = createDuckdbOperator(settings, runner);
  const slots = createLocalWorkSlots(settings.localWorkSlots);
  return [
    createDummyOperator(),
    createShellOperator(settings, runner, clusters),
    createPythonOperator(settings, runner, clusters),
    createJavaOperator(runner, clusters),
    ...createSparkOperators({ runner, software: settings.software, slots }),
    createMapReduceOperator({
      runner,
      software: settings.software,
      slots,
      clusters,
      allowedAddresses: settings.allowedAddresses,
    }),
    duckdb,
    createDatabaseOperator(settings),
    createHiveOperator(settings, local.sql),
    createDataMigrationOperator(settings, duckdb),
    createFlinkOperator(clusters),
    createRestOperator(settings),
    createNoticeOperator(),
    createBucketPathOperator(),
    createDistCpOperator(),
    createSubJobOperator(),
    createForEachOperator(),
  ];
}

/** Ends what operators keep between attempts; call it when no attempt runs any more. */
export async function stopOperators(operators: readonly Operator[]): Promise<void> {
  await Promise.all(operators.map((operator) => operator.stop?.()));
}
