/** One HTTP call to an address that a user gave: what is dialled is the address that the guard has checked. */
import {
  type Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from "node:http";
import { type Agent, request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Fault } from "../domain/fault.ts";
import type { AddressGuard } from "./address-guard.ts";

export interface Call {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is sent as it comes, and destroyed where the call fails; without a `content-length` it goes in chunks. */
  readonly body: string | Uint8Array | Readable;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface OpenBounds {
  readonly signal: AbortSignal;
  /** For so long nothing may be sent or come; absent: for ever. */
  readonly idleMs?: number;
  /** What the certificate of the other side must be signed by, as PEM; node's own list where absent. */
  readonly ca?: string;
  /** What keeps connections from one call to the next; absent: a new one for each. */
  readonly agents?: { readonly http: HttpAgent; readonly https: Agent };
}

export interface CallBounds extends OpenBounds {
  readonly responseBytesMax: number;
}

/** @throws Fault as of the guard's `resolve`; `body-too-large` for a longer answer. Redirects are answers too. */
export async function callGuarded(guard: AddressGuard, call: Call, bounds: CallBounds): Promise<Answer> {
  return await readAnswer(await openGuarded(guard, call, bounds), bounds.responseBytesMax);
}

/** The answer from its headers on; who does not read it to its end destroys it. @throws Fault as of the guard's `resolve`. */
export async function openGuarded(
  guard: AddressGuard,
  call: Call,
  bounds: OpenBounds,
): Promise<IncomingMessage> {
  const { address, family } = await guard.resolve(call.url.hostname);
  const secure = call.url.protocol === "https:";
  const body = typeof call.body === "string" ? Buffer.from(call.body) : call.body;
  const length = body instanceof Readable ? 0 : body.length;
  const options: RequestOptions = {
    method: call.method,
    path: `${call.url.pathname}${call.url.search}`,
    // The checked address is dialled; the name stands in the Host header and, for TLS, in the certificate's check.
    host: address,
    family,
    port: call.url.port === "" ? (secure ? 443 : 80) : call.url.port,
    headers: {
      ...call.headers,
      host: call.url.host,
      ...(length > 0 && { "content-length": length }),
    },
    ...(call.url.username !== "" && { auth: credentialsOf(call.url) }),
    signal: bounds.signal,
  };
  const { agents } = bounds;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const tls = {
    servername: serverName(call.url.hostname),
    ...(bounds.ca !== undefined && { ca: bounds.ca }),
  };
  const outgoing = secure
    ? requestHttps({ ...options, ...tls, agent: agents?.https ?? false }, resolve)
    : requestHttp({ ...options, agent: agents?.http ?? false }, resolve);
  outgoing.on("error", reject);
  const { idleMs } = bounds;
  if (idleMs !== undefined)
    outgoing.setTimeout(idleMs, () => outgoing.destroy(new Error(`nothing came for ${idleMs / 1000} s`)));
  if (body instanceof Readable) pipeline(body, outgoing).catch(reject);
  else outgoing.end(body);
  return await promise;
}

/** The whole answer. @throws Fault `body-too-large` for a longer one. */
export async function readAnswer(incoming: IncomingMessage, bytesMax: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop destroys the connection. Half of an answer must not pass for the whole.
    if (size > bytesMax)
      throw new Fault("too-large", "body-too-large", `The answer is longer than ${bytesMax} bytes.`);
  }
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    text: Buffer.concat(chunks).toString(),
  };
}

/** TLS names hosts only; with none given node checks the certificate against the address that was dialled. */
function serverName(host: string): string {
  return isIP(host.replace(/^\[|\]$/g, "")) === 0 ? host : "";
}

function credentialsOf(url: URL): string {
  return `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
}
