/** `MapReduce` and streaming: programs for Hadoop, on this server or on a cluster (dataarts-factory 4.2; sahara-v1.1 6). */
import { LOCAL_CLUSTER_NAME } from "../domain/cluster.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import { refuseCommand, settleAttempt } from "./command.ts";
import { commandLane, isElsewhere } from "./command-elsewhere.ts";
import { runMapReduceOnCluster } from "./mapreduce-cluster.ts";
import { type LocalHadoop, runMapReduceHere } from "./mapreduce-local.ts";
import { MAPREDUCE_TYPES } from "./mapreduce-task.ts";
import type { Operator } from "./operator.ts";

export interface HadoopPlaces extends LocalHadoop {
  readonly clusters: ClusterAdapters;
  readonly allowedAddresses: readonly string[];
}

export function createMapReduceOperator(places: HadoopPlaces): Operator {
  return {
    types: MAPREDUCE_TYPES,
    // The vendor's nodes of this type name their cluster by a property of their own.
    lane: (node, { cluster }) => commandLane(node, namedBy(node.properties.clusterName || cluster)),
    hasCluster: true,
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        if (isElsewhere(work))
          return await runMapReduceOnCluster(places.clusters, places.allowedAddresses, work, context);
        return refuseCommand(work) ?? (await runMapReduceHere(places, work, context));
      }),
  };
}

function namedBy(cluster: string | undefined): { readonly cluster?: string } {
  return { cluster: cluster ?? LOCAL_CLUSTER_NAME };
}
