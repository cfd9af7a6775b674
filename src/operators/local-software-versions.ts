/** The engines that this server fetches for itself: which version, by which client, and how it is known to be whole. */

export const SOFTWARE_NAMES = ["hadoop", "spark", "flink"] as const;
export type SoftwareName = (typeof SOFTWARE_NAMES)[number];

/** What one client brings; packages are named with their exact versions. */
export type FetchStep =
  /** A package of the Python index, without those that it would bring along; `sha256` is that of its archive. */
  | { readonly client: "pip"; readonly requirement: string; readonly sha256: string }
  /** Jars of the Maven index into a folder of their own; `withOthers` brings what they need at run time too. */
  | {
      readonly client: "maven";
      readonly artifacts: readonly string[];
      readonly folder: string;
      readonly withOthers: boolean;
    };

export interface Software {
  readonly name: SoftwareName;
  readonly version: string;
  readonly license: string;
  /** What nodes it is for, in words. */
  readonly serves: string;
  readonly steps: readonly FetchStep[];
  /** Written to disk while it is fetched, archives and what is unpacked twice included. */
  readonly fetchBytes: number;
  /** What stays. */
  readonly bytes: number;
  /** Of all its jars: `digestOfJars`. */
  readonly jarsSha256: string;
}

const HADOOP_VERSION = "3.4.2";
const SPARK_VERSION = "4.0.1";
const FLINK_VERSION = "2.3.0";
/** Of the archives of the Python index. */
const SPARK_SHA256 = "9d1f22d994f60369228397e3479003ffe2dd736ba79165003246ff7bd48e2c73";
const FLINK_SHA256 = "38ece876553286b3a285cf344c2d2038f8a7ca10da5df54d5107250386d64151";
const MIB = 1024 * 1024;

const hadoop = (name: string) => `org.apache.hadoop:${name}:${HADOOP_VERSION}`;

export const LOCAL_SOFTWARE: Readonly<Record<SoftwareName, Software>> = {
  hadoop: {
    name: "hadoop",
    version: HADOOP_VERSION,
    license: "Apache-2.0",
    serves: "MapReduce and streaming jobs",
    steps: [
      {
        client: "maven",
        artifacts: [
          // Before the others, so that it is the one that Hadoop was built with: a newer one keeps the NameNode from starting.
          "com.fasterxml.jackson.core:jackson-core:2.12.7",
          ...[
            "hadoop-common",
            "hadoop-hdfs",
            "hadoop-hdfs-client",
            "hadoop-yarn-server-resourcemanager",
            "hadoop-yarn-server-nodemanager",
            "hadoop-yarn-server-timelineservice",
            "hadoop-yarn-client",
            "hadoop-mapreduce-client-app",
            "hadoop-mapreduce-client-jobclient",
            "hadoop-mapreduce-client-shuffle",
            "hadoop-mapreduce-client-hs",
            "hadoop-mapreduce-examples",
            "hadoop-streaming",
            "hadoop-distcp",
          ].map(hadoop),
          "org.slf4j:slf4j-reload4j:1.7.36",
        ],
        folder: "jars",
        withOthers: true,
      },
    ],
    fetchBytes: 110 * MIB,
    bytes: 93 * MIB,
    jarsSha256: "fb67973ac3661c34bfee331b148db8ecc9ece83c778224c73241ce9e1d231aee",
  },
  spark: {
    name: "spark",
    version: SPARK_VERSION,
    license: "Apache-2.0",
    serves: "Spark programs and SQL for Spark and Hive",
    steps: [{ client: "pip", requirement: `pyspark==${SPARK_VERSION}`, sha256: SPARK_SHA256 }],
    fetchBytes: 2200 * MIB,
    bytes: 470 * MIB,
    jarsSha256: "dfb27a701b845903d4f957c9355d8b5919ee9fe6da0b6483c90f8d66cf65b6fe",
  },
  flink: {
    name: "flink",
    version: FLINK_VERSION,
    license: "Apache-2.0",
    serves: "Flink programs and Flink SQL",
    steps: [
      { client: "pip", requirement: `apache-flink-libraries==${FLINK_VERSION}`, sha256: FLINK_SHA256 },
      {
        client: "maven",
        artifacts: [`org.apache.flink:flink-sql-gateway:${FLINK_VERSION}`],
        folder: "extra",
        withOthers: false,
      },
    ],
    fetchBytes: 640 * MIB,
    bytes: 250 * MIB,
    jarsSha256: "5b7417d6f21ac17aeec78dbbe3817eb31b74cb081a2d710c2d1f8c98eb511aeb",
  },
};
