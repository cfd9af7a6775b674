/** A connection that speaks Thrift's binary protocol with a HiveServer2: opened, logged in, one call after the other. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { Fault } from "../domain/fault.ts";
import {
  type DecodedStruct,
  decodeReply,
  type Encoded,
  encodeCall,
  structIn,
  textIn,
} from "./thrift-binary.ts";

export interface ThriftLine {
  /** The reply's own struct. Rejects once the line is lost, and with the service's words where it refuses the call. */
  readonly call: (name: string, request: Encoded) => Promise<DecodedStruct>;
  readonly usable: () => boolean;
  /** Hangs up. A call that waits rejects. */
  readonly close: () => void;
}

export interface ThriftTarget {
  /** Dials; the event says when the other side can be spoken to. */
  readonly dial: () => { readonly socket: Socket; readonly ready: "connect" | "secureConnect" };
  /** SASL PLAIN around each message; without it the messages stand bare (`NOSASL`). */
  readonly login?: { readonly user: string; readonly password: string };
  readonly connectTimeoutMs: number;
  /** Longest reply that is read. */
  readonly replyBytesMax: number;
}

/** Steps of the negotiation, as the first byte of its messages says. */
const SASL = { start: 1, ok: 2, bad: 3, error: 4, complete: 5 };

/** Rejects when the server cannot be reached or does not let in, or with the signal's reason when that was aborted first. */
export async function openThriftLine(target: ThriftTarget, signal: AbortSignal): Promise<ThriftLine> {
  signal.throwIfAborted();
  const { socket, ready } = target.dial();
  socket.on("error", () => undefined); // told to who waits
  const time = AbortSignal.timeout(target.connectTimeoutMs);
  const abort = () => socket.destroy();
  const bounded = AbortSignal.any([signal, time]);
  bounded.addEventListener("abort", abort, { once: true });
  try {
    await once(socket, ready, { signal: bounded });
    socket.setNoDelay(true).setKeepAlive(true);
    const input = createInput(socket, target.replyBytesMax);
    if (target.login !== undefined) await logIn(socket, input, target.login);
    return createLine(socket, input, target.login !== undefined);
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    if (time.aborted) throw unavailable(`no answer within ${target.connectTimeoutMs / 1000} s`, error);
    throw error instanceof Fault ? error : unavailable(reasonOf(error), error);
  } finally {
    bounded.removeEventListener("abort", abort);
  }
}

function createLine(socket: Socket, input: Input, framed: boolean): ThriftLine {
  let sequence = 0;
  let alive = true;
  socket.once("close", () => {
    alive = false;
  });
  const close = () => {
    alive = false;
    socket.destroy();
  };
  return {
    usable: () => alive,
    close,
    call: async (name, request) => {
      sequence += 1;
      const message = encodeCall(name, sequence, request);
      socket.write(framed ? Buffer.concat([lengthOf(message), message]) : message);
      try {
        const reply = await input.take(framed ? replyInFrame : replyAlone);
        if (reply.sequence !== sequence) throw unavailable("the server answers what was not asked");
        if (reply.failed) throw unavailable(`the server refused ${name}: ${textIn(reply.result, 1) ?? ""}`);
        return structIn(reply.result, 0);
      } catch (error) {
        close(); // what comes after half an answer belongs to nobody
        throw error instanceof Fault ? error : unavailable(reasonOf(error), error);
      }
    },
  };
}

/** What stands at the beginning of the bytes and where it ends, or how many bytes there must be at least. */
type Found<Value> = { readonly value: Value; readonly end: number } | { readonly atLeast: number };

interface Input {
  /** Waits for what `find` looks for, takes it off, and rejects when the line ends first. */
  readonly take: <Value>(find: (bytes: Buffer) => Found<Value>) => Promise<Value>;
}

function createInput(socket: Socket, bytesMax: number): Input {
  let chunks: Buffer[] = [];
  let length = 0;
  let failure: unknown;
  let wake = () => {};
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    wake();
  });
  socket.once("error", (error) => {
    failure = error;
    wake();
  });
  socket.once("close", () => {
    failure ??= unavailable("the server has hung up");
    wake();
  });
  const more = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    return promise;
  };
  const gathered = () => {
    const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    chunks = [bytes];
    return bytes;
  };
  const takenOff = <Value>({ value, end }: { readonly value: Value; readonly end: number }): Value => {
    chunks = [gathered().subarray(end)];
    length -= end;
    return value;
  };
  return {
    take: async (find) => {
      for (let atLeast = 1; ; ) {
        const found = length >= atLeast ? find(gathered()) : { atLeast };
        if ("value" in found) return takenOff(found);
        atLeast = found.atLeast;
        if (atLeast > bytesMax) throw tooLong(bytesMax);
        if (failure !== undefined) throw failure;
        await more();
      }
    },
  };
}

function tooLong(bytesMax: number): Fault {
  return new Fault("too-large", "body-too-large", `The server's answer has more than ${bytesMax} bytes.`);
}

function replyInFrame(bytes: Buffer) {
  if (bytes.length < 4) return { atLeast: 4 };
  const end = 4 + bytes.readUInt32BE();
  if (bytes.length < end) return { atLeast: end };
  const found = decodeReply(bytes.subarray(4, end));
  if (found === undefined) throw new RangeError("the server's answer ends in its middle");
  return { value: found.reply, end };
}

/** Nothing says how long it is: it is tried again when more of it has come. */
function replyAlone(bytes: Buffer) {
  const found = decodeReply(bytes);
  return found === undefined ? { atLeast: bytes.length + 1 } : { value: found.reply, end: found.end };
}

/** Source: RFC 4616, in the frames of Thrift's TSaslTransport: a step, a length, the bytes. */
async function logIn(
  socket: Socket,
  input: Input,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<void> {
  const send = (step: number, words: string) => {
    const bytes = Buffer.from(words);
    socket.write(Buffer.concat([Buffer.from([step]), lengthOf(bytes), bytes]));
  };
  send(SASL.start, "PLAIN");
  // A server that asks for nobody's password still wants one that is not empty.
  send(SASL.ok, `\0${user || "anonymous"}\0${password || "anonymous"}`);
  for (;;) {
    const { step, words } = await input.take(negotiation);
    if (step === SASL.complete) return;
    if (step !== SASL.ok) throw refusedLogin(step, words);
  }
}

function negotiation(bytes: Buffer) {
  if (bytes.length < 5) return { atLeast: 5 };
  const step = bytes.readUInt8();
  const end = 5 + bytes.readUInt32BE(1);
  if (step < SASL.start || step > SASL.complete || end > 64 * 1024)
    throw unavailable(
      "the server does not speak SASL: its authentication may be NOSASL, or it is no HiveServer2",
    );
  if (bytes.length < end) return { atLeast: end };
  return { value: { step, words: bytes.subarray(5, end).toString() }, end };
}

function refusedLogin(step: number, words: string): Fault {
  if (step === SASL.bad && /mechanism|GSSAPI/i.test(words))
    return new Fault(
      "unsupported",
      "engine-missing",
      `The server asks for Kerberos, or another log-in that this service does not have: ${words}`,
    );
  return new Fault("invalid", "connection-invalid", `The server refuses the log-in: ${words}`);
}

function lengthOf(bytes: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return head;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unavailable(reason: string, cause?: unknown): Fault {
  const message = `The server cannot be spoken to: ${reason}.`;
  return new Fault("unavailable", "server-unavailable", message, cause === undefined ? {} : { cause });
}
