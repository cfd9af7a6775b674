/** A simulated server's way to the real database: statements may fail, their answers be lost, all of it be cut or held. */
import type { Pool, PoolClient } from "pg";

export interface ServerDatabase {
  readonly pool: Pool;
  /** Statements that the database works on, and connections that somebody holds. */
  readonly busy: () => number;
  /** From now on nothing passes, as for a process that was killed; open transactions are rolled back. */
  readonly cut: () => void;
  /** New work waits until `resume`; a transaction that is under way goes on. */
  readonly hold: () => void;
  readonly resume: () => void;
}

/** What happens to the next statement. */
export type Fault = "none" | "refused" | "answer-lost";

/** `onIdle` is called each time that nothing is busy any more. */
export function serverDatabase(pool: Pool, nextFault: () => Fault, onIdle: () => void): ServerDatabase {
  const clients = new Set<PoolClient>();
  let busy = 0;
  let isCut = false;
  let gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined;

  async function run(statement: () => Promise<unknown>, broken: { is: boolean }): Promise<unknown> {
    if (isCut || broken.is) throw lost();
    const fault = nextFault();
    if (fault === "none") return await statement();
    broken.is = true;
    if (fault === "answer-lost") await statement().catch(() => undefined);
    throw lost();
  }

  /** What a transaction that is under way still needs is let through: others wait for its locks. */
  async function pass(): Promise<void> {
    if (clients.size === 0) await gate?.opened;
  }

  async function counted<T>(work: () => Promise<T>): Promise<T> {
    await pass();
    busy += 1;
    try {
      return await work();
    } finally {
      leave();
    }
  }

  function leave(): void {
    busy -= 1;
    if (busy === 0) onIdle();
  }

  async function connect(): Promise<PoolClient> {
    await pass();
    if (isCut) throw lost();
    busy += 1;
    // It fails where the world leaps over the time that a connection may take to be made.
    const client = await pool.connect().catch((error: unknown) => {
      leave();
      throw error;
    });
    clients.add(client);
    const broken = { is: false };
    const release = (error?: Error | boolean) => {
      if (!clients.delete(client)) return;
      client.release(broken.is || error);
      leave();
    };
    return new Proxy(client, {
      get: (target, name) => {
        if (name === "release") return release;
        if (name !== "query") return bound(target, name);
        return (...args: [never]) => run(() => target.query(...args), broken);
      },
    });
  }

  return {
    pool: new Proxy(pool, {
      get: (target, name) => {
        if (name === "connect") return connect;
        if (name !== "query") return bound(target, name);
        return (...args: [never]) => counted(() => run(() => target.query(...args), { is: false }));
      },
    }),
    busy: () => busy,
    cut: () => {
      isCut = true;
      for (const client of clients) {
        clients.delete(client);
        client.release(true);
        leave();
      }
      gate?.open();
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate ??= { opened: promise, open: resolve };
    },
    resume: () => {
      gate?.open();
      gate = undefined;
    },
  };
}

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === "function" ? value.bind(target) : value;
}

function lost(): Error {
  return Object.assign(new Error("Connection terminated unexpectedly"), { code: "ECONNRESET" });
}
