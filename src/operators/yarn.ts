/**
 * YARN by its REST interface: any command as an application of one container, under an id that is asked for in advance. The
 * command is run by `azalai.Launcher`, which reads it from a file: what stands in the application itself passes through a shell.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import type { ClusterAdapter, WorkStatus } from "./cluster-adapter.ts";
import type { ClusterCaller } from "./cluster-call.ts";
import type { Answer } from "./guarded-call.ts";
import type { WebHdfs } from "./webhdfs.ts";
import { isOver, type YarnApp } from "./yarn-app.ts";
import { applicationRequest, FOLDER_NAME, stageApplication, type YarnSite } from "./yarn-application.ts";
import { readYarnLog } from "./yarn-log.ts";

export interface YarnHandle {
  readonly applicationId: string;
  /** Where its files lie on the cluster. */
  readonly folder: string;
  readonly [name: string]: unknown;
}

export interface YarnParts extends YarnSite {
  /** The resource manager. */
  readonly call: ClusterCaller;
  /** The history server, where logs are when an application has ended. */
  readonly historyCall?: ClusterCaller;
  /** A node of the cluster, by its web address. */
  readonly nodeCall: (address: string) => ClusterCaller;
  readonly files: (signal: AbortSignal) => WebHdfs;
}

const APPS = "/ws/v1/cluster/apps";
const APPLICATION_TYPE = "AZALAI";
/** From so many on, all applications of ours are asked for at once. */
const LIST_FROM = 6;
const LIST_BYTES_MAX = 64 * 1024 * 1024;
const REASON_LENGTH_MAX = 1_000;
const KILL_PAUSE_MS = 100;

export function createYarnAdapter(parts: YarnParts): ClusterAdapter<YarnHandle> {
  const { call } = parts;
  return {
    kind: "yarn",
    submitOnce: "by-id",
    probe: async (signal) => {
      const info = membersOf(
        readGood(await call({ method: "GET", path: "/ws/v1/cluster/info" }, signal), "probe"),
      );
      const { resourceManagerVersion, state, haState } = membersOf(info.clusterInfo);
      if (state !== "STARTED")
        throw new Fault(
          "unavailable",
          "cluster-unreachable",
          `YARN is ${String(state)} (${String(haState)})`,
        );
      const home = await parts.files(signal).status("/");
      if (home === undefined)
        throw new Fault("unavailable", "cluster-unreachable", "HDFS has no root folder");
      return { version: String(resourceManagerVersion), detail: `YARN ${String(resourceManagerVersion)}` };
    },
    reserve: async ({ key }, signal) => {
      const answer = await call({ method: "POST", path: `${APPS}/new-application` }, signal);
      const id = membersOf(readGood(answer, "a new application"))["application-id"];
      return { applicationId: String(id), folder: `/user/${parts.user}/${FOLDER_NAME}/${key}` };
    },
    submit: async (handle, task, signal) => {
      if ((await findApp(call, handle, signal)) !== undefined) return handle;
      const staged = await stageApplication(parts.files(signal), handle.folder, task);
      const body = JSON.stringify(await applicationRequest(parts, { handle, task, staged }, signal));
      const headers = { "content-type": "application/json" };
      readGood(await call({ method: "POST", path: APPS, headers, body }, signal), "the application");
      return handle;
    },
    statuses: async (handles, signal) => {
      const apps = await findApps(call, handles, signal);
      return await Promise.all(handles.map((handle, place) => statusOf(parts, handle, apps[place], signal)));
    },
    cancel: async (handle, _how, signal) => {
      await kill(call, handle.applicationId, signal);
      await endChildren(call, handle, signal);
      return {};
    },
    logs: async (handle, stream, from, signal) =>
      await readYarnLog(parts, await findApp(call, handle, signal), { stream, from }, signal),
    find: async (key, signal) => {
      const found = (await listTagged(call, key, signal)).find(({ type }) => type === APPLICATION_TYPE);
      return found === undefined
        ? null
        : { applicationId: found.id, folder: `/user/${parts.user}/${FOLDER_NAME}/${key}` };
    },
    engineId: ({ applicationId }) => applicationId,
  };
}

/** Undefined where the resource manager does not know it. */
async function findApp(
  call: ClusterCaller,
  { applicationId }: YarnHandle,
  signal: AbortSignal,
): Promise<YarnApp | undefined> {
  const answer = await call(
    { method: "GET", path: `${APPS}/${applicationId}?deSelects=resourceRequests` },
    signal,
  );
  if (answer.status === 404) return undefined;
  return readApp(membersOf(readGood(answer, "an application")).app);
}

async function findApps(
  call: ClusterCaller,
  handles: readonly YarnHandle[],
  signal: AbortSignal,
): Promise<readonly (YarnApp | undefined)[]> {
  const listed =
    handles.length < LIST_FROM ? [] : await list(call, `applicationTypes=${APPLICATION_TYPE}`, signal);
  const byId = new Map(listed.map((app) => [app.id, app]));
  return await Promise.all(
    handles.map(async (handle) => byId.get(handle.applicationId) ?? (await findApp(call, handle, signal))),
  );
}

/** The application of that key, and those that its program has started under the same tag. */
async function listTagged(
  call: ClusterCaller,
  key: string,
  signal: AbortSignal,
): Promise<readonly YarnApp[]> {
  return await list(call, `applicationTags=${encodeURIComponent(key)}`, signal);
}

async function list(call: ClusterCaller, query: string, signal: AbortSignal): Promise<readonly YarnApp[]> {
  const path = `${APPS}?${query}&deSelects=resourceRequests`;
  const answer = await call({ method: "GET", path, responseBytesMax: LIST_BYTES_MAX }, signal);
  const { app } = membersOf(membersOf(readGood(answer, "the list of applications")).apps);
  return Array.isArray(app) ? app.map(readApp) : [];
}

function readApp(value: unknown): YarnApp {
  const { id, applicationType, state, finalStatus, diagnostics, progress, amContainerLogs } =
    membersOf(value);
  return {
    id: String(id ?? ""),
    type: String(applicationType ?? ""),
    state: String(state ?? ""),
    finalStatus: String(finalStatus ?? ""),
    diagnostics: String(diagnostics ?? ""),
    progress: Number(progress ?? 0),
    logs: String(amContainerLogs ?? ""),
  };
}

async function statusOf(
  parts: YarnParts,
  handle: YarnHandle,
  app: YarnApp | undefined,
  signal: AbortSignal,
): Promise<WorkStatus> {
  if (app === undefined)
    return { state: "unknown", why: `YARN does not know ${handle.applicationId}`, forgotten: true };
  if (!isOver(app))
    return app.state === "RUNNING" ? { state: "running", progress: app.progress / 100 } : { state: "queued" };
  if (app.finalStatus === "SUCCEEDED") return { state: "succeeded", exitCode: 0 };
  // A container that died leaves what its program has started, and its files.
  if (await endChildren(parts.call, handle, signal)) return { state: "running" };
  await parts
    .files(signal)
    .remove(handle.folder)
    .catch(() => undefined); // the files of a cluster that is half away: no reason to keep the end back
  const exitCode = Number(/exit ?code:? (-?\d+)/i.exec(app.diagnostics)?.[1] ?? Number.NaN);
  const reason = reasonOf(app);
  return {
    state: app.state === "KILLED" || app.finalStatus === "KILLED" ? "killed" : "failed",
    ...(Number.isInteger(exitCode) && { exitCode }),
    ...(reason !== "" && { reason }),
  };
}

/** Where the launcher said how it ended, its log says why. */
function reasonOf({ diagnostics }: YarnApp): string {
  const text = diagnostics.trim();
  if (/^exit code \d+$/.test(text)) return "";
  return text.replace(/^exit code \d+: /, "").slice(0, REASON_LENGTH_MAX);
}

/** Ends what runs under the same tag beside the application itself; says whether there was anything. */
async function endChildren(call: ClusterCaller, handle: YarnHandle, signal: AbortSignal): Promise<boolean> {
  const key = handle.folder.slice(handle.folder.lastIndexOf("/") + 1);
  const tagged = await listTagged(call, key, signal);
  const children = tagged.filter((app) => app.id !== handle.applicationId && !isOver(app));
  for (const { id } of children) await kill(call, id, signal);
  if (children.length > 0) await delay(KILL_PAUSE_MS, undefined, { signal });
  return children.length > 0;
}

/** One that is over, or not there, stays as it is. */
async function kill(call: ClusterCaller, id: string, signal: AbortSignal): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ state: "KILLED" });
  const answer = await call({ method: "PUT", path: `${APPS}/${id}/state`, headers, body }, signal);
  if (answer.status !== 404) readGood(answer, "the end of an application");
}

/** The answer's JSON. @throws Fault `submission-refused` for what the cluster will never take, else `cluster-unreachable`. */
function readGood(answer: Answer, what: string): unknown {
  const said = answer.text.trim().slice(0, REASON_LENGTH_MAX);
  if (answer.status >= 500)
    throw new Fault(
      "unavailable",
      "cluster-unreachable",
      `YARN fails at ${what} (HTTP ${answer.status}): ${said}`,
    );
  if (answer.status >= 300)
    throw new Fault(
      "invalid",
      "submission-refused",
      `YARN refuses ${what} (HTTP ${answer.status}): ${remoteMessage(said)}`,
    );
  if (answer.text === "") return {};
  try {
    return JSON.parse(answer.text);
  } catch (cause) {
    throw new Fault("unavailable", "cluster-unreachable", `YARN's answer about ${what} is no JSON`, {
      cause,
    });
  }
}

function remoteMessage(text: string): string {
  try {
    return String(membersOf(membersOf(JSON.parse(text)).RemoteException).message ?? text);
  } catch {
    return text; // a page of a proxy
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
