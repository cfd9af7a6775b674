/** This server's place in the register: taken with a session lock, kept by a beat, given up or lost with its connection. */
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
import { createLoop } from "./loop.ts";

export interface PresenceDeps {
  readonly pool: DatabasePool;
  readonly connect: () => Promise<DirectConnection>;
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly now: () => Date;
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
  /** Tells other servers soon; several signals of one moment travel together, the same one once. */
  readonly signal: (signal: Signal) => void;
  /** Leaves the register; with node runs still in its hands it stays there as a lost one, whose work others take. */
  readonly stop: () => Promise<void>;
}

const BEAT_MS = 10_000;
const RECONNECT_MS = 500;
/** NOTIFY takes a lock of the whole database when it commits, so signals wait for company. */
const SIGNAL_MS = 5;

export function createPresence(deps: PresenceDeps): Presence {
  let connection: DirectConnection | undefined;
  let serverId: string | undefined;
  let stopped = false;
  let signals = new Map<string, Signal>();
  let sending: NodeJS.Timeout | undefined;
  const beat = createLoop("beat", keepPlace, deps.observe);

  async function register(): Promise<void> {
    const opened = await deps.connect();
    const entry = {
      id: deps.newServerId(),
      lockKey: deps.newLockKey(),
      host: deps.host,
      pid: deps.pid,
      roles: deps.roles,
    };
    try {
      await listenToSignals(opened, deps.onSignal);
      if (!(await takeServerLock(opened, entry.lockKey))) throw new RangeError("the lock key is in use");
      await insertServer(deps.pool, entry, deps.now());
    } catch (error) {
      await opened.close();
      throw error;
    }
    connection = opened;
    serverId = entry.id;
    opened.onLost(() => void loseServer());
    deps.onRegistered(entry.id);
    signal({ type: "server" });
  }

  async function loseServer(): Promise<void> {
    const lost = serverId;
    connection = undefined;
    serverId = undefined;
    if (lost === undefined || stopped) return;
    await deps.onLost(lost);
    beat.wake();
  }

  /** One beat; without a place it takes a new one. */
  async function keepPlace(): Promise<number> {
    if (stopped) return BEAT_MS;
    if (serverId === undefined) {
      try {
        await register();
      } catch (error) {
        deps.observe({ event: "loop-failed", loop: "register", error });
        return RECONNECT_MS;
      }
      return BEAT_MS;
    }
    if (!(await beatServer(deps.pool, serverId, deps.now()))) {
      const held = connection;
      await loseServer();
      await held?.close();
      return 0;
    }
    return BEAT_MS;
  }

  function signal(sent: Signal): void {
    signals.set(JSON.stringify(sent), sent);
    sending ??= setTimeout(() => {
      const batch = [...signals.values()];
      signals = new Map();
      sending = undefined;
      if (connection === undefined) return;
      sendSignals(connection, batch).catch((error: unknown) =>
        deps.observe({ event: "loop-failed", loop: "signals", error }),
      );
    }, SIGNAL_MS);
  }

  return {
    start: async () => {
      await register();
      beat.start();
    },
    serverId: () => serverId,
    signal,
    stop: async () => {
      stopped = true;
      clearTimeout(sending);
      await beat.stop();
      if (serverId !== undefined) await deleteIdleServer(deps.pool, serverId);
      serverId = undefined;
      await connection?.close();
    },
  };
}
