/** One connection beside the pool, for what belongs to a session: the lock that shows life, and being notified. */
import { Socket } from "node:net";
import { Client, type QueryConfig } from "pg";
import { TYPES } from "./column-types.ts";
import type { Database, DatabaseConnection } from "./database.ts";

/**
 * A session of its own: a lock taken on it lasts until `close`, or until the server notices that it is gone. Statements
 * asked for at once run one after another.
 */
export interface DirectConnection extends Database {
  /** Hears of each notification of the channels that the session listens on. */
  readonly onNotification: (hear: (channel: string, payload: string) => void) => void;
  /** Called once when the session has ended for any reason but `close`. */
  readonly onLost: (hear: () => void) => void;
  readonly close: () => Promise<void>;
  /** Ends it without a word, as a broken network would: for one that answers no more. */
  readonly drop: () => void;
  /** Whether a pooler stands between, which gives transactions and not sessions: locks and notifications do not last. */
  readonly isPooled: () => Promise<boolean>;
}

/** How soon the system probes an idle connection: a server that went away without a word is noticed. */
const KEEP_ALIVE_DELAY_MS = 5_000;

/** As long as a connection of the pool may take. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Opens a connection at `where`. */
export async function connectDirectly(where: string | DatabaseConnection): Promise<DirectConnection> {
  const socket = new Socket();
  const client = new Client({
    ...(typeof where === "string" ? { connectionString: where } : where),
    application_name: "azalai",
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    stream: () => socket,
    types: TYPES,
  });
  let closing = false;
  let lost = false;
  const listeners: (() => void)[] = [];
  const onEnd = () => {
    if (closing || lost) return;
    lost = true;
    for (const listener of listeners) listener();
  };
  client.on("error", onEnd);
  client.on("end", onEnd);
  await client.connect();
  /** Settled when nothing that was asked for is under way: the driver is to be given one statement at a time. */
  let idle: Promise<unknown> = Promise.resolve();
  const query: Database["query"] = <Row extends object>(statement: QueryConfig) => {
    const result = idle.then(() => client.query<Row>(statement));
    idle = result.catch(() => undefined);
    return result;
  };
  return {
    query,
    onNotification: (hear) => {
      client.on("notification", ({ channel, payload }) => hear(channel, payload ?? ""));
    },
    onLost: (hear) => {
      if (lost) hear();
      else listeners.push(hear);
    },
    close: async () => {
      closing = true;
      await client.end();
    },
    drop: () => void socket.destroy(),
    isPooled: async () => {
      const { rows } = await query<{ pid: number }>({ text: "select pg_backend_pid() as pid" });
      // At the start of a connection the server names its process; a pooler names none, or one of its own.
      return "processID" in client && client.processID !== rows[0]?.pid;
    },
  };
}
