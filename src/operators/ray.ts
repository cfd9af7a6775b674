/** Ray's job API: any command on a Ray cluster, under an id that is ours (ray 2.60, `/api/jobs`). */
import { buffer } from "node:stream/consumers";
import { ZipFile } from "yazl";
import { Fault } from "../domain/fault.ts";
import type { ClusterAdapter, ClusterTask, CommandProgram, LogPart, WorkStatus } from "./cluster-adapter.ts";
import type { ClusterCall, ClusterCaller } from "./cluster-call.ts";
import type { Answer } from "./guarded-call.ts";

export interface RayHandle {
  readonly submissionId: string;
  readonly [name: string]: unknown;
}

/** What the program is packed into stays in the memory of the cluster's head node. */
const PACKAGE_BYTES_MAX = 200 * 1024 * 1024;
const LOG_BYTES_MAX = 64 * 1024 * 1024;
/** From so many on, all jobs of the cluster are asked for at once. */
const LIST_FROM = 8;
const REASON_LENGTH_MAX = 1_000;
const RUNNER = "azalai_run.py";
const VECTOR = "azalai_run.json";

/**
 * Starts the command word by word: Ray gives its entry point to a shell, and shows it with the environment to everybody who may
 * look at the cluster, so neither holds anything of the user's.
 */
const RUNNER_TEXT = `import json, os, sys
with open("${VECTOR}") as file:
    run = json.load(file)
for name in ("${VECTOR}", "${RUNNER}"):
    os.remove(name)
os.environ.update(run["environment"])
for name in run["files"]:
    os.chmod(name, 0o700)
try:
    os.execvp(run["argv"][0], run["argv"])
except OSError as error:
    print("%s: %s" % (run["argv"][0], error.strerror), file=sys.stderr)
    sys.exit(127)
`;

export function createRayAdapter(call: ClusterCaller): ClusterAdapter<RayHandle> {
  const jobOf = async (submissionId: string, signal: AbortSignal): Promise<RayJob | undefined> => {
    const answer = await call({ method: "GET", path: `/api/jobs/${submissionId}` }, signal);
    return answer.status === 404 ? undefined : readJob(readGood(answer, "a job"));
  };

  async function jobsOf(
    handles: readonly RayHandle[],
    signal: AbortSignal,
  ): Promise<readonly (RayJob | undefined)[]> {
    if (handles.length < LIST_FROM)
      return await Promise.all(handles.map(({ submissionId }) => jobOf(submissionId, signal)));
    const answer = await call({ method: "GET", path: "/api/jobs/", responseBytesMax: LOG_BYTES_MAX }, signal);
    const listed = readGood(answer, "the list of jobs");
    const jobs = Array.isArray(listed) ? listed.map(readJob) : [];
    const byId = new Map(jobs.map((job) => [job.submissionId, job]));
    return handles.map(({ submissionId }) => byId.get(submissionId));
  }

  return {
    kind: "ray",
    submitOnce: "by-id",
    probe: async (signal) => {
      const answer = await call({ method: "GET", path: "/api/version" }, signal);
      const version = String(membersOf(readGood(answer, "its version")).ray_version ?? "unknown");
      return { version, detail: `Ray ${version}` };
    },
    reserve: async ({ key }) => ({ submissionId: `azalai-${key}` }),
    submit: async (handle, task, signal) => {
      const program = commandOf(task);
      const name = `_ray_pkg_azalai_${task.key}.zip`;
      const body = await packProgram(program, signal);
      readGood(await call({ method: "PUT", path: `/api/packages/gcs/${name}`, body }, signal), "the program");
      await sendJob(
        call,
        handle,
        { ...requestOf(task, `gcs://${name}`), submission_id: handle.submissionId },
        signal,
      );
      return handle;
    },
    statuses: async (handles, signal) => (await jobsOf(handles, signal)).map(statusOf),
    cancel: async ({ submissionId }, _how, signal) => {
      const answer = await call({ method: "POST", path: `/api/jobs/${submissionId}/stop` }, signal);
      if (answer.status !== 404) readGood(answer, "the stop");
      return {};
    },
    logs: async (handle, stream, from, signal) =>
      stream === "stderr" ? NO_LOG(from) : await readLog(call, handle, from, signal),
    find: async (key, signal) => {
      const submissionId = `azalai-${key}`;
      return (await jobOf(submissionId, signal)) === undefined ? null : { submissionId };
    },
    engineId: ({ submissionId }) => submissionId,
  };
}

/** Both streams of a job are one log there. */
const NO_LOG = (from: number): LogPart => ({ bytes: Buffer.alloc(0), next: from, end: true });

async function readLog(
  call: ClusterCaller,
  { submissionId }: RayHandle,
  from: number,
  signal: AbortSignal,
): Promise<LogPart> {
  const path = `/api/jobs/${submissionId}/logs`;
  const answer = await call({ method: "GET", path, responseBytesMax: LOG_BYTES_MAX }, signal);
  // A job that has not begun, or is not known (any more), has none.
  if (answer.status === 404) return { bytes: Buffer.alloc(0), next: from, end: false };
  const { logs = "" } = membersOf(readGood(answer, "the log"));
  const all = Buffer.from(String(logs));
  return { bytes: all.subarray(from), next: Math.max(from, all.length), end: true };
}

/** What the cluster has already under that id was submitted by us: its answer is 500 then, as it is for its own faults. */
async function sendJob(
  call: ClusterCaller,
  { submissionId }: RayHandle,
  body: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<void> {
  const headers = { "content-type": "application/json" };
  const request: ClusterCall = { method: "POST", path: "/api/jobs/", headers, body: JSON.stringify(body) };
  const answer = await call(request, signal);
  if (answer.status < 500) {
    readGood(answer, "the job");
    return;
  }
  const known = await call({ method: "GET", path: `/api/jobs/${submissionId}` }, signal);
  if (known.status !== 200)
    throw new Fault("unavailable", "cluster-unreachable", `Ray takes no job: ${reasonOf(answer)}`);
}

function requestOf({ name, confs }: ClusterTask, workingFolder: string) {
  return {
    entrypoint: `python3 ${RUNNER}`,
    runtime_env: { working_dir: workingFolder },
    metadata: { job_name: name, ...confs },
  };
}

function commandOf({ program }: ClusterTask): CommandProgram {
  if (program.form === "command") return program;
  throw new Fault("invalid", "submission-refused", "a Ray cluster runs commands alone");
}

async function packProgram(program: CommandProgram, signal: AbortSignal): Promise<Buffer> {
  const zip = new ZipFile();
  let bytes = 0;
  for (const { name, open } of program.files) {
    const content = await buffer(await open());
    signal.throwIfAborted();
    bytes += content.length;
    if (bytes > PACKAGE_BYTES_MAX)
      throw new Fault(
        "too-large",
        "submission-refused",
        `the files of the program have more than ${PACKAGE_BYTES_MAX} bytes`,
      );
    zip.addBuffer(content, name, { mode: 0o100700 });
  }
  const { argv, environment, files } = program;
  const vector = { argv, environment, files: files.map(({ name }) => name) };
  zip.addBuffer(Buffer.from(JSON.stringify(vector)), VECTOR);
  zip.addBuffer(Buffer.from(RUNNER_TEXT), RUNNER);
  zip.end();
  return await buffer(zip.outputStream as NodeJS.ReadableStream & AsyncIterable<Buffer>);
}

interface RayJob {
  readonly submissionId: string;
  readonly status: string;
  readonly message: string;
  readonly exitCode: number | undefined;
}

function readJob(value: unknown): RayJob {
  const { submission_id: submissionId, status, message, driver_exit_code: code } = membersOf(value);
  return {
    submissionId: String(submissionId ?? ""),
    status: String(status ?? ""),
    message: String(message ?? ""),
    exitCode: typeof code === "number" ? code : undefined,
  };
}

function statusOf(job: RayJob | undefined): WorkStatus {
  if (job === undefined)
    return { state: "unknown", why: "the Ray cluster does not know the job", forgotten: true };
  const { status, message, exitCode } = job;
  const code = exitCode === undefined ? {} : { exitCode };
  if (status === "PENDING") return { state: "queued" };
  if (status === "RUNNING") return { state: "running" };
  if (status === "SUCCEEDED") return { state: "succeeded", exitCode: 0 };
  if (status === "STOPPED") return { state: "killed" };
  // With an exit code, the log says why; without one the program never ran.
  if (status === "FAILED")
    return exitCode === undefined || exitCode < 0
      ? { state: "failed", ...code, reason: message.slice(0, REASON_LENGTH_MAX) }
      : { state: "failed", ...code };
  return { state: "unknown", why: `the Ray cluster calls the job "${status}"`, forgotten: false };
}

/** The answer's JSON; what the cluster refuses for good is a Fault. */
function readGood(answer: Answer, what: string): unknown {
  if (answer.status >= 500)
    throw new Fault(
      "unavailable",
      "cluster-unreachable",
      `Ray fails at ${what} (HTTP ${answer.status}): ${reasonOf(answer)}`,
    );
  if (answer.status >= 300)
    throw new Fault(
      "invalid",
      "submission-refused",
      `Ray refuses ${what} (HTTP ${answer.status}): ${reasonOf(answer)}`,
    );
  if (answer.text === "") return {};
  try {
    return JSON.parse(answer.text);
  } catch (cause) {
    throw new Fault("unavailable", "cluster-unreachable", `Ray's answer about ${what} is no JSON`, { cause });
  }
}

function reasonOf({ text }: Answer): string {
  return text.trim().slice(0, REASON_LENGTH_MAX);
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
