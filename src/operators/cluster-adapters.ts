/** The adapters that this server has, for the services that a cluster has, and what follows work on them. */
import type { ClusterService } from "../domain/cluster-services.ts";
import type { ClusterAdapter, ClusterProbe } from "./cluster-adapter.ts";
import { type ClusterCallers, createClusterCallers } from "./cluster-call.ts";
import { createFollowers } from "./cluster-follower.ts";
import { CLUSTER_TIMES, type ClusterRuns } from "./cluster-work.ts";
import { createFlinkAdapter } from "./flink-adapter.ts";
import { createFlinkCaller } from "./flink-rest.ts";
import { createFlinkSqlAdapter } from "./flink-sql-adapter.ts";
import { createHiveProbe } from "./hive-probe.ts";
import type { ServiceKind, WorkCluster } from "./operator.ts";
import { createRayAdapter } from "./ray.ts";
import type { OperatorSettings } from "./settings.ts";
import { createWebHdfs } from "./webhdfs.ts";
import { createYarnAdapter } from "./yarn.ts";
import { YARN_USER } from "./yarn-application.ts";

export interface ClusterAdapters extends ClusterRuns {
  /** Undefined where the cluster has no such service. */
  readonly adapterOf: (cluster: WorkCluster, service: ServiceKind) => ClusterAdapter | undefined;
  /** Asks a service who it is; undefined where this server does not speak to it. */
  readonly probeOf: (
    cluster: WorkCluster,
    service: ClusterService,
  ) => ((signal: AbortSignal) => Promise<ClusterProbe>) | undefined;
  readonly close: () => void;
}

/** YARN takes files from HDFS alone: without it the cluster has nothing to run. */
function yarnAdapterOf(
  allowedAddresses: readonly string[],
  callerOf: ClusterCallers["callerOf"],
  { services: { yarn, hdfs } }: WorkCluster,
): ClusterAdapter | undefined {
  if (yarn === undefined || hdfs === undefined) return undefined;
  const user = hdfs.user ?? yarn.user ?? YARN_USER;
  return createYarnAdapter({
    call: callerOf("yarn", yarn.resourceManager),
    ...(yarn.historyServer !== undefined && { historyCall: callerOf("yarn", yarn.historyServer) }),
    nodeCall: (address) => callerOf("yarn", address),
    files: (signal) => createWebHdfs(allowedAddresses, { webhdfs: hdfs.webhdfs, user }, signal),
    defaultFs: hdfs.defaultFs,
    user,
    ...(yarn.queue !== undefined && { queue: yarn.queue }),
  });
}

export function createClusterAdapters(
  settings: Pick<OperatorSettings, "allowedAddresses" | "logBytesMax" | "sql">,
): ClusterAdapters {
  const { callerOf, close } = createClusterCallers(settings.allowedAddresses);
  /** By service; those that stand here with nothing are not spoken to by this server yet. */
  const makers: Readonly<Partial<Record<ServiceKind, (cluster: WorkCluster) => ClusterAdapter | undefined>>> =
    {
      flink: ({ services: { flink } }) =>
        flink && createFlinkAdapter(createFlinkCaller(callerOf("flink", flink.rest))),
      "flink-sql": ({ services: { flink } }) => {
        if (flink?.sqlGateway === undefined) return undefined;
        const gateway = createFlinkCaller(callerOf("flink-sql", flink.sqlGateway), "/v2");
        return createFlinkSqlAdapter(createFlinkCaller(callerOf("flink", flink.rest)), gateway);
      },
      yarn: (cluster) => yarnAdapterOf(settings.allowedAddresses, callerOf, cluster),
      ray: ({ services: { ray } }) => ray && createRayAdapter(callerOf("ray", ray.dashboard)),
    };
  const adapterOf = (cluster: WorkCluster, service: ServiceKind) => makers[service]?.(cluster);
  const isKind = (service: string): service is ServiceKind => Object.hasOwn(makers, service);
  return {
    followers: createFollowers(),
    times: CLUSTER_TIMES,
    logBytesMax: settings.logBytesMax,
    adapterOf,
    probeOf: (cluster, service) => {
      if (service === "hive") return createHiveProbe(settings, cluster);
      const adapter = isKind(service) ? adapterOf(cluster, service) : undefined;
      return adapter && ((signal) => adapter.probe(signal));
    },
    close,
  };
}
