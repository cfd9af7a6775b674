/** `DataMigration` and `CDMJob`: rows from one connection or file to another, as a stream (product 5). */
import { type Migration, readMigration } from "../domain/data-migration.ts";
import { failedBy, refuse, settleAttempt } from "./command.ts";
import { copyFile, type FileMover, readFileRows, writeFileRows } from "./file-rows.ts";
import { createMovedDatabases, type MovedDatabases } from "./moved-databases.ts";
import { type MovedRow, type RowStream, sizeOf } from "./moved-rows.ts";
import type { Operator, Outcome, Work, WorkContext } from "./operator.ts";
import type { OperatorSettings } from "./settings.ts";

interface Counts {
  rows: number;
  bytes: number;
}

/** `duckdb` reads and writes the files. */
export function createDataMigrationOperator(settings: OperatorSettings, duckdb: Operator): Operator {
  const databases = createMovedDatabases(settings);
  return {
    types: ["DataMigration", "CDMJob"],
    hasEnds: true,
    lane: "process",
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const read = readMigration(work.properties);
        if ("problems" in read) return refuse(explain(work, read.problems));
        const began = performance.now();
        try {
          const counts = await move(read, { duckdb, work, context }, databases);
          return succeed(counts, performance.now() - began, context);
        } catch (error) {
          return failedBy(error, context);
        }
      }),
  };
}

function explain({ type, nodeName }: Work, problems: readonly string[]): string {
  return `The ${type} node "${nodeName}" does not say what to move: ${problems.join("; ")}.`;
}

function succeed({ rows, bytes }: Counts, tookMs: number, context: WorkContext): Outcome {
  const milliseconds = Math.round(tookMs);
  context.log(`${rows} rows moved in ${milliseconds} ms\n`);
  const output = { inputRowCount: rows, outputRowCount: rows, bytes, milliseconds };
  return { state: "succeeded", output: JSON.stringify(output) };
}

async function move(migration: Migration, mover: FileMover, databases: MovedDatabases): Promise<Counts> {
  const { source, target, columns } = migration;
  if (source.kind === "file" && target.kind === "file")
    return { rows: await copyFile(mover, source, target, columns), bytes: 0 };
  const counts: Counts = { rows: 0, bytes: 0 };
  const { work, context } = mover;
  const { signal } = context;
  const write = async (found: RowStream) => {
    const rows = { ...found, batches: counted(found.batches, counts, context) };
    if (target.kind === "file") return await writeFileRows(mover, target, rows);
    const truncate = migration.writeMode === "truncate";
    await databases.write({ work, signal, connection: work.targetConnection }, target, truncate, rows);
  };
  if (source.kind === "file") await readFileRows(mover, source, columns, write);
  else await databases.read({ work, signal, connection: work.sourceConnection }, source, columns, write);
  return counts;
}

async function* counted(
  batches: RowStream["batches"],
  counts: Counts,
  { signal }: WorkContext,
): AsyncIterable<readonly MovedRow[]> {
  for await (const rows of batches) {
    signal.throwIfAborted();
    counts.rows += rows.length;
    for (const row of rows) for (const value of row) counts.bytes += value === null ? 0 : sizeOf(value);
    yield rows;
  }
}
