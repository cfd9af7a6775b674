/** Rows of a PostgreSQL database: read by a cursor, written by `COPY`, each in one transaction. */
import type { Writable } from "node:stream";
import { type Client, Query } from "pg";
import { nameParts } from "../domain/data-migration.ts";
import {
  BATCH_ROWS,
  type MovedRow,
  type MovedValue,
  type RowColumn,
  type RowStream,
  type ValueKind,
} from "./moved-rows.ts";

/** By the numbers of PostgreSQL's own types. */
const KINDS: Readonly<Record<number, ValueKind>> = {
  16: "boolean",
  17: "bytes",
  20: "integer",
  21: "integer",
  23: "integer",
  700: "real",
  701: "real",
  1082: "date",
  1114: "timestamp",
  1184: "zoned",
};
/** Texts that another server reads as the same values. */
const PLAIN = `set local time zone 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'iso_8601';
  set local bytea_output = 'hex'; set local extra_float_digits = 1; set local client_encoding = 'UTF8'`;
const CHUNK_BYTES = 64 * 1024;

/** What `pg` hands to a query that copies; missing in its types. */
interface CopyConnection {
  readonly stream: Writable;
  readonly sendCopyFromChunk: (chunk: Buffer) => void;
  readonly endCopyFrom: () => void;
  readonly sendCopyFail: (message: string) => void;
}

export async function readPostgresRows(
  client: Client,
  query: string,
  body: (rows: RowStream) => Promise<void>,
): Promise<void> {
  await client.query(`begin; ${PLAIN}`);
  await client.query(`declare azalai_rows no scroll cursor for ${query}`);
  const fetch = async () =>
    await client.query<MovedRow[]>({
      text: `fetch ${BATCH_ROWS} from azalai_rows`,
      rowMode: "array",
      types: { getTypeParser: () => String },
    });
  const first = await fetch();
  const columns = first.fields.map(
    ({ name, dataTypeID }): RowColumn => ({ name, kind: KINDS[dataTypeID] ?? "text" }),
  );
  const read = (rows: readonly unknown[]) =>
    (rows as readonly MovedRow[]).map((row) =>
      row.map((value, place) => readValue(value, columns[place]?.kind)),
    );
  async function* batches() {
    for (let next = first; next.rows.length > 0; next = await fetch()) yield read(next.rows);
  }
  await body({ columns, batches: batches() });
  await client.query("commit");
}

export async function writePostgresRows(
  client: Client,
  { table, truncate }: { readonly table: string; readonly truncate: boolean },
  { columns, batches }: RowStream,
): Promise<void> {
  const name = nameParts(table).map(quoteName).join(".");
  await client.query(`begin; ${PLAIN}`);
  if (truncate) await client.query(`truncate table ${name}`);
  const names = columns.map((column) => quoteName(column.name)).join(", ");
  await copyIn(client, `copy ${name} (${names}) from stdin`, batches);
  await client.query("commit");
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function readValue(value: MovedValue, kind: ValueKind | undefined): MovedValue {
  if (typeof value !== "string") return value;
  if (kind === "boolean") return value === "t";
  return kind === "bytes" ? Buffer.from(value.slice(2), "hex") : value;
}

function copyIn(client: Client, text: string, batches: RowStream["batches"]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const query = new Query(text);
  let failure: unknown;
  const handleCopyInResponse = (connection: CopyConnection) => {
    sendAll(connection, batches).then(
      () => connection.endCopyFrom(),
      (error: unknown) => {
        failure = error;
        connection.sendCopyFail("the source failed");
      },
    );
  };
  Object.assign(query, { handleCopyInResponse });
  query.on("error", (error: unknown) => reject(failure ?? error));
  query.on("end", () => resolve());
  client.query(query);
  return promise;
}

async function sendAll(connection: CopyConnection, batches: RowStream["batches"]): Promise<void> {
  for await (const rows of batches) {
    let chunk = "";
    for (const row of rows) {
      chunk += `${row.map(copyText).join("\t")}\n`;
      if (chunk.length < CHUNK_BYTES) continue;
      await send(connection, chunk);
      chunk = "";
    }
    if (chunk !== "") await send(connection, chunk);
  }
}

async function send(connection: CopyConnection, chunk: string): Promise<void> {
  connection.sendCopyFromChunk(Buffer.from(chunk));
  const { stream } = connection;
  if (stream.writableNeedDrain && !stream.destroyed) await drained(stream);
}

/** Until it takes more, or is closed, which its session is told of. Leaves no listener behind: it is waited for often. */
function drained(stream: CopyConnection["stream"]): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stream.off("drain", settle).off("close", settle);
      resolve();
    };
    stream.on("drain", settle).on("close", settle);
  });
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function copyText(value: MovedValue): string {
  if (value === null) return "\\N";
  if (typeof value === "boolean") return value ? "t" : "f";
  if (typeof value !== "string") return `\\\\x${Buffer.from(value).toString("hex")}`;
  return value.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
