/** A session with a PostgreSQL server: opened, lent to one attempt after the other, given up at the first doubt. */
import { Client, type ClientConfig } from "pg";
import { Fault } from "../domain/fault.ts";
import type { SqlSession } from "./sql-driver.ts";

export interface PostgresSession extends SqlSession {
  readonly client: Client;
  readonly config: ClientConfig;
}

const CANCEL_WAIT_MS = 5000;

/** Rejects when the server cannot be reached, or with the signal's reason when that was aborted first. */
export async function openPostgresSession(
  config: ClientConfig,
  signal: AbortSignal,
): Promise<PostgresSession> {
  const client = new Client(config);
  let alive = true;
  const lose = () => {
    alive = false;
  };
  client.on("error", lose); // what waits for an answer hears of it too
  client.on("end", lose);
  const close = async () => {
    alive = false;
    await client.end().catch(() => undefined);
  };
  const abandon = () => client.connection.stream.destroy();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    await client.connect();
    signal.throwIfAborted();
  } catch (error) {
    await close();
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
  }
  return {
    client,
    config,
    usable: () => alive,
    close,
    lend: async (name, borrower, body) => {
      let clean = false;
      try {
        await client.query(`set application_name = ${client.escapeLiteral(name)}`);
        const outcome = await body();
        // A cancel that came too late for one query could hit the next.
        clean = outcome.state === "succeeded" && !borrower.aborted && (await reset(client));
        return outcome;
      } finally {
        if (!clean) await close();
      }
    },
  };
}

/** Takes back settings, temporary tables, locks, prepared statements and the like; false where that did not work. */
async function reset(client: Client): Promise<boolean> {
  try {
    if (client.getTransactionStatus() !== "I") await client.query("rollback");
    await client.query("discard all");
    return true;
  } catch {
    return false; // the script has succeeded all the same
  }
}

/** Asks the database to end what the client waits for; closes the connection where that does not help. */
export async function cancelBackend(config: ClientConfig, client: Client): Promise<void> {
  const stream = client.connection.stream;
  const closing = setTimeout(() => stream.destroy(), CANCEL_WAIT_MS);
  stream.once("close", () => clearTimeout(closing));
  const backend: unknown = Reflect.get(client, "processID"); // missing in the types
  const messenger = new Client(config);
  messenger.on("error", () => undefined);
  try {
    if (typeof backend !== "number") throw new Fault("unavailable", "server-unavailable", "not connected");
    await messenger.connect();
    await messenger.query("select pg_cancel_backend($1)", [backend]);
  } catch {
    stream.destroy(); // no second connection to be had: the server notices that nobody listens
  } finally {
    await messenger.end().catch(() => undefined);
  }
}
