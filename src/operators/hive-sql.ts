/** `SparkSQL` and `HiveSQL`, and Sahara's types of the kind: SQL on a HiveServer2 or a Spark thrift server. */

import { basename, join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { textOf } from "../domain/connection-config.ts";
import { kindOf } from "../domain/connection-kind.ts";
import { Fault } from "../domain/fault.ts";
import { createAddressGuard } from "./address-guard.ts";
import { createAttemptFolder } from "./attempt-folder.ts";
import { failedBy, refuse, refuseCommand, settleAttempt } from "./command.ts";
import { type HiveTarget, hiveOf, hiveTarget, localHiveTarget } from "./hive-connection.ts";
import { type HiveLine, openHiveLine } from "./hive-line.ts";
import type { HiveStatement } from "./hive-session.ts";
import { statementsOf } from "./hive-statements.ts";
import { ENGINE_RUNS, type LocalSqlServer } from "./local-engine.ts";
import type { Operator, Outcome, Work, WorkConnection, WorkContext } from "./operator.ts";
import { programText } from "./program-text.ts";
import { createSessionPool, warmOwner } from "./session-pool.ts";
import type { OperatorSettings, SqlLimits } from "./settings.ts";
import { databaseOf, sizeOf, tooLong, tooMuch } from "./sql-driver.ts";
import { succeedWithRows, type Table, type TextRow } from "./sql-rows.ts";
import { fillStatements, folderStage, placesOf } from "./work-places.ts";

type HiveSettings = Pick<OperatorSettings, "allowedAddresses" | "sql" | "sessions">;

const NOTHING: Table = { columns: [], rows: [], rowCount: 0 };
const ROWS_AT_A_TIME = 1000;
/** A connection of that name, and one to a cluster of that name, mean this machine. */
const LOCAL = "local";

/** `local`: the server of this machine for nodes that name no other; without it they are refused. */
export function createHiveOperator(settings: HiveSettings, local?: LocalSqlServer): Operator {
  const guard = createAddressGuard(settings.allowedAddresses);
  const pool = createSessionPool<HiveLine>(settings.sessions);

  async function runAt(target: HiveTarget, definition: unknown, script: Script, context: WorkContext) {
    const { work } = script;
    const database = databaseOf(work);
    const open = () => openHiveLine(target, database, context.signal);
    const body = async (line: HiveLine) => await runScript(settings.sql, line, script, context);
    if (work.warm === undefined) {
      const line = await open();
      return await body(line).finally(line.close);
    }
    const owner = warmOwner(work, [work.connection?.name, database]);
    return await pool.use({ owner, definition: JSON.stringify([definition, database]) }, open, (line) =>
      line.lend("", context.signal, () => body(line)),
    );
  }

  /** On the server of this machine: what the run reads is brought to where that sees it, what it leaves is fetched from there. */
  async function runHere(server: LocalSqlServer, script: Script, context: WorkContext): Promise<Outcome> {
    const { work } = script;
    return await server.use(work.projectId, context, async (place) => {
      const at = (sql: string) => runAt(localHiveTarget(settings.sql, place), place, { work, sql }, context);
      if (work.places === undefined) return await at(fillStatements(script.sql, work.params ?? {}));
      const folder = await createAttemptFolder(join(place.base, ENGINE_RUNS), place.uid);
      const seen = join(place.seenAs, ENGINE_RUNS, basename(folder.path));
      const stage = { ...folderStage(folder), nameOf: (name: string) => join(seen, name) };
      try {
        const placed = await placesOf(work, stage, context, { addresses: "data-sources" });
        const outcome = await at(fillStatements(script.sql, placed.params));
        if (outcome.state === "succeeded") await placed.publish();
        return outcome;
      } finally {
        await folder.remove();
      }
    });
  }

  return {
    types: ["SparkSQL", "HiveSQL", "Hive", "hql", "SparkSql", "SparkScript"],
    lane: "remote",
    hasCluster: true,
    stop: pool.stop,
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const script = { work, sql: await scriptOf(work) };
        const connection = serverOf(work);
        try {
          if (connection !== undefined) {
            const target = await hiveTarget(settings.sql, guard, connection);
            const sql = fillStatements(script.sql, work.params ?? {});
            return await runAt(target, connection.config, { work, sql }, context);
          }
          const refusal = refuseCommand(work);
          if (refusal !== undefined) return refusal;
          if (local !== undefined) return await runHere(local, script, context);
          return refuse(`The ${work.type} node "${work.nodeName}" names no connection and no cluster.`);
        } catch (error) {
          return failedBy(error, context);
        }
      }),
  };
}

interface Script {
  readonly work: Work;
  readonly sql: string;
}

/** The server that the node names; undefined for that of this machine. Fault `engine-missing` for another kind of connection. */
function serverOf({ connection, cluster }: Work): Pick<WorkConnection, "name" | "config"> | undefined {
  if (connection === undefined) return cluster === undefined || cluster.local ? undefined : hiveOf(cluster);
  const { name, type, config } = connection;
  if (kindOf(type, config) !== "hive")
    throw new Fault(
      "unsupported",
      "engine-missing",
      `The connection "${name}" is of type ${type}, not for Hive or Spark.`,
    );
  if (textOf(config, "ip") !== "" || textOf(config, "host") !== "") return connection;
  if (cluster !== undefined && !cluster.local) return hiveOf(cluster);
  const wanted = textOf(config, "clusterName");
  if (wanted === "" || wanted === LOCAL) return undefined;
  throw new Fault(
    "invalid",
    "connection-invalid",
    `The connection "${name}" names the cluster "${wanted}" and no address: name a registered cluster in the node's clusterName.`,
  );
}

/** The text of the statements: the script's, the node's, or of the file that a run of a template brings. */
async function scriptOf(work: Work): Promise<string> {
  const main = work.files.find((file) => file.use === "main");
  return programText(work) ?? (main === undefined ? "" : await readText(await main.open()));
}

async function runScript(
  limits: SqlLimits,
  line: HiveLine,
  { work, sql }: Script,
  context: WorkContext,
): Promise<Outcome> {
  const session = await line.session();
  const read: ReadSoFar = { rows: 0, bytes: 0 };
  let table = NOTHING;
  for (const text of statementsOf(sql)) {
    if (table.columns.length > 0) context.log(`${table.rowCount} rows\n`);
    context.signal.throwIfAborted();
    const statement = await session.begin(text);
    table = await following(limits, line, statement, context, () => readTable(limits, statement, read));
    if (table.columns.length === 0) context.log("OK\n");
  }
  return succeedWithRows(table, work.outputForm, context.log);
}

/** Follows a statement to its end and reads what it answers; one that may not go on is ended on the server. */
async function following(
  { statementTimeoutMs }: SqlLimits,
  line: HiveLine,
  statement: HiveStatement,
  { signal, log }: WorkContext,
  readAnswer: () => Promise<Table>,
): Promise<Table> {
  let cancelled: Promise<void> | undefined;
  const cancel = () => {
    cancelled ??= statement.cancel().catch(line.abandon);
  };
  let late = false;
  const limit = setTimeout(
    () => {
      late = true;
      cancel();
    },
    Math.min(statementTimeoutMs, 2 ** 31 - 1),
  );
  signal.addEventListener("abort", cancel, { once: true });
  try {
    if (signal.aborted) cancel(); // between its beginning and now
    await statement.finished(log);
    const table = await readAnswer();
    await statement.close();
    return table;
  } catch (error) {
    if (line.usable()) cancel(); // of one that has ended nothing is left to end
    if (late) throw tooLong({ statementTimeoutMs });
    throw line.usable() ? error : lost(error);
  } finally {
    clearTimeout(limit);
    signal.removeEventListener("abort", cancel);
    await cancelled;
  }
}

/** Of the whole script. */
interface ReadSoFar {
  rows: number;
  bytes: number;
}

/** The first rows, and how many there are; the others are counted and let go. */
async function readTable(limits: SqlLimits, statement: HiveStatement, read: ReadSoFar): Promise<Table> {
  const columns = await statement.columns();
  const rows: TextRow[] = [];
  let rowCount = 0;
  for (;;) {
    const some = await statement.rows(columns, ROWS_AT_A_TIME);
    if (some.length === 0) break;
    rows.push(...some.slice(0, Math.max(0, limits.outputRowsMax - rows.length)));
    rowCount += some.length;
    read.rows += some.length;
    read.bytes += some.reduce((sum, row) => sum + sizeOf(row), 0);
    if (read.rows > limits.readRowsMax || read.bytes > limits.readBytesMax) throw tooMuch(limits);
  }
  // What has no answer is given one column, without rows.
  return rowCount === 0 && columns.length === 1 && columns[0]?.name === "Result"
    ? NOTHING
    : { columns, rows, rowCount };
}

function lost(cause: unknown): Fault {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Fault(
    "unavailable",
    "server-unavailable",
    `${reason} Whether the last statement took effect is not known.`,
    { cause },
  );
}
