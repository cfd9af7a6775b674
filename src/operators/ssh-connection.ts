/** Where a HOST connection leads, who logs in there, and which keys the host may show. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text as textFrom } from "node:stream/consumers";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { type HostKey, readHostKeys, textOf } from "../domain/connection-config.ts";
import { Fault } from "../domain/fault.ts";
import type { AddressGuard } from "./address-guard.ts";
import { hostOf, required } from "./connection-members.ts";
import type { Buckets, WorkConnection } from "./operator.ts";

export type SshPackage = typeof import("ssh2");

export interface SshTarget {
  /** A new line to the checked address, or the fault `server-unavailable`. */
  readonly dial: (signal: AbortSignal) => Promise<Socket>;
  readonly user: string;
  readonly password?: string;
  readonly privateKey?: string;
  readonly passphrase?: string;
  /** Asked for in the negotiation; empty where the connection does not say. */
  readonly keyTypes: readonly ServerHostKeyAlgorithm[];
  /** Why a host that shows this key is not the connection's; undefined when it is. */
  readonly refuseKey: (key: Buffer) => string | undefined;
}

const PORT = 22;
const DIAL_MS = 10_000;
/** One kind of key goes by several names of the way in which it signs. */
const RSA: readonly ServerHostKeyAlgorithm[] = ["rsa-sha2-512", "rsa-sha2-256"];
const KEY_TYPES = new Set<string>([
  ...["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"],
]);

/** Fault `engine-missing` where the package is not installed. */
export async function loadSsh(): Promise<SshPackage> {
  try {
    // A package in the older form of modules, whose types do not know how it is imported.
    const found: SshPackage & { readonly default?: SshPackage } = await import("ssh2");
    return found.default ?? found;
  } catch (cause) {
    const message = "The package ssh2 is not installed on this server: npm install brings it.";
    throw new Fault("unavailable", "engine-missing", message, { cause });
  }
}

/** Faults: as of the guard's `resolve`; `connection-invalid` without an address; `reference-invalid` for wrong members. */
export async function sshTarget(
  guard: AddressGuard,
  connection: WorkConnection,
  buckets: Buckets,
): Promise<SshTarget> {
  const { config } = connection;
  const [user, password, passphrase] = ["userName", "password", "passphrase"].map((name) =>
    textOf(config, name),
  );
  const keys = required(readHostKeys(config));
  const privateKey = await privateKeyOf(connection, buckets);
  const { address } = await guard.resolve(hostOf(connection));
  const port = Number(textOf(config, "port") || PORT);
  return {
    dial: (signal) => dial(address, port, signal),
    user: user ?? "",
    ...(password && { password }),
    ...(privateKey && { privateKey }),
    ...(passphrase && { passphrase }),
    keyTypes: keys.flatMap(({ type }) => algorithmsOf(type)),
    refuseKey: (shown) => refuseKey(connection.name, keys, shown),
  };
}

/** `ssh-ed25519 SHA256:…`, as OpenSSH's programs tell a key. */
export function describeKey(key: Buffer): string {
  const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString("latin1");
  return `${type} ${fingerprintOf(key)}`;
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

async function privateKeyOf({ config }: WorkConnection, buckets: Buckets): Promise<string> {
  const inline = textOf(config, "privateKey");
  const place = textOf(config, "keyLocation");
  return inline !== "" || place === "" ? inline : await textFrom(await buckets.open(place));
}

/** A fingerprint alone does not say of what kind the key is: then all are asked for, in the driver's order. */
function algorithmsOf(type: string | undefined): readonly ServerHostKeyAlgorithm[] {
  if (type === undefined) return [];
  if (type === "ssh-rsa") return RSA;
  return isKeyType(type) ? [type] : [];
}

function isKeyType(type: string): type is ServerHostKeyAlgorithm & string {
  return KEY_TYPES.has(type);
}

function refuseKey(name: string, keys: readonly HostKey[], shown: Buffer): string | undefined {
  const fingerprint = fingerprintOf(shown);
  const known = keys.some((key) =>
    "fingerprint" in key ? key.fingerprint === fingerprint : shown.equals(Buffer.from(key.blob, "base64")),
  );
  if (known) return undefined;
  if (keys.length === 0)
    return `The host of "${name}" shows the key ${describeKey(shown)}, and the connection names none: once you have made sure that it is the host's, give it as hostKey.`;
  return `The host of "${name}" shows another key than the connection's hostKey: ${describeKey(shown)}. It may be another host that pretends to be it.`;
}

async function dial(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  try {
    await once(socket, "connect", { signal: AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]) });
    return socket;
  } catch (cause) {
    socket.destroy();
    signal.throwIfAborted();
    const reason =
      cause instanceof Error && "code" in cause && cause.code !== "ABORT_ERR" ? cause.message : "no answer";
    throw new Fault("unavailable", "server-unavailable", `${host}:${port} was not reached: ${reason}`, {
      cause,
    });
  }
}
