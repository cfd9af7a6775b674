/** Clusters: where job executions run. One is built in. */
import type { JobType } from "./job-type.ts";
import type { SharedObject } from "./shared-object.ts";

export interface Cluster extends SharedObject {
  readonly description: string;
  readonly pluginName: string;
  readonly pluginVersion: string;
  readonly status: "Active";
  readonly updatedAt: Date | null;
  /** Types for which it has an engine. As far as validation goes it takes every type. */
  readonly runs: readonly JobType[];
}

/** The built-in cluster's id, the same on every server and for every project. */
export const LOCAL_CLUSTER_ID = "10ca1000000040008000000000000001";

/** What the built-in cluster is made of, in the words of the plug-in catalogue. */
export const LOCAL_PLUGIN = {
  name: "local",
  title: "Built-in engine",
  description: "Runs jobs on the machines of this service.",
  version: "1",
} as const;

/** The built-in cluster as `projectId` sees it: its own, public, and never deleted. */
export function localCluster(projectId: string): Cluster {
  return {
    id: LOCAL_CLUSTER_ID,
    projectId,
    name: "local",
    description: "The built-in cluster: jobs run on the machines of this service.",
    pluginName: LOCAL_PLUGIN.name,
    pluginVersion: LOCAL_PLUGIN.version,
    status: "Active",
    isPublic: true,
    isProtected: true,
    createdAt: new Date(0),
    updatedAt: null,
    runs: ["Shell", "Java", "MapReduce", "MapReduce.Streaming", "DistCp"],
  };
}
