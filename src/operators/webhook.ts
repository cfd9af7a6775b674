/** Posts notices to web addresses that users gave, each signed with the secret of its target. */
import { createHmac } from "node:crypto";
import { Fault } from "../domain/fault.ts";
import { createAddressGuard } from "./address-guard.ts";
import { callGuarded } from "./guarded-call.ts";

/** One try at one delivery. */
export interface WebhookCall {
  readonly url: string;
  readonly secret: string;
  /** The same for every try: a receiver knows by it what it has already. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
}

/** Resolves when the other side has taken the call; rejects with a sentence that says why it has not. */
export type SendWebhook = (call: WebhookCall, signal: AbortSignal) => Promise<void>;

const TIMEOUT_MS = 10_000;
const RESPONSE_BYTES_MAX = 1024 * 1024;

/** A redirect is followed by nobody: it is no success. */
export function createWebhookSender({
  allowedAddresses,
  now,
}: {
  readonly allowedAddresses: readonly string[];
  readonly now: () => Date;
}): SendWebhook {
  const guard = createAddressGuard(allowedAddresses);
  return async ({ url, secret, id, body }, signal) => {
    const call = { url: new URL(url), method: "POST", headers: headersOf(secret, id, body, now()), body };
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const bounds = { signal: AbortSignal.any([signal, timeout]), responseBytesMax: RESPONSE_BYTES_MAX };
    const { status } = await callGuarded(guard, call, bounds).catch((cause: unknown) => {
      if (!timeout.aborted) throw cause;
      throw new Fault("unavailable", "server-unavailable", `no answer within ${TIMEOUT_MS / 1000} s`, {
        cause,
      });
    });
    if (status < 200 || status > 299)
      throw new Fault("unavailable", "server-unavailable", `HTTP status ${status} where 2xx is expected`);
  };
}

function headersOf(secret: string, id: string, body: string, at: Date): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json; charset=utf-8",
    "user-agent": "azalai",
    "x-azalai-notice": id,
    "x-azalai-signature": signatureOf(secret, body, at),
  };
}

/** `t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 of `<t>.<body>`, so that an old call cannot be sent again as a new one. */
function signatureOf(secret: string, body: string, at: Date): string {
  const seconds = Math.floor(at.getTime() / 1000);
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
}
