/** Flink's nodes: a jar or a script of SQL on a session cluster, as a batch or kept alive as a stream. */
import { Fault } from "../domain/fault.ts";
import type { ClusterTask } from "./cluster-adapter.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import { type ClusterRun, runOnCluster } from "./cluster-work.ts";
import { requireProperty, settleAttempt } from "./command.ts";
import { readFlinkJar } from "./flink-program.ts";
import { noteSavepoint, withResumePoints } from "./flink-resume.ts";
import { readFlinkScript } from "./flink-script.ts";
import type { Operator, Outcome, Work, WorkContext } from "./operator.ts";

/** Of nodes that are kept alive, unless they say otherwise: what they go on with outlives the job on the cluster. */
const KEPT_CONFS = {
  "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
  // The newest that was noted is there still while newer ones come.
  "execution.checkpointing.num-retained": "5",
};

export function createFlinkOperator(clusters: ClusterAdapters): Operator {
  return {
    types: ["Flink", "FlinkJar", "FlinkSQL", "MRSFlinkJob"],
    lane: "remote",
    hasCluster: true,
    run: (work, context) => settleAttempt(context.signal, () => runFlink(clusters, work, context)),
  };
}

async function runFlink(clusters: ClusterAdapters, work: Work, context: WorkContext): Promise<Outcome> {
  const { cluster, properties } = work;
  const service = isSql(work) ? "flink-sql" : "flink";
  const adapter = cluster && clusters.adapterOf(cluster, service);
  if (cluster === undefined || adapter === undefined) throw withoutFlink(work, service);
  const { program, confs } = isSql(work) ? sqlOf(work, context) : jarOf(work, context);
  const { resume } = context;
  const run: ClusterRun = {
    cluster,
    adapter,
    prepare: async (key) => {
      const savepoint = (await resume?.newest()) ?? (properties.savepointPath || undefined);
      if (savepoint !== undefined) context.log(`[goes on from ${savepoint}]\n`);
      return {
        key,
        name: `${properties.jobName || work.nodeName} (${work.instanceId})`,
        program: { ...program, ...(savepoint !== undefined && { savepoint }) },
        confs: { ...(resume !== undefined && KEPT_CONFS), ...confs },
      };
    },
    ...(resume !== undefined && {
      stop: async (handle, signal) => {
        const { savepoint } = await adapter.cancel(handle, "stop-with-savepoint", signal);
        if (savepoint !== undefined) await noteSavepoint(adapter, handle, { savepoint, resume, signal });
      },
    }),
  };
  if (resume === undefined) return await runOnCluster(clusters, run, work, context);
  return await withResumePoints(adapter, { resume, context }, (noting) =>
    runOnCluster(clusters, run, work, noting),
  );
}

type Part = Pick<ClusterTask, "program" | "confs">;

function jarOf(work: Work, context: WorkContext): Part {
  const { program, confs, ignored } = readFlinkJar(work, context);
  if (ignored.length > 0) context.log(`[without effect on a session cluster: ${ignored.join(", ")}]\n`);
  return { program, confs };
}

function sqlOf(work: Work, context: WorkContext): Part {
  const { confs, program } = readFlinkJar(work, context);
  const { parallelism } = program;
  const text = work.script?.content ?? requireProperty(work, "statement");
  // A script that ends by itself reads what there is, once; one that says otherwise sets it.
  const isStream = context.resume !== undefined || /stream/i.test(work.properties.flinkJobProcessType ?? "");
  return {
    program: { form: "flink-sql", script: readFlinkScript(text) },
    confs: {
      ...(!isStream && { "execution.runtime-mode": "batch" }),
      ...(parallelism !== undefined && { "parallelism.default": String(parallelism) }),
      ...confs,
    },
  };
}

/** `MRSFlinkJob` says which of the two it is; the vendor writes the words in more than one way. */
function isSql({ type, properties }: Work): boolean {
  return type === "FlinkSQL" || /sql/i.test(properties.flinkJobType ?? "");
}

function withoutFlink({ type, cluster }: Work, service: "flink" | "flink-sql"): Fault {
  const needs =
    service === "flink" ? "a Flink session cluster" : "the SQL gateway of a Flink session cluster";
  const which = cluster === undefined ? "none is named" : `cluster "${cluster.name}" has none`;
  return new Fault(
    "invalid",
    "cluster-service-missing",
    `A ${type} node needs ${needs}, and ${which}: register one (docs/flink.md), and name it as the node's clusterName.`,
  );
}
