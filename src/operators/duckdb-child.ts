/**
 * Runs SQL on DuckDB in a process of its own: one text that comes on stdin, or with the argument `prepared` one after
 * the other, in the frames of `frames.ts`; the argument before it holds the limits as JSON. Lines for the log go to stdout, the rows of the last statement to
 * `result.json` in the request's folder. It imports nothing else of ours: both files may be placed elsewhere.
 */
import { existsSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  StatementType,
} from "@duckdb/node-api";
import {
  createFrameReader,
  END,
  EXIT,
  encodeJsonFrame,
  PREPARE,
  START,
  type StartRequest,
} from "./frames.ts";

export interface DuckdbLimits {
  readonly memoryBytes: number;
  readonly threads: number;
  readonly spillBytes: number;
}

export interface DuckdbRequest {
  readonly sql: string;
  /** The only folder that SQL may read and write. */
  readonly folder: string;
  readonly rowsMax: number;
}

export interface DuckdbResult {
  /** DuckDB's own words. */
  readonly error?: string;
  readonly columns?: readonly { readonly name: string; readonly type: string }[];
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

/** Where DuckDB puts what does not fit in its memory, within a request's folder. */
const SPILL = "spill";

const limits: DuckdbLimits = JSON.parse(process.argv[2] ?? "{}");

if (process.argv[3] === "prepared") runEach();
// Not by its own end: threads of DuckDB may take their time.
else process.exit(await runRequest(await createInstance(), await text(process.stdin)));

/** A database in memory for each request, so that nothing of one is there for the next; made before that comes. */
function runEach(): void {
  let next: Promise<DuckDBInstance> | undefined = createInstance();
  next.catch(() => undefined); // told by the request that needs it
  const read = createFrameReader((kind, id, payload) => {
    if (kind === END) process.exit(1);
    if (kind === PREPARE) {
      next ??= createInstance();
      next.catch(() => undefined);
    }
    if (kind !== START) return;
    const instance = next ?? createInstance();
    next = undefined;
    void runPrepared(id, JSON.parse(payload.toString()), instance);
  });
  process.stdin.on("data", (chunk: Buffer) => {
    if (!read(chunk)) process.exit(1);
  });
  process.stdin.on("end", () => process.exit(0));
}

async function runPrepared(
  id: number,
  { folder, stdin = "" }: StartRequest,
  instance: Promise<DuckDBInstance>,
): Promise<void> {
  process.chdir(folder);
  const exitCode = await runRequest(await instance, stdin);
  // Its files have to be gone before their folder goes; else nobody waits for its end.
  const spilled = existsSync(SPILL);
  process.chdir("/");
  if (spilled) (await instance).closeSync();
  process.stdout.write(encodeJsonFrame(EXIT, id, { exitCode, droppedBytes: 0, droppedTail: "" }));
  if (!spilled) (await instance).closeSync();
}

/** Leaves the result in the working folder, and gives an exit code. */
async function runRequest(instance: DuckDBInstance, json: string): Promise<number> {
  const result = await work(instance, JSON.parse(json)).catch(
    (error: unknown): DuckdbResult => ({ error: messageOf(error) }),
  );
  writeFileSync("result.json", JSON.stringify(result), { mode: 0o600 });
  return result.error === undefined ? 0 : 1;
}

function createInstance(): Promise<DuckDBInstance> {
  return DuckDBInstance.create(":memory:", {
    memory_limit: inKibibytes(limits.memoryBytes),
    threads: String(limits.threads),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
    allow_unsigned_extensions: "false",
  });
}

async function work(instance: DuckDBInstance, request: DuckdbRequest): Promise<DuckdbResult> {
  const connection = await instance.connect();
  try {
    return await runLocked(connection, request);
  } finally {
    connection.closeSync();
  }
}

async function runLocked(connection: DuckDBConnection, request: DuckdbRequest): Promise<DuckdbResult> {
  const folder = request.folder.replaceAll("'", "''");
  await connection.run(`
    set home_directory = '${folder}';
    set temp_directory = '${folder}/${SPILL}';
    set max_temp_directory_size = '${inKibibytes(limits.spillBytes)}';
    set allowed_directories = ['${folder}/'];
    set enable_external_access = false;
    set lock_configuration = true`);
  const statements = await connection.extractStatements(request.sql);
  let last: DuckdbResult = {};
  // Each is prepared only now, since it may name what the one before has made.
  for (let index = 0; index < statements.count; index += 1)
    last = await runOne(await statements.prepare(index), request.rowsMax);
  return last;
}

function inKibibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024)}KiB`;
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
  const columns = stream
    .columnNames()
    .map((name, place) => ({ name, type: stream.columnType(place).toString() }));
  return { columns, rows, rowCount };
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Failed to extract statements: /, ""); // the package's word, not DuckDB's
}
