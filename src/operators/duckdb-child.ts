/**
 * Runs SQL on DuckDB in a process of its own: one text that comes on stdin, or with the argument `prepared` one after
 * the other, in the frames of `frames.ts`. Lines for the log go to stdout, the rows of the last statement to
 * `result.json` in the request's folder. It imports nothing else of ours: both files may be placed elsewhere.
 */
import { writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  StatementType,
} from "@duckdb/node-api";
import { createFrameReader, END, EXIT, encodeJsonFrame, START, type StartRequest } from "./frames.ts";

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

if (process.argv[2] === "prepared") runEach();
// Not by its own end: threads of DuckDB may take their time.
else process.exit(await runRequest(await text(process.stdin)));

/** A database in memory for each request, so that nothing of one is there for the next. */
function runEach(): void {
  const read = createFrameReader((kind, id, payload) => {
    if (kind === END) process.exit(1);
    if (kind !== START) return;
    const { folder, stdin = "" }: StartRequest = JSON.parse(payload.toString());
    process.chdir(folder);
    void runRequest(stdin).then((exitCode) => {
      process.chdir("/"); // the folder is about to go
      process.stdout.write(encodeJsonFrame(EXIT, id, { exitCode, droppedBytes: 0, droppedTail: "" }));
    });
  });
  process.stdin.on("data", (chunk: Buffer) => {
    if (!read(chunk)) process.exit(1);
  });
  process.stdin.on("end", () => process.exit(0));
}

/** Leaves the result in the working folder, and gives an exit code. */
async function runRequest(json: string): Promise<number> {
  const result = await work(JSON.parse(json)).catch(
    (error: unknown): DuckdbResult => ({ error: messageOf(error) }),
  );
  writeFileSync("result.json", JSON.stringify(result), { mode: 0o600 });
  return result.error === undefined ? 0 : 1;
}

async function work(request: DuckdbRequest): Promise<DuckdbResult> {
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
  try {
    return await runLocked(await instance.connect(), request);
  } finally {
    instance.closeSync();
  }
}

async function runLocked(connection: DuckDBConnection, request: DuckdbRequest): Promise<DuckdbResult> {
  await connection.run(`set allowed_directories = ['${request.folder.replaceAll("'", "''")}/']`);
  await connection.run("set enable_external_access = false");
  await connection.run("set lock_configuration = true");
  const statements = await connection.extractStatements(request.sql);
  let last: DuckdbResult = {};
  // Each is prepared only now, since it may name what the one before has made.
  for (let index = 0; index < statements.count; index += 1)
    last = await runOne(await statements.prepare(index), request.rowsMax);
  return last;
}

/** Runs to the end, also when nobody wants the rows: an error may hide behind the last of them. */
async function runOne(statement: DuckDBPreparedStatement, rowsMax: number): Promise<DuckdbResult> {
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
    for (let row = 0; row < chunk.rowCount && rows.length < rowsMax; row += 1)
      rows.push(chunk.getRowValues(row).map((value) => (value === null ? null : String(value))));
    rowCount += chunk.rowCount;
  }
  return { columns: stream.columnNames(), rows, rowCount };
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Failed to extract statements: /, ""); // the package's word, not DuckDB's
}
