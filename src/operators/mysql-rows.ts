/** Rows of a MySQL or MariaDB database: read as they come, written in statements of many rows within one transaction. */
import { once } from "node:events";
import type { FieldPacket, TypeCast } from "mysql2";
import { nameParts } from "../domain/data-migration.ts";
import { Fault } from "../domain/fault.ts";
import {
  BATCH_ROWS,
  type MovedRow,
  type MovedValue,
  type RowColumn,
  type RowStream,
  sizeOf,
  type ValueKind,
} from "./moved-rows.ts";
import { isBytes, textOrBytes } from "./mysql-connection.ts";
import type { MysqlSession } from "./mysql-session.ts";

const KINDS: Readonly<Record<string, ValueKind>> = {
  ...{ TINY: "integer", SHORT: "integer", INT24: "integer", LONG: "integer", YEAR: "integer" },
  ...{ FLOAT: "real", DOUBLE: "real", DATE: "date", DATETIME: "timestamp", TIMESTAMP: "timestamp" },
};
/** A statement may not be larger than the server's `max_allowed_packet`, which is 16 MiB or more. */
const STATEMENT_BYTES = 1024 * 1024;
/** Escapes are ours, times in UTC. */
const PLAIN = "set time_zone = '+00:00', sql_mode = replace(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')";

export async function readMysqlRows(
  session: MysqlSession,
  query: string,
  body: (rows: RowStream) => Promise<void>,
): Promise<void> {
  await session.firstRow(PLAIN);
  const asked = session.connection.query({ sql: query, typeCast: castToMoved });
  const stream = asked.stream({ highWaterMark: BATCH_ROWS });
  const [fields] = await once(asked, "fields"); // rejects with what the server says
  if (fields === undefined)
    throw new Fault("invalid", "reference-invalid", "The source's query gives no rows.");
  const columns = (fields as readonly FieldPacket[]).map(
    (field): RowColumn => ({ name: field.name, kind: kindOf(session, field) }),
  );
  async function* batches() {
    let batch: MovedRow[] = [];
    for await (const row of stream) {
      batch.push(row as MovedRow);
      if (batch.length < BATCH_ROWS) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
  await body({ columns, batches: batches() });
}

export async function writeMysqlRows(
  session: MysqlSession,
  { table, truncate }: { readonly table: string; readonly truncate: boolean },
  { columns, batches }: RowStream,
): Promise<void> {
  const name = nameParts(table).map(quoteName).join(".");
  const head = `insert into ${name} (${columns.map((column) => quoteName(column.name)).join(", ")}) values `;
  await session.firstRow(PLAIN);
  await session.firstRow("start transaction");
  // Its `truncate` would commit what has been done so far.
  if (truncate) await session.firstRow(`delete from ${name}`);
  for await (const rows of batches)
    for (const values of statements(rows, (value, place) => literal(session, value, columns[place]?.kind)))
      await session.firstRow(head + values);
  await session.firstRow("commit");
}

/** Texts of so many rows as have room in one statement. */
function* statements(
  rows: readonly MovedRow[],
  literalOf: (value: MovedValue, place: number) => string,
): Iterable<string> {
  let parts: string[] = [];
  let bytes = 0;
  for (const row of rows) {
    bytes += row.reduce((sum, value) => sum + 2 * sizeOf(value) + 4, 0);
    parts.push(`(${row.map(literalOf).join(", ")})`);
    if (bytes < STATEMENT_BYTES) continue;
    yield parts.join(", ");
    parts = [];
    bytes = 0;
  }
  if (parts.length > 0) yield parts.join(", ");
}

export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

function literal({ mysql }: MysqlSession, value: MovedValue, kind: ValueKind | undefined): string {
  if (typeof value === "string") return mysql.escape(kind === "zoned" ? value.replace(/\+00$/, "") : value);
  return mysql.escape(value instanceof Uint8Array ? Buffer.from(value) : value);
}

const castToMoved: TypeCast = textOrBytes;

function kindOf({ mysql }: MysqlSession, field: FieldPacket): ValueKind {
  if (isBytes(field)) return "bytes";
  const known: unknown = Object.entries(mysql.Types).find(([code]) => code === String(field.columnType))?.[1];
  // Unsigned ones may be larger than any integer of others.
  return KINDS[String(known)] ?? (known === "LONGLONG" && !isUnsigned(field) ? "integer" : "text");
}

const UNSIGNED = 32;

function isUnsigned({ flags }: FieldPacket): boolean {
  return typeof flags === "number" && (flags & UNSIGNED) !== 0;
}
