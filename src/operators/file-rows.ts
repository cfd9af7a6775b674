/** Rows of files in the project's buckets: what is not CSV of our own form goes through DuckDB. */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { FileEnd, MovedColumn } from "../domain/data-migration.ts";
import { Fault } from "../domain/fault.ts";
import { CSV_OPTIONS, csvOf, readCsv } from "./csv-rows.ts";
import type { RowStream, ValueKind } from "./moved-rows.ts";
import type { Buckets, Operator, Work, WorkContext } from "./operator.ts";
import { quoteName } from "./postgres-rows.ts";

/** Runs statements for one attempt; DuckDB's. */
export interface FileMover {
  readonly duckdb: Operator;
  readonly work: Work;
  readonly context: WorkContext;
}

const FILE_TYPES: Readonly<Record<ValueKind, string>> = {
  ...{ text: "varchar", bytes: "varchar", integer: "bigint", real: "double", boolean: "boolean" },
  ...{ date: "date", timestamp: "timestamp", zoned: "timestamptz" },
};

export async function readFileRows(
  mover: FileMover,
  file: FileEnd,
  columns: readonly MovedColumn[] | undefined,
  body: (rows: RowStream) => Promise<void>,
): Promise<void> {
  const between = betweenPath();
  const buckets: Buckets = {
    ...mover.context.buckets,
    write: async (path, content) => {
      if (path !== between) throw new RangeError(`nothing is written to ${path}`);
      await readCsv(content, body);
    },
  };
  const sql = `copy (${selectFrom(file, columns, "all_varchar = true")}) to '${between}' (format csv, ${CSV_OPTIONS})`;
  await runDuckdb(mover, sql, buckets);
}

export async function writeFileRows(mover: FileMover, file: FileEnd, rows: RowStream): Promise<void> {
  if (file.format === "csv") {
    await mover.context.buckets.write(file.path, Readable.from(csvOf(rows)));
    return;
  }
  const between = betweenPath();
  const here = mover.context.buckets;
  const buckets: Buckets = {
    ...here,
    localPath: async (path) => (path === between ? undefined : await here.localPath(path)),
    open: async (path) => (path === between ? Readable.from(csvOf(rows)) : await here.open(path)),
  };
  const types = rows.columns.map(({ name, kind }) => `${quoteText(name)}: '${FILE_TYPES[kind]}'`).join(", ");
  const source = `read_csv('${between}', auto_detect = false, ${readOptions()}, columns = {${types}})`;
  await runDuckdb(mover, `copy (select * from ${source}) to '${file.path}' (format parquet)`, buckets);
}

/** From file to file without a stop, so that types stay; gives the number of rows. */
export async function copyFile(
  mover: FileMover,
  source: FileEnd,
  target: FileEnd,
  columns: readonly MovedColumn[] | undefined,
): Promise<number> {
  const format = target.format === "csv" ? `format csv, ${CSV_OPTIONS}` : "format parquet";
  const output = await runDuckdb(
    mover,
    `copy (${selectFrom(source, columns, "sample_size = -1")}) to '${target.path}' (${format})`,
    mover.context.buckets,
  );
  return Number(JSON.parse(output)[0]?.[0] ?? 0);
}

function selectFrom(
  { path, format }: FileEnd,
  columns: readonly MovedColumn[] | undefined,
  csvOptions: string,
): string {
  const names = columns
    ?.map(({ source, target }) => `${quoteName(source)} as ${quoteName(target)}`)
    .join(", ");
  const reader =
    format === "parquet"
      ? `read_parquet('${path}')`
      : `read_csv('${path}', header = true, allow_quoted_nulls = false, ${csvOptions})`;
  return `select ${names ?? "*"} from ${reader}`;
}

function readOptions(): string {
  return "header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false";
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A path that nobody else knows, of a file that is in no bucket. */
function betweenPath(): string {
  return `obs://azalai-rows/${randomUUID()}.csv`;
}

async function runDuckdb(
  { duckdb, work, context }: FileMover,
  statement: string,
  buckets: Buckets,
): Promise<string> {
  const { script: _script, connection: _connection, warm: _warm, ...rest } = work;
  let failure: unknown;
  const remember = (error: unknown): never => {
    failure = error;
    throw error;
  };
  const watched: Buckets = {
    ...buckets,
    open: async (path) => await buckets.open(path).catch(remember),
    write: async (path, content) => await buckets.write(path, content).catch(remember),
  };
  const outcome = await duckdb.run(
    { ...rest, type: "DLISQL", properties: { statement }, files: [], outputForm: "rows" },
    { ...context, buckets: watched, log: () => undefined },
  );
  if (outcome.state === "succeeded") return outcome.output ?? "";
  context.signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  throw new Fault("invalid", "reference-invalid", outcome.message ?? "DuckDB was stopped");
}
