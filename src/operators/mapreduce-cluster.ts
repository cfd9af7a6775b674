/** MapReduce and streaming on a cluster's YARN: Hadoop's client in a container there, the job that it starts under our tag. */
import { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import type { ClusterTask, TaskFile } from "./cluster-adapter.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import { runOnCluster } from "./cluster-work.ts";
import { attemptFiles, placedNames } from "./command.ts";
import { configurationFile } from "./hadoop-configuration.ts";
import { createHdfsFiles } from "./hdfs-files.ts";
import { createOutputClaim } from "./mapreduce-output.ts";
import {
  chooseOutput,
  librariesOf,
  type MapReduceJob,
  placeTask,
  settingsOf,
  withProgramFile,
  wordsOf,
} from "./mapreduce-program.ts";
import { type MapReduceTask, readMapReduceTask } from "./mapreduce-task.ts";
import type { Buckets, Outcome, Work, WorkCluster, WorkContext } from "./operator.ts";
import { createWebHdfs } from "./webhdfs.ts";
import { bucketStage, type PlacedWork, type Stage } from "./work-places.ts";
import { YARN_USER } from "./yarn-application.ts";

const CLIENT_HEAP_MIB = 512;
const SETTINGS = "azalai-site.xml";

/** The parts of a run that stay the same from its submission to the publishing of its output. */
interface ClusterJob extends MapReduceJob {
  readonly context: WorkContext;
  readonly files: Buckets;
  readonly queue: string | undefined;
  /** Of what is brought to the cluster and what is written there. */
  readonly folderOf: (key: string) => string;
}

/** Fault `cluster-service-missing` where the cluster has no YARN with HDFS. */
export async function runMapReduceOnCluster(
  clusters: ClusterAdapters,
  allowedAddresses: readonly string[],
  given: Work,
  context: WorkContext,
): Promise<Outcome> {
  const { cluster } = given;
  if (cluster === undefined) throw new RangeError("the node has no cluster");
  const adapter = clusters.adapterOf(cluster, "yarn");
  const { hdfs, yarn } = cluster.services;
  if (adapter === undefined || hdfs === undefined || yarn === undefined) throw missingService(cluster, given);
  const work = withProgramFile(given);
  const task = readMapReduceTask(work);
  const claim = createOutputClaim(work, context.buckets);
  const output = await chooseOutput(task, claim, context);
  const user = hdfs.user ?? yarn.user ?? YARN_USER;
  const place = { webhdfs: hdfs.webhdfs, user };
  const job: ClusterJob = {
    work,
    task,
    output,
    context,
    files: createHdfsFiles(createWebHdfs(allowedAddresses, place, context.signal), hdfs.defaultFs),
    queue: yarn.queue,
    folderOf: (key) => `${hdfs.defaultFs.replace(/\/+$/, "")}/user/${user}/.azalai/data-${key}`,
  };
  let key = "";
  const run = {
    cluster,
    adapter,
    prepare: async (made: string) => {
      key = made;
      return await prepare(job, made);
    },
    publish: async () => {
      const placed = await placeTask(job, publishStage(job, key), context);
      if (output === undefined) await placed.publish();
      else await claim.around(output, placed.publish);
      await job.files.remove(job.folderOf(key));
    },
  };
  const submissions: WorkContext["submissions"] = {
    open: async (asked) => {
      const submission = await context.submissions.open(asked);
      key = submission.key;
      return submission;
    },
  };
  return await runOnCluster(clusters, run, work, { ...context, submissions });
}

function missingService({ name }: WorkCluster, { type }: Work): Fault {
  return new Fault(
    "invalid",
    "cluster-service-missing",
    `Cluster "${name}" runs no ${type} nodes: it would need the services yarn and hdfs.`,
  );
}

async function prepare(job: ClusterJob, key: string): Promise<ClusterTask> {
  const { work, task, context } = job;
  const placed = await placeTask(job, stageOf(job, key), context);
  const settings = configurationFile(
    {
      "mapreduce.job.name": work.nodeName,
      ...(job.queue !== undefined && { "mapreduce.job.queuename": job.queue }),
      ...settingsOf(task, placed),
    },
    // What the client starts is found, and ended, by this.
    { "mapreduce.framework.name": "yarn", "mapreduce.job.tags": key },
  );
  const own: TaskFile = { name: SETTINGS, open: async () => Readable.from([Buffer.from(settings)]) };
  return {
    key,
    name: work.nodeName,
    confs: {},
    program: {
      form: "command",
      argv: ["java", `-Xmx${CLIENT_HEAP_MIB}m`, "azalai.RunJob", ...clientWords(work, task, placed)],
      environment: placed.environment,
      files: [...attemptFiles(work, context), own],
    },
  };
}

/** Hadoop's own options bring the node's files to the cluster's other containers. */
function clientWords(work: Work, task: MapReduceTask, placed: PlacedWork): readonly string[] {
  const words = wordsOf(task, placed);
  const [form = "", main = "", ...rest] = words;
  if (task.program.form === "jar") return words;
  if (task.program.form === "classes")
    return [form, main, "-libjars", librariesOf(work, task).join(","), ...rest];
  const names = placedNames(work);
  return [form, main, ...(names.length > 0 ? ["-files", names.join(",")] : []), ...rest];
}

/** What the cluster has by itself stays where it is. */
function stageOf({ files, folderOf }: ClusterJob, key: string): Stage {
  return bucketStage(files, folderOf(key), (address) =>
    /^(?:hdfs|webhdfs|viewfs|maprfs|manila):/.test(address),
  );
}

/** What is read was brought there when it was submitted; only what was written counts now. */
function publishStage(job: ClusterJob, key: string): Stage {
  return {
    ...stageOf(job, key),
    write: async (_name, content) => void content.destroy(),
    place: async () => true,
  };
}
