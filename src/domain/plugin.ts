/** The plug-ins that the data-processing API tells of: what a cluster of each kind is made of, and which listed types it runs. */
import { type JobType, LISTED_JOB_TYPES } from "./job-type.ts";

export interface Plugin {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly version: string;
  /** Processes on its nodes, by service. */
  readonly processes: Readonly<Record<string, readonly string[]>>;
  /** Of the listed types. */
  readonly runs: readonly JobType[];
}

/** What the built-in cluster is made of. As far as validation goes it takes every type. */
export const LOCAL_PLUGIN: Plugin = {
  name: "local",
  title: "Built-in engine",
  description: "Runs jobs on the machines of this service.",
  version: "1",
  processes: { local: ["worker"] },
  runs: LISTED_JOB_TYPES,
};

const SPARK_PLUGIN: Plugin = {
  name: "spark",
  title: "Apache Spark",
  description: "A Spark cluster that is there already, registered by its addresses.",
  version: "4.0.1",
  processes: { Spark: ["master", "slave"], "Spark SQL": ["thrift server"] },
  runs: ["Hive", "Java", "Shell", "Spark"],
};

const VANILLA_PLUGIN: Plugin = {
  name: "vanilla",
  title: "Vanilla Apache Hadoop",
  description: "A Hadoop cluster that is there already, registered by its addresses.",
  version: "3.4.2",
  processes: {
    HDFS: ["namenode", "datanode"],
    YARN: ["resourcemanager", "nodemanager"],
    MapReduce: ["historyserver"],
    Hive: ["hiveserver"],
  },
  runs: ["Hive", "Java", "MapReduce", "MapReduce.Streaming", "Shell", "Spark"],
};

/** The reference's own, for runs of its conformance tests: it takes every type. */
const FAKE_PLUGIN: Plugin = {
  name: "fake",
  title: "Fake Plugin",
  description: "Takes every type of job, for tests of clients.",
  version: "0.1",
  processes: { HDFS: ["namenode", "datanode"], MapReduce: ["jobtracker", "tasktracker"] },
  runs: LISTED_JOB_TYPES,
};

/** The plug-ins of a server, in the order of their names. */
export function pluginsOf({ fake }: { readonly fake: boolean }): readonly Plugin[] {
  return [...(fake ? [FAKE_PLUGIN] : []), LOCAL_PLUGIN, SPARK_PLUGIN, VANILLA_PLUGIN];
}
