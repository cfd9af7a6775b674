/** Calls an S3 endpoint as a connection says: signed, through the address guard, and again where it is only busy. */
import type { IncomingMessage } from "node:http";
import { setTimeout } from "node:timers/promises";
import {
  readCertificate,
  readEndpoint,
  readIntervalSeconds,
  readKeyPair,
  readSwitch,
  textOf,
} from "../domain/connection-config.ts";
import { Fault } from "../domain/fault.ts";
import type { AddressGuard } from "./address-guard.ts";
import { refuseConnection, required } from "./connection-members.ts";
import { type Answer, type Call, openGuarded, readAnswer } from "./guarded-call.ts";
import type { WorkConnection } from "./operator.ts";
import { pathText, queryText, type S3Keys, signCall } from "./s3-signature.ts";

export interface S3Settings {
  readonly allowedAddresses: readonly string[];
  readonly now: () => Date;
}

/** What a connection of type `S3` says. */
export interface Endpoint {
  readonly url: URL;
  /** Undefined for buckets that everybody may use. */
  readonly keys: S3Keys | undefined;
  /** The bucket stands in the path rather than in the host's name. */
  readonly pathStyle: boolean;
  readonly ca: string | undefined;
  readonly intervalSeconds: number;
}

export interface EndpointCall {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Absent: the endpoint itself. */
  readonly bucket?: string;
  /** Empty or absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
}

/** What a call is about, and until when. */
export interface EndpointKey {
  readonly bucket: string;
  readonly key: string;
  readonly signal: AbortSignal;
}

/** Calls one endpoint; a refusal is an answer too. */
export interface EndpointCaller {
  readonly call: (call: EndpointCall) => Promise<Answer>;
  /** The answer from its headers on; who does not read it to its end destroys it. */
  readonly open: (call: EndpointCall) => Promise<IncomingMessage>;
}

const REGION = "us-east-1";
/** Of a list: a page's keys have at most 1024 bytes each, three characters for a byte. Other answers are short. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const IDLE_MS = 60_000;
const BUSY = [500, 502, 503, 504];
const TRIES_MAX = 3;
const PAUSE_MS = 200;
const REASON_LENGTH_MAX = 300;

/** @throws Fault `reference-invalid` for a connection that leads to no endpoint. */
export function endpointOf({ name, type, config }: WorkConnection): Endpoint {
  if (type !== "S3") refuseConnection(`The connection "${name}" is of type ${type}, not S3.`);
  const pair = required(readKeyPair(config));
  return {
    url: required(readEndpoint(config)),
    keys: pair && { ...pair, region: textOf(config, "region") || REGION },
    pathStyle: required(readSwitch(config, "pathStyle", true)),
    ca: required(readCertificate(config)),
    intervalSeconds: required(readIntervalSeconds(config)),
  };
}

export function createEndpointCaller(
  { now }: S3Settings,
  guard: AddressGuard,
  endpoint: Endpoint,
): EndpointCaller {
  const { keys, ca } = endpoint;
  const open = (call: EndpointCall) =>
    patiently(endpoint, call.signal, async () => {
      const { method, body = "" } = call;
      const url = urlOf(endpoint, call);
      const headers = keys === undefined ? {} : signCall({ method, url, body }, keys, now());
      const signed: Call = { url, method, headers, body };
      return await openGuarded(guard, signed, {
        ...{ signal: call.signal, idleMs: IDLE_MS },
        ...(ca !== undefined && { ca }),
      });
    });
  return { open, call: async (call) => await readAnswer(await open(call), ANSWER_BYTES_MAX) };
}

/** What the endpoint says of its refusal; it leads elsewhere, too, where the bucket's region is not that of the connection. */
export function refusal({ status, text }: Answer): Fault {
  const [code, message] = [element(text, "Code"), element(text, "Message")];
  const reason = code === undefined ? text : `${code}: ${message ?? ""}`;
  const said = `The endpoint answered with status ${status}: ${reason.slice(0, REASON_LENGTH_MAX)}`;
  return code === "NoSuchBucket"
    ? new Fault("not-found", "bucket-missing", said)
    : new Fault("unavailable", "storage-unavailable", said);
}

/** The text of the first element of that name in an answer, its entities resolved. */
export function element(text: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(text)?.[1];
  return found?.replace(/&(?:#(\d+)|#x([0-9a-fA-F]+)|([a-z]+));/g, (_, decimal, hex, entity) =>
    entity === undefined
      ? String.fromCodePoint(decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal))
      : (ENTITIES[entity] ?? ""),
  );
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Nothing that is sent here does harm when it is done twice. */
async function patiently(
  { url }: Endpoint,
  signal: AbortSignal,
  send: () => Promise<IncomingMessage>,
): Promise<IncomingMessage> {
  for (let tries = 1; ; tries += 1) {
    const answer = await send().catch((error: unknown) => {
      if (tries === TRIES_MAX || signal.aborted || error instanceof Fault)
        throw unreachable(url, signal, error);
      return undefined;
    });
    if (answer !== undefined && (tries === TRIES_MAX || !BUSY.includes(answer.statusCode ?? 0)))
      return answer;
    answer?.destroy();
    await setTimeout(PAUSE_MS * 2 ** tries, undefined, { signal });
  }
}

/** What a user who has been told to stop is told is the signal's reason. */
function unreachable(url: URL, signal: AbortSignal, error: unknown): unknown {
  const late = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
  if (error instanceof Fault || (signal.aborted && !late)) return error;
  const why = late ? "no answer in time" : error instanceof Error ? error.message : String(error);
  const message = `The endpoint ${url.origin} cannot be reached: ${why}`;
  return new Fault("unavailable", "storage-unavailable", message, { cause: error });
}

function urlOf({ url, pathStyle }: Endpoint, { bucket, key = "", query = {} }: EndpointCall): URL {
  const address = new URL(url);
  const folder = url.pathname.replace(/\/+$/, "");
  const inPath = bucket !== undefined && pathStyle ? `/${bucket}` : "";
  address.pathname = key === "" && inPath !== "" ? folder + inPath : `${folder}${inPath}/${pathText(key)}`;
  if (bucket !== undefined && !pathStyle) address.hostname = `${bucket}.${url.hostname}`;
  address.search = queryText(query);
  return address;
}
