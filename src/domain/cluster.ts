/** Clusters: where work runs. One is built in, others are registered by the addresses of their services. */
import { type ClusterServices, checkClusterServices, type JsonObject } from "./cluster-services.ts";
import type { JobType } from "./job-type.ts";
import { LOCAL_PLUGIN } from "./plugin.ts";
import { DESCRIPTION_MAX, OBJECT_NAME_MAX, type SharedObject } from "./shared-object.ts";

/** What the last look at its services found. */
export type ClusterState = "Active" | "Error" | "Checking";

export interface Cluster extends SharedObject {
  readonly description: string;
  readonly pluginName: string;
  readonly pluginVersion: string;
  readonly status: ClusterState;
  /** Why it is in that state. */
  readonly statusText: string | null;
  readonly checkedAt: Date | null;
  /** With `SECRET_MASK` in place of each secret. */
  readonly services: ClusterServices;
  readonly createdBy: string;
  readonly updatedAt: Date | null;
  /** Types for which it has an engine. As far as validation goes it takes every type. */
  readonly runs: readonly JobType[];
}

/** The built-in cluster's id, the same on every server and for every project. */
export const LOCAL_CLUSTER_ID = "10ca1000000040008000000000000001";

export const LOCAL_CLUSTER_NAME = "local";

/** The built-in cluster as `projectId` sees it: its own, public, and never deleted. */
export function localCluster(projectId: string): Cluster {
  return {
    id: LOCAL_CLUSTER_ID,
    projectId,
    name: LOCAL_CLUSTER_NAME,
    description: "The built-in cluster: jobs run on the machines of this service.",
    pluginName: LOCAL_PLUGIN.name,
    pluginVersion: LOCAL_PLUGIN.version,
    status: "Active",
    statusText: null,
    checkedAt: null,
    services: {},
    createdBy: "",
    isPublic: true,
    isProtected: true,
    createdAt: new Date(0),
    updatedAt: null,
    runs: ["Shell", "Java", "Spark", "MapReduce", "MapReduce.Streaming", "DistCp", ...SQL_TYPES],
  };
}

const SQL_TYPES: readonly JobType[] = ["Hive", "SparkScript", "SparkSql", "hql"];

/** Types of the data-processing API that a cluster with these services runs. */
export function runsOf({ flink, hive, ray, yarn, hdfs }: ClusterServices): readonly JobType[] {
  const runs: JobType[] = [];
  const hasYarn = yarn !== undefined && hdfs !== undefined;
  if (flink !== undefined) runs.push("Flink");
  if (hasYarn) runs.push("MapReduce", "MapReduce.Streaming");
  if (hasYarn || ray !== undefined) runs.push("Java", "Shell");
  if (hive !== undefined) runs.push(...SQL_TYPES);
  return runs;
}

/** What somebody registers. */
export interface ClusterDraft {
  readonly name: string;
  readonly description: string;
  /** Of the data-processing API; absent: by its services. */
  readonly plugin?: { readonly name: string; readonly version: string };
  readonly services: JsonObject;
  readonly isPublic: boolean;
  readonly isProtected: boolean;
}

const NAME = new RegExp(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,${OBJECT_NAME_MAX - 1}}$`);

/** Everything that is wrong with it. */
export function checkClusterDraft({ name, description, services }: ClusterDraft): string[] {
  return [
    ...(NAME.test(name)
      ? []
      : [`name: must be 1 to ${OBJECT_NAME_MAX} letters, digits, hyphens, dots or underscores`]),
    ...(name === LOCAL_CLUSTER_NAME ? [`name: "${LOCAL_CLUSTER_NAME}" is the built-in cluster's`] : []),
    ...(description.length <= DESCRIPTION_MAX ? [] : [`description: at most ${DESCRIPTION_MAX} characters`]),
    ...checkClusterServices(services),
  ];
}

/** Source: the reference's plug-ins. */
export function pluginOf({ yarn, hdfs, spark }: ClusterServices): {
  readonly name: string;
  readonly version: string;
} {
  return spark !== undefined && yarn === undefined && hdfs === undefined
    ? { name: "spark", version: "4.0.1" }
    : { name: "vanilla", version: "3.4.2" };
}

/** What a try at a cluster's services found of each. */
export interface ServiceTest {
  readonly service: string;
  readonly ok: boolean;
  /** Who answered, or why nobody of use did. */
  readonly detail: string;
}
