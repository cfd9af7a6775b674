/** A session with a HiveServer2 or a Spark thrift server: statements begun, followed, read and cancelled (TCLIService). */
import { setTimeout as wait } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import { columnsOf, type HiveColumn, rowsOf } from "./hive-rows.ts";
import type { TextRow } from "./sql-rows.ts";
import {
  bool,
  bytesIn,
  type DecodedStruct,
  type Encoded,
  i16,
  i32,
  i64,
  numberIn,
  struct,
  structIn,
  text,
  textIn,
  texts,
} from "./thrift-binary.ts";
import { openThriftLine, type ThriftLine, type ThriftTarget } from "./thrift-line.ts";

export interface HiveSession {
  /** Begins a statement; it runs on the server while it is followed. */
  readonly begin: (statement: string) => Promise<HiveStatement>;
  /** Of the server, such as `Spark SQL` and `4.0.1`. */
  readonly info: (kind: "name" | "version") => Promise<string>;
  readonly close: () => Promise<void>;
}

export interface HiveStatement {
  /** Resolves when it has ended well; rejects with the server's own words where it has not. `log` hears what it says meanwhile. */
  readonly finished: (log: (text: string) => void) => Promise<void>;
  /** None for a statement that answers with no rows. */
  readonly columns: () => Promise<readonly HiveColumn[]>;
  /** At most so many, the next ones; none when there are no more. */
  readonly rows: (columns: readonly HiveColumn[], most: number) => Promise<readonly TextRow[]>;
  /** Has the server end it, over a line of its own: this one may be waiting for an answer. */
  readonly cancel: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** V8: columns of values; every server since Hive 1 has it. */
const PROTOCOL = 7;
const INFO = { name: 17, version: 18 };
const STATUS_OK = [0, 1, 2];
/** Of an operation. */
const STATE = { finished: 2, canceled: 3, closed: 4, error: 5, timedOut: 8 };
const PAUSE_MS = 5;
const PAUSE_MS_MAX = 250;
const CANCEL_MS = 5000;
const FETCH_ROWS = { query: 0, log: 1 };
const LOG_LINES = 1000;

/** Opens a session of its own on the line; several may follow each other there. */
export async function openHiveSession(
  line: ThriftLine,
  target: ThriftTarget,
  { user, database }: { readonly user: string; readonly database: string | undefined },
): Promise<HiveSession> {
  const opened = await line.call(
    "OpenSession",
    struct({ 1: i32(PROTOCOL), 2: text(user || "anonymous"), 4: texts({}) }),
  );
  check(opened);
  const session = handleOf(structIn(opened, 3));
  const parts = { line, target, logs: { wanted: true } };
  const begin = async (statement: string) => {
    const begun = await line.call(
      "ExecuteStatement",
      struct({ 1: session, 2: text(statement), 3: texts({}), 4: bool(true) }),
    );
    check(begun);
    return createStatement(parts, operationOf(structIn(begun, 2)));
  };
  if (database !== undefined) {
    const used = await begin(`USE \`${database.replaceAll("`", "``")}\``);
    await used.finished(() => undefined);
    await used.close();
  }
  return {
    begin,
    info: async (kind) => {
      const found = await line.call("GetInfo", struct({ 1: session, 2: i32(INFO[kind]) }));
      check(found);
      return textIn(structIn(found, 2), 1) ?? "";
    },
    close: async () => void (await line.call("CloseSession", struct({ 1: session }))),
  };
}

interface StatementParts {
  readonly line: ThriftLine;
  readonly target: ThriftTarget;
  /** A server that keeps no logs of statements is not asked again. */
  readonly logs: { wanted: boolean };
}

function createStatement({ line, target, logs }: StatementParts, operation: Encoded): HiveStatement {
  const ofOperation = struct({ 1: operation });
  const fetch = async (kind: number, most: number) => {
    const request = struct({ 1: operation, 2: i32(0), 3: i64(BigInt(most)), 4: i16(kind) });
    return await line.call("FetchResults", request);
  };
  const tell = async (log: (text: string) => void) => {
    if (!logs.wanted) return;
    const found = await fetch(FETCH_ROWS.log, LOG_LINES);
    logs.wanted = isOk(found);
    const lines = rowsOf([{ name: "line", type: "string" }], structIn(found, 3)).map(
      ([words]) => `${words}\n`,
    );
    if (lines.length > 0) log(lines.join(""));
  };
  return {
    finished: async (log) => {
      for (let pause = PAUSE_MS; ; pause = Math.min(pause * 1.5, PAUSE_MS_MAX)) {
        const status = await line.call("GetOperationStatus", ofOperation);
        check(status);
        const state = numberIn(status, 2) ?? STATE.error;
        await tell(log);
        if (state === STATE.finished) return;
        if (isFinal(state)) throw new Error(complaintOf(state, textIn(status, 5)));
        await wait(pause); // the server answers late by itself, or at once: then the pause grows
      }
    },
    columns: async () => {
      const found = await line.call("GetResultSetMetadata", ofOperation);
      return isOk(found) ? columnsOf(structIn(found, 2)) : [];
    },
    rows: async (columns, most) => {
      const found = await fetch(FETCH_ROWS.query, most);
      check(found);
      return rowsOf(columns, structIn(found, 3));
    },
    cancel: async () => {
      const messenger = await openThriftLine(target, AbortSignal.timeout(CANCEL_MS));
      await messenger.call("CancelOperation", ofOperation).finally(messenger.close);
    },
    close: async () => void (await line.call("CloseOperation", ofOperation)),
  };
}

function isFinal(state: number): boolean {
  return [STATE.canceled, STATE.closed, STATE.error, STATE.timedOut].includes(state);
}

function handleOf(handle: DecodedStruct): Encoded {
  return struct({ 1: identifierOf(structIn(handle, 1)) });
}

function operationOf(handle: DecodedStruct): Encoded {
  return struct({
    1: identifierOf(structIn(handle, 1)),
    2: i32(numberIn(handle, 2) ?? 0),
    3: bool(handle.get(3) === true),
  });
}

function identifierOf(identifier: DecodedStruct): Encoded {
  const empty = Buffer.alloc(0);
  return struct({ 1: text(bytesIn(identifier, 1) ?? empty), 2: text(bytesIn(identifier, 2) ?? empty) });
}

function isOk(reply: DecodedStruct): boolean {
  return STATUS_OK.includes(numberIn(structIn(reply, 1), 1) ?? -1);
}

/** @throws Error with the server's words where it refused. */
function check(reply: DecodedStruct): void {
  if (isOk(reply)) return;
  const status = structIn(reply, 1);
  if (numberIn(status, 1) === 4)
    throw new Fault(
      "unavailable",
      "server-unavailable",
      "The server knows the session no more: whether its last statement took effect is not known.",
    );
  throw new Error(wordsOf(textIn(status, 5) ?? "the server refused the call and says no more"));
}

function complaintOf(state: number, message: string | undefined): string {
  if (message !== undefined && message !== "") return wordsOf(message);
  if (state === STATE.canceled) return "the statement was cancelled on the server";
  if (state === STATE.timedOut) return "the statement took longer than the server allows";
  return "the statement failed on the server, which says no more";
}

/** Java's names of its errors stand before what they say, and where in the server they arose behind it. */
function wordsOf(message: string): string {
  const [words = ""] = message.split(/\n\s*at [\w.$]+\(|\nCaused by: /);
  return words
    .replace(/^(?:[\w.$]+(?:Exception|Error): )+/, "")
    .replace(/^Error running query: /, "")
    .replace(/^(\[[A-Z_.]+\] )?[\w.$]+(?:Exception|Error):\s*\n?(?=\[)/, "")
    .trim();
}
