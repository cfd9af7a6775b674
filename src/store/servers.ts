/** The register of servers: each holds a session lock and a lease while it lives, so that others see when it does not. */
import { type Database, execute, query } from "./database.ts";
import type { DirectConnection } from "./direct-connection.ts";

export interface ServerEntry {
  readonly id: string;
  /** Of the session lock; random, from 0 to 2^53 - 1. Null: it has no session of its own, and only a lease. */
  readonly lockKey: number | null;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
}

/** Takes the session lock of a server that is about to register; false where another holds it. */
export async function takeServerLock(connection: DirectConnection, lockKey: number): Promise<boolean> {
  const rows = await query<{ readonly taken: boolean }>(
    connection,
    "take-server-lock",
    "select pg_try_advisory_lock($1) as taken",
    [lockKey],
  );
  return rows[0]?.taken === true;
}

/** The lock must be held already: a server without it counts as lost. The lease has to be renewed by `beatServer`. */
export async function insertServer(
  db: Database,
  server: ServerEntry,
  { now, leaseMs }: { readonly now: Date; readonly leaseMs: number },
): Promise<void> {
  await execute(
    db,
    "insert-server",
    `insert into server (id, lock_key, host, pid, roles, started_at, beat_at, lease_until)
     values ($1, $2, $3, $4, $5, $6, clock_timestamp(), clock_timestamp() + make_interval(secs => $7::float8))`,
    [server.id, server.lockKey, server.host, server.pid, server.roles, now, leaseMs / 1000],
  );
}

/** Renews the lease and gives the database's time; undefined when the server is not in the register any more. */
export async function beatServer(db: Database, serverId: string, leaseMs: number): Promise<Date | undefined> {
  const rows = await query<{ readonly at: Date }>(
    db,
    "beat-server",
    `update server set beat_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => $2::float8)
     where id = $1 returning beat_at as at`,
    [serverId, leaseMs / 1000],
  );
  return rows[0]?.at;
}

export async function deleteServer(db: Database, serverId: string): Promise<void> {
  await execute(db, "delete-server", "delete from server where id = $1", [serverId]);
}

/** Takes a server out of the register unless node runs are in its hands, or may yet be: others then find it there, and them. */
export async function deleteIdleServer(db: Database, serverId: string): Promise<void> {
  await execute(
    db,
    "delete-idle-server",
    `delete from server where id = $1 and ${CLAIMS_NOTHING}
       and not exists (select from node_run where server_id = $1 and state = 'running')`,
    [serverId],
  );
}

/** Its lock is free, or its lease has run out. The lock is tried for the length of the statement. */
const LOST =
  "lease_until < clock_timestamp() or lock_key is not null and pg_try_advisory_xact_lock(lock_key)";

/**
 * Servers that are lost, and how many others than `serverId` are registered. Another who asks at that moment may take a
 * lost server for a living one, and asks again.
 */
export async function findLostServers(
  db: Database,
  serverId: string,
): Promise<{ readonly lost: string[]; readonly others: number }> {
  const rows = await query<{ readonly id: string; readonly lost: boolean }>(
    db,
    "find-lost-servers",
    `select id, ${LOST} as lost from server where id <> $1`,
    [serverId],
  );
  return { lost: rows.flatMap(({ id, lost }) => (lost ? [id] : [])), others: rows.length };
}

/** Ids under which node runs are running and that are not in the register. */
export async function findUnknownServers(db: Database): Promise<string[]> {
  const rows = await query<{ readonly id: string }>(
    db,
    "find-unknown-servers",
    `select distinct n.server_id as id from node_run n
     where n.state = 'running' and not exists (select from server s where s.id = n.server_id)`,
  );
  return rows.map(({ id }) => id);
}

/** No call of `step` that could claim for the server is under way, and none begins before the transaction's end. */
const CLAIMS_NOTHING = "pg_try_advisory_xact_lock(hashtext('azalai claims'), hashtext($1::uuid::text))";

/**
 * In a transaction: keeps other rescuers and its own claims away from a server; false where one of them is under way, or
 * it lives after all. Once it is out of the register it claims nothing more.
 */
export async function lockServer(db: Database, serverId: string): Promise<boolean> {
  const rows = await query(
    db,
    "lock-server",
    `select id from (
       select locked.id from (select id from server where id = $1 and (${LOST}) for update skip locked) locked
       union all select $1::uuid where not exists (select from server where id = $1)
     ) lost where ${CLAIMS_NOTHING}`,
    [serverId],
  );
  return rows.length > 0;
}

/** The channel on which servers tell each other what a poll would find later. */
export const ENGINE_CHANNEL = "azalai_engine";

/**
 * `ready`: node runs, now or at that time; `due`: schedules; `ended`: a run that others may wait for; `stop`: an instance is to end; `child`: one that a node
 * began has ended; `server`: a new one.
 */
export type Signal =
  | { readonly type: "due" | "ended" | "server" }
  | { readonly type: "ready"; readonly at?: Date }
  | { readonly type: "stop" | "child"; readonly projectId: string; readonly instanceId: number };

/** Tells all servers that listen, this one included. */
export async function sendSignals(db: Database, signals: readonly Signal[]): Promise<void> {
  await query(db, "send-signals", "select pg_notify($1, signal) from unnest($2::text[]) signal", [
    ENGINE_CHANNEL,
    signals.map(writeSignal),
  ]);
}

function writeSignal(signal: Signal): string {
  if ("projectId" in signal) return `${signal.type} ${signal.projectId} ${signal.instanceId}`;
  return "at" in signal && signal.at !== undefined ? `${signal.type} ${signal.at.getTime()}` : signal.type;
}

export async function listenToSignals(
  connection: DirectConnection,
  hear: (signal: Signal) => void,
): Promise<void> {
  connection.onNotification((channel, payload) => {
    const signal = channel === ENGINE_CHANNEL ? readSignal(payload) : undefined;
    if (signal !== undefined) hear(signal);
  });
  await connection.query({ text: `listen ${ENGINE_CHANNEL}` });
}

/** Undefined for what another release may say. */
function readSignal(payload: string): Signal | undefined {
  const [type, first = "", instanceId] = payload.split(" ");
  if (type === "stop" || type === "child") return { type, projectId: first, instanceId: Number(instanceId) };
  if (type === "ready") return first === "" ? { type } : { type, at: new Date(Number(first)) };
  return type === "due" || type === "ended" || type === "server" ? { type } : undefined;
}
