/** This server's place in the register: taken with a session lock and a lease, kept by beats, lost with its connection. */
import type { Observe } from "../domain/observation.ts";
import type { DatabasePool } from "../store/database.ts";
import type { DirectConnection } from "../store/direct-connection.ts";
import {
  beatServer,
  deleteIdleServer,
  insertServer,
  listenToSignals,
  type Signal,
  sendSignals,
  takeServerLock,
} from "../store/servers.ts";
import type { Clock } from "./clock.ts";
import { createLoop } from "./loop.ts";

/** How long a server counts as alive after its last beat, and how often it beats. */
export interface Lease {
  readonly leaseMs: number;
  readonly beatMs: number;
}

export interface PresenceDeps {
  readonly pool: DatabasePool;
  readonly connect: () => Promise<DirectConnection>;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly now: () => Date;
  /** Compared with the database's at each beat; absent: it is not. */
  readonly clock?: Clock;
  readonly lease: Lease;
  /** Whether a pooler stands before the database; absent: found out. */
  readonly pooled?: boolean;
  /** Breaks the pool's connections, for a database that answers no more. */
  readonly cutConnections: () => void;
  readonly observe: Observe;
  readonly newServerId: () => string;
  readonly newLockKey: () => number;
  readonly onSignal: (signal: Signal) => void;
  /** The server with that id counts as dead from now on, whatever it still does. Resolves when it does nothing more. */
  readonly onLost: (serverId: string) => Promise<void>;
  /** Registered, under a new id each time. */
  readonly onRegistered: (serverId: string) => void;
}

export interface Presence {
  /** Resolves when this server is registered. */
  readonly start: () => Promise<void>;
  /** Undefined while it is not registered. */
  readonly serverId: () => string | undefined;
  /** Whether what other servers tell reaches this one: it is registered, and no pooler stands before the database. */
  readonly hears: () => boolean;
  /** Tells other servers soon; several signals of one moment travel together, the same one once. */
  readonly signal: (signal: Signal) => void;
  /** Leaves the register; with node runs still in its hands it stays there as a lost one, whose work others take. */
  readonly stop: () => Promise<void>;
}

const RECONNECT_MS = 500;
/** NOTIFY takes a lock of the whole database when it commits, so signals wait for company. */
const SIGNAL_MS = 5;
/** The part of its lease after which a server that heard nothing gives itself up; the rest is for ending its work. */
const GIVE_UP = 2 / 3;

export function createPresence(deps: PresenceDeps): Presence {
  const { beatMs, leaseMs } = deps.lease;
  let connection: DirectConnection | undefined;
  let serverId: string | undefined;
  let listens = false;
  let stopped = false;
  let signals = new Map<string, Signal>();
  let sending: NodeJS.Timeout | undefined;
  /** Runs out when the lease is about to, unless a beat is answered before. */
  let watch: NodeJS.Timeout | undefined;
  const beat = createLoop("beat", keepPlace, deps.observe);

  async function register(): Promise<void> {
    const opened = await deps.connect();
    try {
      const pooled = deps.pooled ?? (await opened.isPooled());
      const entry = {
        id: deps.newServerId(),
        lockKey: pooled ? null : deps.newLockKey(),
        host: deps.host,
        pid: deps.pid,
        roles: deps.roles,
      };
      if (entry.lockKey !== null) {
        await listenToSignals(opened, deps.onSignal);
        if (!(await takeServerLock(opened, entry.lockKey))) throw new RangeError("the lock key is in use");
      }
      await insertServer(opened, entry, { now: deps.now(), leaseMs });
      connection = opened;
      serverId = entry.id;
      listens = !pooled;
      opened.onLost(() => void loseServer(entry.id));
      await beatOnce(opened, entry.id);
    } catch (error) {
      clearTimeout(watch);
      connection = undefined;
      serverId = undefined;
      opened.drop();
      throw error;
    }
    deps.onRegistered(serverId);
    signal({ type: "server" });
  }

  /** Renews the lease; false when the place is lost. The time counts from when it was asked for. */
  async function beatOnce(held: DirectConnection, id: string): Promise<boolean> {
    const asked = deps.clock?.machine();
    const next = setTimeout(() => void fallSilent(id), leaseMs * GIVE_UP);
    let at: Date | undefined;
    try {
      at = await beatServer(held, id, leaseMs);
    } catch (error) {
      clearTimeout(next);
      throw error;
    }
    clearTimeout(watch);
    watch = next;
    if (deps.clock !== undefined && asked !== undefined && at !== undefined) {
      deps.clock.compare(at, asked, deps.clock.machine());
      if (deps.clock.apart()) deps.observe({ event: "clock-apart", milliseconds: deps.clock.distanceMs() });
    }
    return at !== undefined;
  }

  /** The database has not answered for most of the lease: others are about to take over what this server runs. */
  async function fallSilent(id: string): Promise<void> {
    if (id !== serverId) return;
    deps.observe({ event: "database-silent", milliseconds: leaseMs * GIVE_UP });
    const lost = loseServer(id);
    deps.cutConnections();
    await lost;
  }

  async function loseServer(id: string): Promise<void> {
    if (id !== serverId) return;
    clearTimeout(watch);
    const held = connection;
    connection = undefined;
    serverId = undefined;
    held?.drop();
    if (stopped) return;
    await deps.onLost(id);
    beat.wake();
  }

  /** One beat; without a place it takes a new one. */
  async function keepPlace(): Promise<number> {
    if (stopped) return beatMs;
    if (connection === undefined || serverId === undefined) {
      try {
        await register();
      } catch (error) {
        deps.observe({ event: "loop-failed", loop: "register", error });
        return RECONNECT_MS;
      }
      return beatMs;
    }
    if (await beatOnce(connection, serverId)) return beatMs;
    await loseServer(serverId);
    return 0;
  }

  function signal(sent: Signal): void {
    signals.set(JSON.stringify(sent), sent);
    sending ??= setTimeout(() => void sendAll(), SIGNAL_MS);
  }

  async function sendAll(): Promise<void> {
    clearTimeout(sending);
    sending = undefined;
    const batch = [...signals.values()];
    signals = new Map();
    if (connection === undefined || batch.length === 0) return;
    await sendSignals(connection, batch).catch((error: unknown) =>
      deps.observe({ event: "loop-failed", loop: "signals", error }),
    );
  }

  return {
    start: async () => {
      await register();
      beat.start();
    },
    serverId: () => serverId,
    hears: () => listens && serverId !== undefined,
    signal,
    stop: async () => {
      stopped = true;
      await sendAll();
      await beat.stop();
      if (serverId !== undefined) await deleteIdleServer(deps.pool, serverId);
      clearTimeout(watch);
      serverId = undefined;
      await connection?.close();
    },
  };
}
