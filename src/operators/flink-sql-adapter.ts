/** Flink's SQL gateway as the run machine sees it: one job for each script, found again by its name (engines 5). */
import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "../domain/cluster-services.ts";
import { Fault } from "../domain/fault.ts";
import type { ClusterAdapter, ClusterTask } from "./cluster-adapter.ts";
import { createFlinkAdapter, createJobList, type JobList } from "./flink-adapter.ts";
import { findResumePoint } from "./flink-checkpoints.ts";
import type { FlinkAnswer, FlinkCaller } from "./flink-rest.ts";
import type { FlinkSqlProgram } from "./flink-script.ts";

/**
 * The gateway gives jobs ids of its own, and one of its sessions cannot be asked what runs in it. So the session that is
 * reserved runs nothing: it keeps the name of the one that does, written there before anything runs. Who submits again
 * ends that one first; what it has started by then has our name, and is found.
 */
export interface FlinkSqlHandle extends JsonObject {
  /** No other job has it. */
  readonly jobName: string;
  readonly session: string;
  readonly jobId?: string;
  /** The script had no job, and has been run. */
  readonly done?: true;
}

interface Gateway {
  readonly call: FlinkCaller;
  readonly jobs: JobList;
}

/** Statements are compiled, and tables of catalogues looked at, while the gateway is silent. */
const STATEMENT_IDLE_MS = 120_000;
const POLL_MS = 100;
/** A session whose statement was cancelled may have a request under way to the JobManager still. */
const SETTLE_MS = 2_000;
/** Setting of the reserved session: the one that runs the script. */
const RUNS_IN = "azalai.runs-in";

/** `master` reaches the JobManager, `call` version 2 of the gateway. */
export function createFlinkSqlAdapter(
  master: FlinkCaller,
  call: FlinkCaller,
): ClusterAdapter<FlinkSqlHandle> {
  const gateway = { call, jobs: createJobList(master) };
  const jar = createFlinkAdapter(master);
  const jarHandle = (jobId: string) => ({ jobId, master: "" });
  return {
    kind: "flink-sql",
    submitOnce: "by-tag",
    probe: (signal) => probeGateway(gateway, signal),
    reserve: async ({ key, name }, signal) => ({
      jobName: jobNameOf(key, name),
      session: await openSession(gateway, {}, signal),
    }),
    submit: (handle, task, signal) => submit(gateway, handle, task, signal),
    statuses: async (handles, signal) => {
      const ids = await gateway.jobs.idsByName(signal);
      const known = handles.map(({ jobId, jobName }) => jobId ?? ids.get(jobName) ?? "");
      const statuses = await jar.statuses(known.map(jarHandle), signal);
      return statuses.map((status, place) =>
        handles[place]?.done === true ? { state: "succeeded" } : status,
      );
    },
    cancel: async (handle, how, signal) => {
      await endSessions(gateway, handle, signal);
      const jobId = handle.jobId ?? (await gateway.jobs.idsByName(signal)).get(handle.jobName);
      return jobId === undefined ? {} : await jar.cancel(jarHandle(jobId), how, signal);
    },
    logs: async ({ jobId }, stream, from, signal) =>
      jobId === undefined
        ? { bytes: Buffer.alloc(0), next: from, end: true }
        : await jar.logs(jarHandle(jobId), stream, from, signal),
    find: async (key, signal) => {
      for (const [jobName, jobId] of await gateway.jobs.idsByName(signal))
        if (jobName.endsWith(suffixOf(key))) return { jobName, jobId, session: "" };
      return null;
    },
    engineId: ({ jobId }) => jobId,
    resumePoint: async ({ jobId }, signal) =>
      jobId === undefined ? undefined : await findResumePoint(master, jobId, signal),
  };
}

function jobNameOf(key: string, name: string): string {
  return `${name} ${suffixOf(key)}`;
}

function suffixOf(key: string): string {
  return `azalai-${key}`;
}

async function probeGateway({ call, jobs }: Gateway, signal: AbortSignal) {
  const { json } = succeeded(await call({ method: "GET", path: "/info", signal }));
  const { version } = json;
  if (typeof version !== "string")
    throw new Fault("unavailable", "cluster-unreachable", "What answers there is not Flink's SQL gateway.");
  const known = await jobs.idsByName(signal);
  return { version, detail: `SQL gateway of Flink ${version}; its cluster knows ${known.size} jobs` };
}

async function submit(
  gateway: Gateway,
  handle: FlinkSqlHandle,
  task: ClusterTask,
  signal: AbortSignal,
): Promise<FlinkSqlHandle> {
  const { program } = task;
  if (program.form !== "flink-sql") throw refused(`Flink's SQL gateway runs no ${program.form}.`);
  const { jobName, session } = handle;
  const found = (await gateway.jobs.idsByName(signal)).get(jobName);
  if (found !== undefined) return { ...handle, jobId: found };
  if (await endEarlierTry(gateway, session, signal)) {
    const late = (await gateway.jobs.idsByName(signal)).get(jobName);
    if (late !== undefined) return { ...handle, jobId: late };
  }
  const own = await openSession(gateway, settingsOf(task, program, jobName), signal);
  await configure(gateway, session, `SET '${RUNS_IN}' = '${own}'`, signal);
  const jobId = await runScript(gateway, own, { program, jobName }, signal);
  await endSessions(gateway, handle, signal).catch(() => undefined);
  return jobId === undefined ? { ...handle, done: true } : { ...handle, jobId };
}

function settingsOf(
  { confs }: ClusterTask,
  { savepoint }: FlinkSqlProgram,
  jobName: string,
): Readonly<Record<string, string>> {
  return {
    ...confs,
    "pipeline.name": jobName,
    "table.dml-sync": "false",
    ...(savepoint !== undefined && {
      "execution.state-recovery.path": savepoint,
      // Its name before version 1.20.
      "execution.savepoint.path": savepoint,
    }),
  };
}

async function openSession(
  { call }: Gateway,
  properties: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const answer = await call({ method: "POST", path: "/sessions", body: { properties }, signal });
  return String(succeeded(answer).json.sessionHandle);
}

/** Whether there was one. What it was about to start is started by now, or never. */
async function endEarlierTry(gateway: Gateway, session: string, signal: AbortSignal): Promise<boolean> {
  const answer = await gateway.call({ method: "GET", path: `/sessions/${session}`, signal });
  if (answer.status !== 200)
    throw refused(
      "Flink's SQL gateway has lost the session that was reserved for the script: whether its job has begun before is not known.",
    );
  const earlier = Object(answer.json.properties)[RUNS_IN] as string | undefined;
  if (earlier === undefined) return false;
  await gateway.call({ method: "DELETE", path: `/sessions/${earlier}`, signal });
  await delay(SETTLE_MS, undefined, { signal });
  return true;
}

async function endSessions(
  { call }: Gateway,
  { session }: FlinkSqlHandle,
  signal: AbortSignal,
): Promise<void> {
  if (session === "") return;
  const { json } = await call({ method: "GET", path: `/sessions/${session}`, signal });
  const inner = Object(json.properties)[RUNS_IN] as string | undefined;
  for (const one of [inner, session])
    if (one !== undefined) await call({ method: "DELETE", path: `/sessions/${one}`, signal });
}

/** The id of the job that its inserts have become. */
async function runScript(
  gateway: Gateway,
  session: string,
  { program: { script }, jobName }: { readonly program: FlinkSqlProgram; readonly jobName: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const statement of script.preparations) await execute(gateway, { session, statement }, signal);
  if (script.job === undefined) return undefined;
  // Whatever the script has set meanwhile.
  const executionConfig = { "pipeline.name": jobName, "table.dml-sync": "false" };
  const { jobID } = await execute(gateway, { session, statement: script.job, executionConfig }, signal);
  if (typeof jobID === "string") return jobID;
  const found = (await gateway.jobs.idsByName(signal)).get(jobName);
  if (found === undefined)
    throw refused("Flink's SQL gateway has run the inserts, and there is no job of them.");
  return found;
}

async function configure(
  { call }: Gateway,
  session: string,
  statement: string,
  signal: AbortSignal,
): Promise<void> {
  const path = `/sessions/${session}/configure-session`;
  const answer = await call({ method: "POST", path, body: { statement }, signal, idleMs: STATEMENT_IDLE_MS });
  if (answer.status !== 200) throw refused(answer.reason || `status ${answer.status}`);
}

/** The first page of its result. @throws Fault `submission-refused` with what Flink says of the statement. */
async function execute(
  { call }: Gateway,
  {
    session,
    statement,
    executionConfig = {},
  }: { session: string; statement: string; executionConfig?: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const path = `/sessions/${session}/statements`;
  const asked = await call({ method: "POST", path, body: { statement, executionConfig }, signal });
  if (asked.status !== 200) throw refused(asked.reason || `status ${asked.status}`);
  const operation = `/sessions/${session}/operations/${String(asked.json.operationHandle)}`;
  for (;;) {
    const { status } = succeeded(await call({ method: "GET", path: `${operation}/status`, signal })).json;
    if (status !== "PENDING" && status !== "RUNNING" && status !== "INITIALIZED") break;
    await delay(POLL_MS, undefined, { signal });
  }
  const result = await call({ method: "GET", path: `${operation}/result/0?rowFormat=JSON`, signal });
  if (result.status !== 200) throw refused(result.reason || `status ${result.status}`);
  return result.json;
}

function succeeded(answer: FlinkAnswer): FlinkAnswer {
  if (answer.status === 200) return answer;
  const why = answer.reason || `status ${answer.status}`;
  throw new Fault(
    "unavailable",
    "cluster-unreachable",
    `Flink's SQL gateway does not answer as it should: ${why}`,
  );
}

function refused(reason: string): Fault {
  return new Fault("invalid", "submission-refused", reason);
}
