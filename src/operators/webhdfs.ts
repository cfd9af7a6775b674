/** A cluster's files by WebHDFS: what is known of one, its bytes from any place on, written whole or not at all. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import { type AddressGuard, createAddressGuard } from "./address-guard.ts";
import { type Call, openGuarded, readAnswer } from "./guarded-call.ts";

export interface WebHdfsPlace {
  /** `http://name-node:9870`, with or without `/webhdfs/v1`. */
  readonly webhdfs: string;
  /** Who asks; the cluster trusts the word of its network. */
  readonly user?: string;
}

/** Paths are absolute, `/folder/file`. What is under way ends with the signal. */
export interface WebHdfs {
  /** Undefined where there is nothing. */
  readonly status: (path: string) => Promise<HdfsStatus | undefined>;
  /** What lies directly in the folder; nothing for one that is not there. */
  readonly children: (path: string) => Promise<readonly HdfsStatus[]>;
  /** From a byte on. A connection that breaks is made anew where it broke. Fault `reference-invalid` where there is no file. */
  readonly open: (path: string, fromByte?: number) => Promise<Readable>;
  /** Over an older file. */
  readonly write: (path: string, content: Readable) => Promise<void>;
  readonly makeFolder: (path: string, options?: { readonly permission: string }) => Promise<void>;
  /** The file, or the folder with all that lies in it; says whether there was one. */
  readonly remove: (path: string) => Promise<boolean>;
  /** By the cluster's own reckoning: two files of the same bytes, written alike, have the same. */
  readonly checksum: (path: string) => Promise<string>;
}

export interface HdfsStatus {
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly bytes: number;
  readonly modifiedMs: number;
}

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const IDLE_MS = 30_000;
const READ_TRIES = 5;
const READ_PAUSE_MS = 500;
const REDIRECTS_MAX = 3;
const API = "/webhdfs/v1";
/** For a while, or for as long as somebody else writes there. */
const PASSING = /SafeMode|Standby|Retriable|AlreadyBeingCreated|RecoveryInProgress/;

interface Connection {
  readonly guard: AddressGuard;
  readonly place: WebHdfsPlace;
  readonly signal: AbortSignal;
}

export function createWebHdfs(
  allowedAddresses: readonly string[],
  place: WebHdfsPlace,
  signal: AbortSignal,
): WebHdfs {
  const connection = { guard: createAddressGuard(allowedAddresses), place, signal };
  const status = async (path: string) => {
    const answer = await ask(connection, "GET", path, "GETFILESTATUS");
    return answer === undefined ? undefined : readStatus(path, membersOf(answer).FileStatus, "");
  };
  const remove = async (path: string) =>
    membersOf(await ask(connection, "DELETE", path, "DELETE", { recursive: "true" })).boolean === true;
  return {
    status,
    children: async (path) => {
      const answer = membersOf(await ask(connection, "GET", path, "LISTSTATUS"));
      const listed = membersOf(answer.FileStatuses).FileStatus;
      return Array.isArray(listed) ? listed.map((one) => readStatus(path, one)) : [];
    },
    open: async (path, fromByte = 0) => {
      const found = await status(path);
      if (found?.kind !== "file")
        throw new Fault("not-found", "reference-invalid", `there is no file ${path} on the cluster`);
      return Readable.from(readOn(connection, path, fromByte, found.bytes), { objectMode: false });
    },
    write: async (path, content) => {
      const unfinished = `${path}._azalai_${randomBytes(6).toString("hex")}`;
      try {
        await send(connection, unfinished, content);
        await ask(connection, "PUT", unfinished, "RENAME", { destination: path, renameoptions: "OVERWRITE" });
      } catch (error) {
        content.destroy();
        await remove(unfinished).catch(() => undefined); // the cluster is away: the error says so
        throw error;
      }
    },
    makeFolder: async (path, options) => void (await ask(connection, "PUT", path, "MKDIRS", { ...options })),
    remove,
    checksum: async (path) => {
      const answer = membersOf(await ask(connection, "GET", path, "GETFILECHECKSUM"));
      return String(membersOf(answer.FileChecksum).bytes ?? "");
    },
  };
}

/** Each chunk counts as read: what comes behind a broken connection begins where it ended. */
async function* readOn(
  connection: Connection,
  path: string,
  from: number,
  to: number,
): AsyncGenerator<Buffer> {
  let at = from;
  for (let tries = 0; at < to; ) {
    try {
      const incoming = await openCall(connection, "GET", path, "OPEN", { offset: String(at) });
      for await (const chunk of await checked(incoming, path)) {
        at += chunk.length;
        tries = 0;
        yield chunk;
      }
      if (at < to)
        throw new Fault("unavailable", "cluster-unreachable", `${path} ended after ${at} of ${to} bytes`);
    } catch (error) {
      tries += 1;
      const isLasting = error instanceof Fault && error.kind !== "unavailable";
      if (isLasting || tries >= READ_TRIES || connection.signal.aborted) throw error;
      await delay(READ_PAUSE_MS * tries, undefined, { signal: connection.signal });
    }
  }
}

/** In two steps: the name node says which data node takes the bytes (WebHDFS, "Create and Write to a File"). */
async function send(connection: Connection, path: string, content: Readable): Promise<void> {
  const first = await call(connection, urlOf(connection.place, path, "CREATE", { overwrite: "true" }), {
    method: "PUT",
    body: "",
  });
  const target = locationOf(first);
  await checked(first, path).then((answer) => answer.resume());
  if (target === undefined)
    throw new Fault("unavailable", "cluster-unreachable", "the name node names no place for a file's bytes");
  const second = await call(connection, target, {
    method: "PUT",
    body: content,
    headers: { "content-type": "application/octet-stream" },
  });
  await readAnswer(await checked(second, path), ANSWER_BYTES_MAX);
}

type Parameters = Readonly<Record<string, string>>;

/** The answer's JSON; undefined where there is nothing at the path. */
async function ask(
  connection: Connection,
  method: string,
  path: string,
  operation: string,
  parameters: Parameters = {},
): Promise<unknown> {
  const incoming = await openCall(connection, method, path, operation, parameters);
  if (incoming.statusCode === 404) {
    const { text } = await readAnswer(incoming, ANSWER_BYTES_MAX);
    if (text.includes("FileNotFoundException")) return undefined;
    throw new Fault(
      "invalid",
      "cluster-service-missing",
      `there is no WebHDFS at ${connection.place.webhdfs}`,
    );
  }
  const { text } = await readAnswer(await checked(incoming, path), ANSWER_BYTES_MAX);
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch (cause) {
    throw new Fault("unavailable", "cluster-unreachable", `WebHDFS answers ${operation} with no JSON`, {
      cause,
    });
  }
}

/** Follows where the name node leads, each time to an address that the guard has checked. */
async function openCall(
  connection: Connection,
  method: string,
  path: string,
  operation: string,
  parameters: Parameters,
): Promise<IncomingMessage> {
  let url = urlOf(connection.place, path, operation, parameters);
  for (let count = 0; ; count += 1) {
    const incoming = await call(connection, url, { method, body: "" });
    const next = locationOf(incoming);
    if (next === undefined || count === REDIRECTS_MAX) return incoming;
    incoming.resume();
    url = next;
  }
}

async function call(
  { guard, signal }: Connection,
  url: URL,
  request: { readonly method: string; readonly body: Call["body"]; readonly headers?: Call["headers"] },
): Promise<IncomingMessage> {
  try {
    return await openGuarded(guard, { headers: {}, ...request, url }, { signal, idleMs: IDLE_MS });
  } catch (error) {
    if (signal.aborted || (error instanceof Fault && error.kind !== "unavailable")) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new Fault(
      "unavailable",
      "cluster-unreachable",
      `WebHDFS at ${url.origin} does not answer: ${why}`,
      {
        cause: error,
      },
    );
  }
}

/** The answer where it is a success, or a step on the way to one. */
async function checked(incoming: IncomingMessage, path: string): Promise<IncomingMessage> {
  const status = incoming.statusCode ?? 0;
  if (status < 400) return incoming;
  const { text } = await readAnswer(incoming, ANSWER_BYTES_MAX);
  const { exception = "", message = "" } = remoteException(text);
  const why = `${path}: HTTP ${status} ${exception} ${message.split("\n")[0] ?? ""}`.trim();
  if (status >= 500 || PASSING.test(exception)) throw new Fault("unavailable", "cluster-unreachable", why);
  if (status === 401) throw new Fault("invalid", "cluster-login-refused", why);
  throw new Fault(status === 404 ? "not-found" : "invalid", "reference-invalid", why);
}

function remoteException(text: string): { readonly exception?: string; readonly message?: string } {
  try {
    const { exception, message } = membersOf(membersOf(JSON.parse(text)).RemoteException);
    return { exception: String(exception ?? ""), message: String(message ?? "") };
  } catch {
    return {}; // a page of a proxy
  }
}

function locationOf({ statusCode = 0, headers }: IncomingMessage): URL | undefined {
  const { location } = headers;
  if (statusCode < 300 || statusCode > 399 || location === undefined || !URL.canParse(location))
    return undefined;
  const url = new URL(location);
  return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
}

function urlOf(
  { webhdfs, user }: WebHdfsPlace,
  path: string,
  operation: string,
  parameters: Parameters,
): URL {
  const base = webhdfs.replace(/\/+$/, "").replace(/\/webhdfs\/v1$/, "");
  const url = new URL(`${base}${API}${path.split("/").map(encodeURIComponent).join("/")}`);
  url.searchParams.set("op", operation);
  if (user !== undefined) url.searchParams.set("user.name", user);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

function readStatus(folder: string, value: unknown, suffix?: string): HdfsStatus {
  const { pathSuffix, type, length, modificationTime } = membersOf(value);
  const name = suffix ?? String(pathSuffix ?? "");
  return {
    path: name === "" ? folder : `${folder.replace(/\/+$/, "")}/${name}`,
    kind: type === "DIRECTORY" ? "folder" : "file",
    bytes: Number(length ?? 0),
    modifiedMs: Number(modificationTime ?? 0),
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
