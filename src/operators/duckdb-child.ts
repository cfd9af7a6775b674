/**
 * Runs one SQL text on DuckDB in a process of its own: the request comes on stdin, lines for the log go to stdout,
 * the rows of the last statement to `result.json`. It imports nothing of ours: it may be placed elsewhere alone.
 */
import { writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  StatementType,
} from "@duckdb/node-api";

export interface DuckdbRequest {
  readonly sql: string;
  /** The only folder that SQL may read and write. */
  readonly folder: string;
  readonly memoryBytes: number;
  readonly threads: number;
  readonly spillBytes: number;
  readonly rowsMax: number;
}

export interface DuckdbResult {
  /** DuckDB's own words. */
  readonly error?: string;
  readonly columns?: readonly string[];
  /** The first rows of the last statement as text. */
  readonly rows?: readonly (readonly (string | null)[])[];
  /** All rows of the last statement. */
  readonly rowCount?: number;
}

/** They would dial an address of the user's choice to fetch a library; DuckDB's own lock does not cover that. */
const REFUSED_STATEMENTS = [
  StatementType.LOAD,
  StatementType.EXTENSION,
  StatementType.UPDATE_EXTENSIONS,
  StatementType.LOGICAL_PLAN,
];

const request: DuckdbRequest = JSON.parse(await text(process.stdin));
const result = await work().catch((error: unknown): DuckdbResult => ({ error: messageOf(error) }));
writeFileSync("result.json", JSON.stringify(result), { mode: 0o600 });
// Not by its own end: threads of DuckDB may take their time.
process.exit(result.error === undefined ? 0 : 1);

async function work(): Promise<DuckdbResult> {
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: `${Math.floor(request.memoryBytes / 1024)}KiB`,
    threads: String(request.threads),
    temp_directory: `${request.folder}/spill`,
    max_temp_directory_size: `${Math.floor(request.spillBytes / 1024)}KiB`,
    home_directory: request.folder,
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
    allow_unsigned_extensions: "false",
  });
  const connection = await instance.connect();
  await connection.run(`set allowed_directories = ['${request.folder.replaceAll("'", "''")}/']`);
  await connection.run("set enable_external_access = false");
  await connection.run("set lock_configuration = true");
  return await runAll(connection);
}

async function runAll(connection: DuckDBConnection): Promise<DuckdbResult> {
  const statements = await connection.extractStatements(request.sql);
  let last: DuckdbResult = {};
  // Each is prepared only now, since it may name what the one before has made.
  for (let index = 0; index < statements.count; index += 1)
    last = await runOne(await statements.prepare(index));
  return last;
}

/** Runs to the end, also when nobody wants the rows: an error may hide behind the last of them. */
async function runOne(statement: DuckDBPreparedStatement): Promise<DuckdbResult> {
  if (REFUSED_STATEMENTS.includes(statement.statementType))
    return { error: "Extensions cannot be installed or loaded here." };
  const stream = await statement.stream();
  const rows: (string | null)[][] = [];
  let rowCount = 0;
  for (
    let chunk = await stream.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await stream.fetchChunk()
  ) {
    for (let row = 0; row < chunk.rowCount && rows.length < request.rowsMax; row += 1)
      rows.push(chunk.getRowValues(row).map((value) => (value === null ? null : String(value))));
    rowCount += chunk.rowCount;
  }
  return { columns: stream.columnNames(), rows, rowCount };
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Failed to extract statements: /, ""); // the package's word, not DuckDB's
}
