/** Calls of a cluster's HTTP services: through the address guard, over connections that are kept, each within bounds. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { Fault } from "../domain/fault.ts";
import { type AddressGuard, createAddressGuard } from "./address-guard.ts";
import { type Answer, type Call, callGuarded } from "./guarded-call.ts";
import type { ServiceKind } from "./operator.ts";

export interface ClusterCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Behind the service's address. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Call["body"];
  readonly responseBytesMax?: number;
  /** Where the service thinks for long before it answers. */
  readonly idleMs?: number;
}

/**
 * The answer, whatever its status but those of a login or of a service that is not there.
 * @throws Fault `cluster-unreachable`, `cluster-login-refused`, `body-too-large`.
 */
export type ClusterCaller = (call: ClusterCall, signal: AbortSignal) => Promise<Answer>;

/** Makes callers for services of clusters. */
export interface ClusterCallers {
  readonly callerOf: (service: ServiceKind, address: string) => ClusterCaller;
  readonly close: () => void;
}

/** Nothing may come for so long. */
const IDLE_MS = 10_000;
const RESPONSE_BYTES_MAX = 16 * 1024 * 1024;
/** To one address; more wait for one another. */
const SOCKETS_MAX = 16;

export function createClusterCallers(allowedAddresses: readonly string[]): ClusterCallers {
  const guard = createAddressGuard(allowedAddresses);
  const kept = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const agents = { http: new HttpAgent(kept), https: new HttpsAgent(kept) };
  return {
    callerOf: (service, address) => async (call, signal) => {
      const base = address.replace(/\/+$/, "");
      const url = new URL(`${base}${call.path}`);
      const answer = await answerOf(guard, url, call, { signal, agents }).catch((error: unknown) => {
        if (signal.aborted && !isTimeout(signal)) throw error;
        throw silenceOf(service, base, error);
      });
      return judged(service, base, answer);
    },
    close: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

async function answerOf(
  guard: AddressGuard,
  url: URL,
  call: ClusterCall,
  bounds: {
    readonly signal: AbortSignal;
    readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  },
): Promise<Answer> {
  const { method, headers = {}, body = "", responseBytesMax = RESPONSE_BYTES_MAX, idleMs = IDLE_MS } = call;
  return await callGuarded(guard, { url, method, headers, body }, { ...bounds, idleMs, responseBytesMax });
}

function isTimeout({ reason }: AbortSignal): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}

/** A Fault of the guard or about the answer's size stays what it is. */
function silenceOf(service: ServiceKind, base: string, error: unknown): Fault {
  if (error instanceof Fault && error.kind !== "unavailable") return error;
  const why = error instanceof Error ? error.message : String(error);
  return new Fault("unavailable", "cluster-unreachable", `${service} at ${base} does not answer: ${why}`, {
    cause: error,
  });
}

function judged(service: ServiceKind, base: string, answer: Answer): Answer {
  const { status } = answer;
  if (status === 401 || status === 403)
    throw new Fault(
      "invalid",
      "cluster-login-refused",
      `${service} at ${base} refuses the login (HTTP ${status})`,
    );
  if (status === 502 || status === 503 || status === 504)
    throw new Fault("unavailable", "cluster-unreachable", `${service} at ${base} is away (HTTP ${status})`);
  return answer;
}
