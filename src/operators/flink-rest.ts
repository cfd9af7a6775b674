/** Calls of Flink's REST interface: JSON both ways, jars streamed, and every failure with the cluster's own reason. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import type { ClusterCaller } from "./cluster-call.ts";

/** An answer of the cluster, whatever it says. */
export interface FlinkAnswer {
  readonly status: number;
  /** Its JSON; an empty object where it was none. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What its `errors` say, the cause at the end; empty where there are none. */
  readonly reason: string;
}

export interface FlinkCall {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** From behind the address of the service on, e.g. `/jobs/overview`. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly upload?: { readonly name: string; readonly content: Readable };
  readonly signal: AbortSignal;
  /** For so long the cluster may be silent. */
  readonly idleMs?: number;
}

/** @throws Fault as of a `ClusterCaller`. */
export type FlinkCaller = (call: FlinkCall) => Promise<FlinkAnswer>;

const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
const REASON_LENGTH_MAX = 2_000;
/** Lines around a trace that say no more than that it is one. */
const WRAPPING =
  /^(?:Internal server error\.|<Exception on server side:|End of exception on server side>)\s*$/;

/** Of the JobManager, or of the SQL gateway with its version as `prefix`. */
export function createFlinkCaller(caller: ClusterCaller, prefix = ""): FlinkCaller {
  return async (call) => {
    const { method, path, signal, idleMs } = call;
    const bounds = { responseBytesMax: ANSWER_BYTES_MAX, ...(idleMs !== undefined && { idleMs }) };
    const { status, text } = await caller(
      { method, path: `${prefix}${path}`, ...bodyOf(call), ...bounds },
      signal,
    );
    const json = readObject(text);
    const errors = Array.isArray(json.errors) ? json.errors.filter((error) => typeof error === "string") : [];
    return { status, json, reason: rootCause(errors.join("\n")) };
  };
}

function bodyOf({ body, upload }: FlinkCall): {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Readable;
} {
  if (upload !== undefined) {
    const boundary = `azalai-${randomBytes(16).toString("hex")}`;
    return {
      headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
      body: Readable.from(formOf(boundary, upload), { objectMode: false }),
    };
  }
  if (body === undefined) return { headers: {}, body: "" };
  return { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** A form with one file. Its name is ours, so it has no character that would need another spelling. */
async function* formOf(boundary: string, { name, content }: { name: string; content: Readable }) {
  yield Buffer.from(
    `--${boundary}\r\ncontent-disposition: form-data; name="jarfile"; filename="${name}"\r\ncontent-type: application/x-java-archive\r\n\r\n`,
  );
  for await (const chunk of content) yield chunk;
  yield Buffer.from(`\r\n--${boundary}--\r\n`);
}

/** Lists are objects too, by their places. */
function readObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** What a Java stack trace says at its end: the innermost cause with all lines of its message, without the frames. */
export function rootCause(trace: string): string {
  const lines = trace.split(/\r?\n/).filter((line) => !WRAPPING.test(line));
  const causes = lines.flatMap((line, place) => (line.startsWith("Caused by: ") ? [place] : []));
  const from = causes.at(-1) ?? lines.findIndex((line) => line.trim() !== "" && !isFrame(line));
  if (from < 0) return "";
  const rest = lines.slice(from);
  const end = rest.findIndex((line, place) => place > 0 && isFrame(line));
  const message = rest.slice(0, end < 0 ? rest.length : end).join("\n");
  return message
    .replace(/^Caused by: /, "")
    .trim()
    .slice(0, REASON_LENGTH_MAX);
}

function isFrame(line: string): boolean {
  return /^\s+(at |\.\.\. \d+ )/.test(line) || line.startsWith("Suppressed: ");
}
