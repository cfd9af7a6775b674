/** Asks a HiveServer2 or a Spark thrift server who it is: for a try at a connection, and for the watch over clusters. */
import { createAddressGuard } from "./address-guard.ts";
import type { ClusterProbe } from "./cluster-adapter.ts";
import { hiveOf, hiveTarget } from "./hive-connection.ts";
import { openHiveLine } from "./hive-line.ts";
import type { WorkCluster, WorkConnection } from "./operator.ts";
import type { OperatorSettings } from "./settings.ts";

type ProbeSettings = Pick<OperatorSettings, "allowedAddresses" | "sql">;

/** Opens a session there; rejects with the reason where that cannot be had. */
export async function probeHive(
  { allowedAddresses, sql }: ProbeSettings,
  connection: Pick<WorkConnection, "name" | "config">,
  signal: AbortSignal,
): Promise<ClusterProbe> {
  const target = await hiveTarget(sql, createAddressGuard(allowedAddresses), connection);
  const line = await openHiveLine(target, undefined, signal);
  signal.addEventListener("abort", line.abandon, { once: true });
  try {
    const session = await line.session();
    const version = await session.info("version");
    return {
      version,
      detail: `${await session.info("name")} ${version}, as "${target.user || "anonymous"}"`,
    };
  } finally {
    signal.removeEventListener("abort", line.abandon);
    await line.close();
  }
}

/** Undefined where the cluster has no such service. */
export function createHiveProbe(
  settings: ProbeSettings,
  cluster: WorkCluster,
): ((signal: AbortSignal) => Promise<ClusterProbe>) | undefined {
  if (cluster.services.hive === undefined) return undefined;
  return (signal) => probeHive(settings, hiveOf(cluster), signal);
}
