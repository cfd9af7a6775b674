/** `DLISQL`: SQL over files of the project's buckets, run by DuckDB in a process of its own (product 5 and 6). */
import { join } from "node:path";
import { Fault } from "../domain/fault.ts";
import type { AttemptFolder } from "./attempt-folder.ts";
import { localName } from "./bucket-names.ts";
import { refuse, refuseCommand, runCommand, settleAttempt } from "./command.ts";
import type { DuckdbLimits, DuckdbRequest, DuckdbResult } from "./duckdb-child.ts";
import { type DuckdbRuntime, findDuckdbRuntime, placeDuckdbRuntime } from "./duckdb-runtime.ts";
import {
  findObsLiterals,
  matchesPattern,
  type ObsLiteral,
  patternFolder,
  replaceObsLiterals,
} from "./obs-literals.ts";
import type { Operator, Outcome, OutputForm, Work, WorkContext } from "./operator.ts";
import type { PreparedProcess, PreparedProgram } from "./prepared-process.ts";
import type { ProcessRunner } from "./process.ts";
import { programText } from "./program-text.ts";
import type { CommandHost } from "./running-command.ts";
import { createSessionPool, warmOwner } from "./session-pool.ts";
import type { OperatorSettings } from "./settings.ts";
import { succeedWithRows } from "./sql-rows.ts";

/** The SQL with local paths, and how these and the buckets' belong together. */
interface LocalSql {
  readonly sql: string;
  /** `obs://…` to the path within the attempt's folder; what is read, and what is written. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, string>;
}

const INPUT_FILES_MAX = 10_000;
const RESULT_BYTES_MAX = 32 * 1024 * 1024;

export function createDuckdbOperator(settings: OperatorSettings, runner: ProcessRunner): Operator {
  const pool = createSessionPool<PreparedProcess>(settings.sessions);
  let runtime: Promise<DuckdbRuntime> | undefined;
  const findRuntime = () => {
    runtime ??= runner.isolation.ownUsers
      ? placeDuckdbRuntime(settings.nodePath, runner.runtimeFolder)
      : Promise.resolve().then(() => findDuckdbRuntime(settings.nodePath));
    runtime.catch(() => {
      runtime = undefined; // tried again: a disk may have been full
    });
    return runtime;
  };
  return {
    types: ["DLISQL"],
    lane: "process",
    stop: pool.stop,
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const refusal = refuseCommand(work);
        if (refusal !== undefined) return refusal;
        const sql = programText(work);
        if (sql === undefined) return refuse("A DLISQL node runs a script or a statement, not a file.");
        const program = duckdbProgram(settings, await findRuntime(), context.background);
        if (work.warm === undefined) return await runSql(settings, runner, work, { sql, program }, context);
        const open = () =>
          runner.prepare(work.projectId, { ...program, args: [...program.args, "prepared"] });
        return await pool.use(
          { owner: warmOwner(work, [context.background]), definition: "" },
          open,
          (host) => runSql(settings, host, work, { sql, program }, context),
        );
      }),
  };
}

function duckdbProgram(
  { sql: { duckdbMemoryBytes, duckdbThreads, duckdbSpillBytes } }: Pick<OperatorSettings, "sql">,
  { nodePath, childPath }: DuckdbRuntime,
  background: boolean,
): PreparedProgram {
  const limits: DuckdbLimits = {
    memoryBytes: duckdbMemoryBytes,
    threads: duckdbThreads,
    spillBytes: duckdbSpillBytes,
  };
  const flags = ["--max-old-space-size=512", "--disable-warning=ExperimentalWarning"];
  const args = [...flags, childPath, JSON.stringify(limits)];
  return { command: nodePath, args, environment: { TZ: "UTC" }, background };
}

interface DuckdbTask {
  readonly sql: string;
  readonly program: PreparedProgram;
}

async function runSql(
  settings: OperatorSettings,
  host: CommandHost,
  work: Work,
  { sql, program }: DuckdbTask,
  context: WorkContext,
): Promise<Outcome> {
  return await host.withFolder(work.projectId, async (folder) => {
    const local = localize(sql, folder);
    await fetchInputs(local, folder, context);
    const request: DuckdbRequest = {
      sql: local.sql,
      folder: folder.path,
      rowsMax: settings.sql.outputRowsMax,
    };
    const command = { ...program, stdin: JSON.stringify(request) };
    const { end, outcome } = await runCommand(host, folder, command, context);
    if (outcome.state === "cancelled" || end.exitCode === undefined) return outcome;
    const result = await readResult(folder);
    if (result === undefined)
      return outcome.state === "failed" ? outcome : { state: "failed", message: "DuckDB left no result" };
    return await conclude(context, folder, local, { ...result, form: work.outputForm });
  });
}

/** Inputs lie under `in/`, outputs under `out/`, each with its whole key: folders such as `year=2001/` have a meaning. */
function localize(sql: string, folder: AttemptFolder): LocalSql {
  const literals = findObsLiterals(sql);
  const outputs = new Map<string, string>();
  for (const { path, use } of literals) if (use === "write") outputs.set(path, localName("out", path));
  const inputs = new Map<string, string>();
  for (const { path, use } of literals)
    if (use === "read" && !outputs.has(path)) inputs.set(path, localName("in", path));
  const pathOf = (literal: ObsLiteral) =>
    join(folder.path, outputs.get(literal.path) ?? inputs.get(literal.path) ?? "");
  return { sql: replaceObsLiterals(sql, literals, pathOf), inputs, outputs };
}

async function fetchInputs(local: LocalSql, folder: AttemptFolder, context: WorkContext): Promise<void> {
  for (const name of local.outputs.values()) await folder.makeParents(name);
  // By place: one file may be named under two schemes.
  const paths = new Map<string, string>();
  for (const pattern of local.inputs.keys())
    for (const path of await expandPattern(pattern, context)) paths.set(localName("in", path), path);
  if (paths.size > INPUT_FILES_MAX)
    throw new Fault(
      "too-large",
      "reference-invalid",
      `The SQL names ${paths.size} files; at most ${INPUT_FILES_MAX} are fetched.`,
    );
  for (const [name, path] of paths) {
    context.signal.throwIfAborted();
    const place = await context.buckets.localPath(path);
    // What is not there (any more) is told best by who opens it.
    if (place !== undefined && (await folder.place(name, place))) continue;
    await folder.write(name, await context.buckets.open(path));
  }
}

async function expandPattern(pattern: string, context: WorkContext): Promise<readonly string[]> {
  const folder = patternFolder(pattern);
  if (folder === undefined) return [pattern];
  const found = (await context.buckets.list(folder)).filter((path) => matchesPattern(pattern, path));
  if (found.length === 0) throw new Fault("not-found", "reference-invalid", `No file fits ${pattern}.`);
  return found;
}

async function readResult(folder: AttemptFolder): Promise<DuckdbResult | undefined> {
  const text = await folder.read("result.json", RESULT_BYTES_MAX);
  return text === undefined ? undefined : JSON.parse(text);
}

async function conclude(
  context: WorkContext,
  folder: AttemptFolder,
  local: LocalSql,
  result: DuckdbResult & { readonly form: OutputForm },
): Promise<Outcome> {
  const { columns = [], rows = [], rowCount = 0, form } = result;
  if (result.error !== undefined) {
    const message = withBucketPaths(result.error, folder, local);
    context.log(`${message}\n`);
    return { state: "failed", message };
  }
  for (const [path, name] of local.outputs) await uploadOutput(path, name, folder, context);
  return succeedWithRows({ columns, rows, rowCount }, form, context.log);
}

/** One file, or all files of a folder that a partitioned `copy` made. */
async function uploadOutput(
  path: string,
  name: string,
  folder: AttemptFolder,
  context: WorkContext,
): Promise<void> {
  for (const file of await folder.list(name)) {
    const content = await folder.open(file);
    const target = `${path.replace(/\/$/, "")}${file.slice(name.length)}`;
    if (content === undefined) continue;
    await context.buckets.write(target, content);
    context.log(`wrote ${target}\n`);
  }
}

/** The user's names in place of ours: where the folder lies is nobody's business. */
function withBucketPaths(text: string, folder: AttemptFolder, local: LocalSql): string {
  const named = [...local.inputs, ...local.outputs].reduce(
    (result, [path, name]) => result.replaceAll(join(folder.path, name), path),
    text,
  );
  return named
    .replaceAll(`${folder.path}/in/`, "obs://")
    .replaceAll(`${folder.path}/out/`, "obs://")
    .replaceAll(folder.path, ".");
}
