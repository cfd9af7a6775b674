/** Flink's session cluster as the run machine sees it: jars by its REST interface, under ids that are ours (engines 5). */
import { createHash } from "node:crypto";
import type { JsonObject } from "../domain/cluster-services.ts";
import { Fault } from "../domain/fault.ts";
import type {
  ClusterAdapter,
  ClusterProbe,
  ClusterTask,
  LogPart,
  LogStream,
  WorkStatus,
} from "./cluster-adapter.ts";
import { findResumePoint, stopWithSavepoint } from "./flink-checkpoints.ts";
import { type FlinkAnswer, type FlinkCaller, rootCause } from "./flink-rest.ts";

export interface FlinkHandle extends JsonObject {
  /** Flink's own id of the job, made of our key. */
  readonly jobId: string;
  /** Which life of the JobManager the id was reserved in: another one may have forgotten the job. */
  readonly master: string;
}

/** A program's `main` runs while the cluster is silent. */
const MAIN_IDLE_MS = 600_000;
const UPLOAD_IDLE_MS = 120_000;

/** `call` reaches the JobManager. */
export function createFlinkAdapter(call: FlinkCaller): ClusterAdapter<FlinkHandle> {
  return {
    kind: "flink",
    submitOnce: "by-id",
    probe: (signal) => probeFlink(call, signal),
    reserve: async ({ key }, signal) => ({ jobId: jobIdOf(key), master: await masterOf(call, signal) }),
    submit: async (handle, task, signal) => {
      await submit(call, handle, task, signal);
      return handle;
    },
    statuses: (handles, signal) => flinkStatuses(call, handles, signal),
    cancel: async (handle, how, signal) => {
      const savepoint =
        how === "stop-with-savepoint" ? await stopWithSavepoint(call, handle.jobId, signal) : undefined;
      if (savepoint?.stopped !== true) await kill(call, handle, signal);
      return savepoint?.path === undefined ? {} : { savepoint: savepoint.path };
    },
    logs: (handle, stream, from, signal) => exceptionsAsLog(call, handle, { stream, from }, signal),
    find: async (key, signal) => {
      const jobId = jobIdOf(key);
      if (!(await isKnown(call, jobId, signal))) return null;
      return { jobId, master: await masterOf(call, signal) };
    },
    engineId: ({ jobId }) => jobId,
    resumePoint: ({ jobId }, signal) => findResumePoint(call, jobId, signal),
  };
}

/** Flink takes ids of 32 hexadecimal digits. */
function jobIdOf(key: string): string {
  return createHash("md5").update(key).digest("hex");
}

/** Version, and how much of the cluster is free. */
async function probeFlink(call: FlinkCaller, signal: AbortSignal): Promise<ClusterProbe> {
  const { json } = succeeded(await call({ method: "GET", path: "/overview", signal }), "the overview");
  const version = json["flink-version"];
  if (typeof version !== "string")
    throw new Fault("unavailable", "cluster-unreachable", "What answers there is not Flink's JobManager.");
  const [managers, total, free] = ["taskmanagers", "slots-total", "slots-available"].map((name) =>
    Number(json[name] ?? 0),
  );
  return { version, detail: `Flink ${version}, ${managers} task managers, ${free} of ${total} slots free` };
}

/** Of a JobManager: another text after each of its starts, since it draws its folder for the web anew. */
async function masterOf(call: FlinkCaller, signal: AbortSignal): Promise<string> {
  const answer = await call({ method: "GET", path: "/jobmanager/config", signal });
  const entries = Object.values(succeeded(answer, "the JobManager's settings").json) as readonly unknown[];
  for (const entry of entries) {
    const { key, value } = Object(entry) as { readonly key?: unknown; readonly value?: unknown };
    if (key === "web.tmpdir" && typeof value === "string") return value;
  }
  return "";
}

async function submit(
  call: FlinkCaller,
  handle: FlinkHandle,
  task: ClusterTask,
  signal: AbortSignal,
): Promise<void> {
  const { jobId, master } = handle;
  if (await isKnown(call, jobId, signal)) return;
  if ((await masterOf(call, signal)) !== master)
    throw refused(
      "Flink's JobManager was started anew after this job's id was reserved: whether the job has begun before is not known.",
    );
  const jarId = (await uploadedJar(call, jobId, signal)) ?? (await uploadJar(call, jobId, task, signal));
  try {
    await runJar(call, jarId, { jobId, task, signal });
  } finally {
    // The job has its own copy by now; without this the cluster would keep one more for ever.
    await removeJar(call, jarId, signal).catch(() => undefined);
  }
}

async function runJar(
  call: FlinkCaller,
  jarId: string,
  { jobId, task, signal }: { jobId: string; task: ClusterTask; signal: AbortSignal },
): Promise<void> {
  if (task.program.form !== "flink-jar")
    throw refused(`Flink's REST interface runs no ${task.program.form}.`);
  const { mainClass, args, parallelism, savepoint } = task.program;
  const body = {
    jobId,
    programArgsList: args,
    flinkConfiguration: { "pipeline.name": task.name, ...task.confs },
    ...(mainClass !== undefined && { entryClass: mainClass }),
    ...(parallelism !== undefined && { parallelism }),
    ...(savepoint !== undefined && { savepointPath: savepoint }),
  };
  const path = `/jars/${encodeURIComponent(jarId)}/run`;
  const answer = await call({ method: "POST", path, body, signal, idleMs: MAIN_IDLE_MS });
  // "There already" is told by no status of its own: a look-up decides.
  if (answer.status !== 200 && !(await isKnown(call, jobId, signal))) throw refused(reasonOf(answer));
}

/** The id of a jar that an earlier try at the same job has left. */
async function uploadedJar(
  call: FlinkCaller,
  jobId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { json } = succeeded(await call({ method: "GET", path: "/jars", signal }), "the list of jars");
  const files = Array.isArray(json.files) ? json.files : [];
  const ids = files.map((file) => String((Object(file) as { readonly id?: unknown }).id));
  return ids.find((id) => id.endsWith(`_${jarName(jobId)}`));
}

async function uploadJar(
  call: FlinkCaller,
  jobId: string,
  { program }: ClusterTask,
  signal: AbortSignal,
): Promise<string> {
  if (program.form !== "flink-jar") throw refused(`Flink's REST interface runs no ${program.form}.`);
  const content = await program.open();
  try {
    const upload = { name: jarName(jobId), content };
    const answer = await call({
      method: "POST",
      path: "/jars/upload",
      upload,
      signal,
      idleMs: UPLOAD_IDLE_MS,
    });
    const { filename } = succeeded(answer, "the jar").json;
    return String(filename).split("/").at(-1) ?? "";
  } finally {
    content.destroy();
  }
}

function jarName(jobId: string): string {
  return `azalai-${jobId}.jar`;
}

async function removeJar(call: FlinkCaller, jarId: string, signal: AbortSignal): Promise<void> {
  await call({ method: "DELETE", path: `/jars/${encodeURIComponent(jarId)}`, signal });
}

async function kill(call: FlinkCaller, { jobId }: FlinkHandle, signal: AbortSignal): Promise<void> {
  const { status, ...answer } = await call({ method: "PATCH", path: `/jobs/${jobId}?mode=cancel`, signal });
  // Unknown, or ended by now: what became of it is told by its status.
  if (status !== 202 && status !== 404 && status !== 409) throw refused(reasonOf({ status, ...answer }));
  const jarId = await uploadedJar(call, jobId, signal);
  if (jarId !== undefined) await removeJar(call, jarId, signal);
}

async function isKnown(call: FlinkCaller, jobId: string, signal: AbortSignal): Promise<boolean> {
  const answer = await call({ method: "GET", path: `/jobs/${jobId}/status`, signal });
  // Which status it is given differs from call to call.
  if (answer.status === 404 || answer.reason.includes("FlinkJobNotFoundException")) return false;
  succeeded(answer, `job ${jobId}`);
  return true;
}

/** Jobs that the cluster knows. */
export interface JobList {
  /** Of several that have a name, the one that began last. */
  readonly idsByName: (signal: AbortSignal) => Promise<ReadonlyMap<string, string>>;
}

export function createJobList(call: FlinkCaller): JobList {
  return {
    idsByName: async (signal) => {
      const lines = [...(await jobLines(call, signal))];
      const inOrder = lines.sort(([, one], [, other]) => one["start-time"] - other["start-time"]);
      return new Map(inOrder.map(([jobId, { name }]) => [name, jobId]));
    },
  };
}

interface JobLine {
  readonly name: string;
  readonly "start-time": number;
  readonly state: string;
  readonly tasks: Readonly<Record<string, number>>;
}

/** One call for all, and one more for each that has failed or is not in the list. */
async function flinkStatuses(
  call: FlinkCaller,
  handles: readonly { readonly jobId: string }[],
  signal: AbortSignal,
): Promise<readonly WorkStatus[]> {
  const lines = await jobLines(call, signal);
  return await Promise.all(
    handles.map(({ jobId }) => statusOf(call, { jobId, line: lines.get(jobId) }, signal)),
  );
}

/** What the cluster knows of every job, those included that ended a while ago. */
async function jobLines(call: FlinkCaller, signal: AbortSignal): Promise<ReadonlyMap<string, JobLine>> {
  const { json } = succeeded(await call({ method: "GET", path: "/jobs/overview", signal }), "the jobs");
  const jobs = (Array.isArray(json.jobs) ? json.jobs : []) as readonly (JobLine & { readonly jid: string })[];
  return new Map(jobs.map((job) => [job.jid, job]));
}

async function statusOf(
  call: FlinkCaller,
  { jobId, line }: { readonly jobId: string; readonly line: JobLine | undefined },
  signal: AbortSignal,
): Promise<WorkStatus> {
  if (line === undefined) {
    if (await isKnown(call, jobId, signal)) return { state: "queued" };
    return { state: "unknown", why: `Flink does not know the job ${jobId}`, forgotten: true };
  }
  const { state, tasks } = line;
  if (state === "FINISHED") return { state: "succeeded" };
  if (state === "CANCELED") return { state: "killed", reason: "the job was cancelled on the cluster" };
  if (state === "FAILED")
    return {
      state: "failed",
      reason: (await exceptionsOf(call, jobId, signal)).at(-1)?.cause ?? "the job failed",
    };
  if (state === "SUSPENDED")
    return { state: "unknown", why: "the job is suspended until a JobManager takes it up", forgotten: false };
  const { total = 0, finished = 0, running = 0 } = tasks;
  if (state === "INITIALIZING" || state === "CREATED" || running + finished === 0) return { state: "queued" };
  return { state: "running", ...(total > 0 && { progress: finished / total }) };
}

interface JobException {
  readonly at: number;
  readonly task: string | undefined;
  readonly trace: string;
  readonly cause: string;
}

/** In the order of their times. */
async function exceptionsOf(call: FlinkCaller, jobId: string, signal: AbortSignal): Promise<JobException[]> {
  const answer = await call({ method: "GET", path: `/jobs/${jobId}/exceptions?maxExceptions=100`, signal });
  if (answer.status === 404) return [];
  const { exceptionHistory } = succeeded(answer, `the exceptions of ${jobId}`).json;
  const { entries } = Object(exceptionHistory) as { readonly entries?: unknown };
  const found = (Array.isArray(entries) ? entries : []) as readonly {
    readonly timestamp?: number;
    readonly taskName?: string | null;
    readonly stacktrace?: string;
  }[];
  return found
    .map(({ timestamp = 0, taskName, stacktrace = "" }) => ({
      at: timestamp,
      task: taskName ?? undefined,
      trace: stacktrace,
      cause: rootCause(stacktrace),
    }))
    .sort((one, other) => one.at - other.at);
}

/**
 * Flink writes no log for a job: what its tasks print goes to logs that all jobs of a TaskManager share. Its exceptions
 * are its own, and are given as `stderr`, in the order of their times.
 */
async function exceptionsAsLog(
  call: FlinkCaller,
  { jobId }: { readonly jobId: string },
  { stream, from }: { readonly stream: LogStream; readonly from: number },
  signal: AbortSignal,
): Promise<LogPart> {
  if (stream === "stdout") return { bytes: Buffer.alloc(0), next: from, end: true };
  const text = (await exceptionsOf(call, jobId, signal)).map(
    ({ at, task, trace }) => `${new Date(at).toISOString()} ${task ?? "the job"}: ${trace.trimEnd()}\n`,
  );
  const bytes = Buffer.from(text.join("")).subarray(from);
  return { bytes, next: from + bytes.length, end: true };
}

/** @throws Fault `cluster-unreachable`: the cluster answered, and not with what was asked for. */
function succeeded(answer: FlinkAnswer, what: string): FlinkAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw new Fault("unavailable", "cluster-unreachable", `Flink does not give ${what}: ${reasonOf(answer)}`);
}

function reasonOf({ status, reason }: FlinkAnswer): string {
  return reason === "" ? `status ${status}` : reason;
}

function refused(reason: string): Fault {
  return new Fault("invalid", "submission-refused", reason);
}
