/** Commands on a cluster in the place of this server: `Shell`, `Python` and `Java` nodes that are sent there. */
import { Readable } from "node:stream";
import { LOCAL_CLUSTER_NAME } from "../domain/cluster.ts";
import { Fault } from "../domain/fault.ts";
import type { OwnLane } from "../domain/instance.ts";
import type { TaskFile } from "./cluster-adapter.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import { runOnCluster } from "./cluster-work.ts";
import { attemptFiles, type NodeCommand } from "./command.ts";
import type { Outcome, ServiceKind, Work, WorkCluster, WorkContext } from "./operator.ts";

/** A command with the text of its own script, where it has one. */
export interface NodeProgram {
  readonly command: NodeCommand;
  readonly script?: { readonly name: string; readonly text: string };
}

/** Services that run any command; the first that a cluster has is taken. */
const COMMAND_SERVICES: readonly ServiceKind[] = ["yarn", "ray"];

/** A process here, unless the node or its job names a cluster for it; the names of its owner's defaults come along. */
export function commandLane(
  { properties }: { readonly properties: Readonly<Record<string, string>> },
  { cluster: byDefault }: { readonly cluster?: string },
): OwnLane {
  const named = properties["azalai.cluster"] || byDefault || LOCAL_CLUSTER_NAME;
  return named === LOCAL_CLUSTER_NAME ? "process" : "remote";
}

/** Whether the node goes to a cluster. */
export function isElsewhere({ cluster }: Work): boolean {
  return cluster !== undefined && !cluster.local;
}

/** Runs the program where `isElsewhere` says. Fault `cluster-service-missing` where the cluster runs no commands. */
export async function runElsewhere(
  clusters: ClusterAdapters,
  program: NodeProgram,
  work: Work,
  context: WorkContext,
): Promise<Outcome> {
  const { cluster } = work;
  if (cluster === undefined) throw new RangeError("the node has no cluster");
  const [adapter] = COMMAND_SERVICES.flatMap((service) => clusters.adapterOf(cluster, service) ?? []);
  if (adapter === undefined)
    throw new Fault(
      "invalid",
      "cluster-service-missing",
      `Cluster "${cluster.name}" runs no ${work.type} nodes: it would need one of the services ${COMMAND_SERVICES.join(", ")}.`,
    );
  const environment = { ...program.command.environment, ...placesOf(work, cluster) };
  const prepare = async (key: string) => ({
    key,
    name: work.nodeName,
    confs: {},
    program: {
      form: "command" as const,
      argv: [program.command.command, ...program.command.args],
      environment,
      files: filesOf(program, work, context),
    },
  });
  return await runOnCluster(clusters, { cluster, adapter, prepare }, work, context);
}

/** Addresses of data sources that a program on a cluster reads and writes by itself. */
const OF_CLUSTERS = /^(?:hdfs|webhdfs|viewfs|maprfs|manila|file):/;

/** What the run reads and writes, as the program is told it; what only this service can reach is refused. */
function placesOf({ places }: Work, { name, services }: WorkCluster): Readonly<Record<string, string>> {
  const told = { AZALAI_INPUT: places?.input?.url, AZALAI_OUTPUT: places?.output?.url };
  const urls = Object.entries(told).flatMap(([variable, url]) =>
    url === undefined ? [] : [[variable, url] as const],
  );
  for (const [, url] of urls)
    if (!OF_CLUSTERS.test(url) && services.s3 === undefined)
      throw new Fault(
        "invalid",
        "cluster-service-missing",
        `Programs on cluster "${name}" cannot reach ${url}: its buckets would have to be a service of it (s3).`,
      );
  return Object.fromEntries(urls);
}

function filesOf({ script }: NodeProgram, work: Work, context: WorkContext): TaskFile[] {
  const files = attemptFiles(work, context);
  if (script === undefined) return files;
  return [...files, { name: script.name, open: async () => Readable.from([Buffer.from(script.text)]) }];
}
