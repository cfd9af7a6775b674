/** One server of a simulated world: the whole real engine, on a clock and a way to the database that the world owns. */
import type { Pool } from "pg";
import { createEngine } from "../../src/engine/engine.ts";
import type { Operator } from "../../src/operators/operator.ts";
import type { BlobStore } from "../../src/store/blobs.ts";
import type { DatabaseConnection } from "../../src/store/database.ts";
import { connectDirectly, type DirectConnection } from "../../src/store/direct-connection.ts";
import { NO_SOURCES } from "../setup/no-sources.ts";
import { type Fault, serverDatabase } from "./server-database.ts";

export interface SimulatedServer {
  readonly engine: ReturnType<typeof createEngine>;
  readonly busy: () => number;
  /** How far its clock is from the true time, in milliseconds. */
  skewMs: number;
  /** It ends without a word. */
  readonly crash: () => void;
  /** It stands still, and its session breaks: others take its work over, and what it says later comes too late. */
  readonly stall: () => void;
  /** It goes on as if nothing had been. */
  readonly resume: () => void;
  readonly isStalled: () => boolean;
}

export interface ServerSite {
  readonly pool: Pool;
  readonly connection: DatabaseConnection;
  readonly operator: Operator;
  readonly trueTime: () => number;
  readonly random: () => number;
  readonly nextFault: () => Fault;
  /** Called each time that the server waits for nothing of the database any more. */
  readonly onIdle: () => void;
}

/** Longer than the world stands still at a time, and within what a timer can count. */
const LEASE_MS = 24 * 86_400_000;

/** Starts it; it is registered when this resolves. */
export async function startSimulatedServer(site: ServerSite): Promise<SimulatedServer> {
  const database = serverDatabase(site.pool, site.nextFault, site.onIdle);
  /** Open ones, each with whom to tell when it is lost. */
  const sessions = new Map<DirectConnection, (() => void)[]>();
  let stalled = false;
  const dropSessions = () => {
    for (const session of sessions.keys()) session.drop();
  };
  const engine = createEngine({
    pool: database.pool,
    connect: async () => {
      const session = await connectDirectly(site.connection);
      const listeners: (() => void)[] = [];
      sessions.set(session, listeners);
      return { ...session, onLost: (hear) => void listeners.push(hear) };
    },
    pooled: false,
    // The database's own clock does not follow the world's: sessions tell who lives, leases never run out.
    lease: { leaseMs: LEASE_MS, beatMs: 10_000 },
    operators: [site.operator],
    sources: NO_SOURCES,
    cancelSubmission: async () => "forgotten",
    blobs: NO_BLOBS,
    roles: ["scheduler", "worker"],
    // Of work of other kinds there is none.
    slots: { inline: 0, process: 200, stream: 0, child: 0, remote: 0 },
    now: () => new Date(site.trueTime() + server.skewMs),
    random: site.random,
    observe: () => undefined,
    timeZone: "UTC",
    drainGraceMs: 0,
  });
  const server: SimulatedServer = {
    engine,
    skewMs: 0,
    busy: database.busy,
    crash: () => {
      database.cut();
      dropSessions();
      // Only so that its loops do not go on trying for ever; it can reach nothing any more.
      engine.stop().catch(() => undefined);
    },
    stall: () => {
      stalled = true;
      database.hold();
      dropSessions();
    },
    resume: () => {
      if (!stalled) return;
      stalled = false;
      database.resume();
      const lost = [...sessions.values()].flat();
      sessions.clear();
      for (const hear of lost) hear();
    },
    isStalled: () => stalled,
  };
  await engine.start();
  return server;
}

/** Simulated work says nothing, so nothing is put and nothing is asked for. */
const NO_BLOBS = {} as BlobStore;
