/** A log-in at a host over SSH: opened, asked to run commands, lost or closed. */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Client, ClientChannel } from "ssh2";
import { Fault } from "../domain/fault.ts";
import { describeKey, type SshPackage, type SshTarget } from "./ssh-connection.ts";

export interface SshSession {
  /** What the host has shown and is known by. */
  readonly hostKey: string;
  /** Begins a command, which the user's shell on the host reads; nothing that a user wrote may stand in it. */
  readonly exec: (command: string) => Promise<ClientChannel>;
  /** Runs a short command to its end; true when it was successful. */
  readonly succeeds: (command: string, stdin?: NodeJS.ReadableStream | string) => Promise<boolean>;
  /** Resolves with the reason when the line is gone, also after `close`. */
  readonly lost: Promise<string>;
  readonly close: () => void;
}

const READY_MS = 20_000;
/** A line that says nothing is asked, and given up after so many questions. */
const KEEPALIVE_MS = 15_000;
const KEEPALIVES_MAX = 3;
const CHANNEL_MS = 30_000;

/** Rejects with a fault when the host is not reached, shows a wrong key or does not let in; on an abort with its reason. */
export async function openSshSession(
  { Client }: SshPackage,
  target: SshTarget,
  signal: AbortSignal,
): Promise<SshSession> {
  signal.throwIfAborted();
  const socket = await target.dial(signal);
  const client = new Client();
  const { promise: lost, resolve: onLost } = Promise.withResolvers<string>();
  client.on("close", () => onLost("the host hung up"));
  client.on("error", (error) => onLost(error.message));
  const abandon = () => void socket.destroy();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    const hostKey = await logIn(client, socket, target, signal);
    return {
      hostKey,
      exec: (command) => begin(client, command, lost),
      succeeds: async (command, stdin) => await succeeds(await begin(client, command, lost), lost, stdin),
      lost,
      close: () => {
        client.end();
        socket.destroySoon();
      },
    };
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}

async function logIn(
  client: Client,
  socket: Socket,
  { user, password, privateKey, passphrase, keyTypes, refuseKey }: SshTarget,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let hostKey = "";
  let refusal: string | undefined;
  const fail = (error: Error) => {
    if (refusal !== undefined) reject(new Fault("forbidden", "reference-invalid", refusal));
    else if (signal.aborted) reject(signal.reason);
    else reject(new Fault("unavailable", "server-unavailable", explain(error), { cause: error }));
  };
  client.on("ready", () => resolve(hostKey));
  client.on("error", fail);
  client.on("close", () => fail(new Error("the host hung up")));
  // Hosts that ask for the password as one of several questions.
  client.on("keyboard-interactive", (_name, _instructions, _language, prompts, finish) =>
    finish(prompts.map(() => password ?? "")),
  );
  try {
    client.connect({
      sock: socket,
      username: user,
      ...(password !== undefined && { password, tryKeyboard: true }),
      ...(privateKey !== undefined && { privateKey }),
      ...(passphrase !== undefined && { passphrase }),
      ...(keyTypes.length > 0 && { algorithms: { serverHostKey: [...keyTypes] } }),
      hostVerifier: (key: Buffer) => {
        hostKey = describeKey(key);
        refusal = refuseKey(key);
        return refusal === undefined;
      },
      readyTimeout: READY_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVES_MAX,
    });
  } catch (cause) {
    // A private key that cannot be read is told at once.
    const message = cause instanceof Error ? cause.message : String(cause);
    reject(new Fault("invalid", "reference-invalid", message, { cause }));
  }
  return await promise;
}

function explain(error: Error): string {
  if ("level" in error && error.level === "client-authentication")
    return "The host does not let this user in: neither the password nor the key was good.";
  return `The host was not logged in to: ${error.message}`;
}

async function begin(client: Client, command: string, lost: Promise<string>): Promise<ClientChannel> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
  const timer = setTimeout(() => reject(unavailable("the host begins no command")), CHANNEL_MS);
  void lost.then((reason) => reject(unavailable(reason)));
  try {
    client.exec(command, (error, channel) => (error ? reject(unavailable(error.message)) : resolve(channel)));
  } catch (error) {
    reject(error); // not connected any more
  }
  return await promise.finally(() => clearTimeout(timer));
}

function unavailable(message: string): Fault {
  return new Fault("unavailable", "server-unavailable", message);
}

async function succeeds(
  channel: ClientChannel,
  lost: Promise<string>,
  stdin: NodeJS.ReadableStream | string = "",
): Promise<boolean> {
  let code: unknown;
  channel.on("exit", (exitCode: unknown) => {
    code = exitCode;
  });
  channel.on("error", () => undefined);
  channel.resume();
  channel.stderr.resume();
  const closed = once(channel, "close");
  if (typeof stdin === "string") channel.end(stdin);
  else stdin.on("error", () => channel.destroy()).pipe(channel);
  await Promise.race([closed, lost]);
  return code === 0;
}
