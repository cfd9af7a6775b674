/** A seeded world: servers that crash, stall and misread the time run many schedules for years, in minutes. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pool } from "pg";
import { createHistoryKeeper } from "../../src/engine/history.ts";
import { createRetention } from "../../src/engine/retention.ts";
import type { Operator, Outcome } from "../../src/operators/operator.ts";
import { createFolderBlobs } from "../../src/store/blobs.ts";
import type { DatabaseConnection } from "../../src/store/database.ts";
import { putRetentionChoice } from "../../src/store/retention-policies.ts";
import { seeded } from "../setup/seeded.ts";
import { act, isUnfinished, type JobHistory, liftAll, type Scene, stop } from "./acts.ts";
import { addJobs } from "./population.ts";
import type { Fault } from "./server-database.ts";
import { type SimulatedServer, startSimulatedServer } from "./simulated-server.ts";
import { createTimers } from "./world-timers.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly jobs: number;
  readonly from: number;
  readonly to: number;
}

/** What happened: all that the judge is told, beside the ledger itself. */
export interface Story {
  readonly projectId: string;
  readonly jobs: ReadonlyMap<number, JobHistory>;
  /** True times, in order, at which a server that works had decided all that was due. */
  readonly served: readonly number[];
  readonly events: Readonly<Record<string, number>>;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const SERVERS = 2;
/** So long a moment may take, in simulated time, until all that was due is decided. */
const MOMENT_SECONDS = 40;
/** Of a clock; with the time that a moment takes less than the lateness that counts as missed. */
const SKEW_MAX = 15 * SECOND;
/** Of each moment. */
const CHANCES = {
  crash: 0.01,
  stall: 0.005,
  resume: 0.3,
  skew: 0.02,
  outage: 0.001,
  restart: 0.012,
  act: 0.1,
};
/** Of each timer that is due, each time that the world's time passes: others ring late. */
const RINGS = 0.3;
/** Of each statement. */
const STATEMENT_FAULTS = 0.0005;

/** A world that has not begun: its jobs are in the database, which was empty and migrated. */
export interface World {
  readonly story: Story;
  /**
   * Plays it to its end, and leaves it at rest. The process's timers belong to it meanwhile. After each month `onMonth`
   * is called with the time; what was planned more than `KEPT_DAYS` before that is then dropped.
   */
  readonly play: (onMonth: (time: number) => Promise<void>) => Promise<void>;
}

/** Days for which a world keeps its history. */
const KEPT_DAYS = 150;

export async function createWorld(
  { pool, connection }: { readonly pool: Pool; readonly connection: DatabaseConnection },
  options: WorldOptions,
): Promise<World> {
  const { seed, from, to } = options;
  const random = seeded(seed);
  const { projectId, jobs } = await addJobs(pool, random, options);
  /** Jobs that somebody has paused, stopped or frozen, the longest first. */
  const unfinished = new Set<number>();
  const events: Record<string, number> = {};
  const note = (event: string) => {
    events[event] = (events[event] ?? 0) + 1;
  };
  const served: number[] = [];
  let time = from;
  let faulty = false;
  let servers: SimulatedServer[] = [];
  let idle: () => void = () => undefined;
  const site = {
    pool,
    connection,
    operator: simulatedOperator(random, note),
    trueTime: () => time,
    onIdle: () => idle(),
    random,
    nextFault: (): Fault => {
      if (!faulty || random() >= STATEMENT_FAULTS) return "none";
      note("statement lost");
      return random() < 0.5 ? "refused" : "answer-lost";
    },
  };
  const history = {
    pool,
    now: () => new Date(time),
    observe: () => undefined,
    periodDays: 7,
  };
  const retention = createRetention({ ...history, blobs: NO_BLOBS });
  const timers = createTimers(
    () => time,
    () => random() < RINGS,
  );

  async function play(onMonth: (time: number) => Promise<void>): Promise<void> {
    // A leap of the world's time is not to end idle connections.
    pool.options.idleTimeoutMillis = 0;
    timers.take();
    try {
      await putRetentionChoice(pool, null, { history: KEPT_DAYS, ledger: KEPT_DAYS, acts: KEPT_DAYS });
      await addServer();
      for (const jobId of jobs.keys())
        await servers[0]?.engine.startJob({ projectId, jobId, by: "simulator" });
      while (servers.length < SERVERS) await addServer();
      let month = -1;
      while (time < to) {
        await strike();
        // Some moments before a time, so that it may be planned ahead, or some after.
        const shift = Math.floor((random() * 6 - 2) * SECOND);
        const due = await nextDue(pool, time, to);
        if (random() < CHANCES.act) await letPeopleAct(due);
        await pass(Math.max(SECOND, due - time + shift));
        if (await settle()) served.push(time);
        if (new Date(time).getUTCMonth() === month) continue;
        month = new Date(time).getUTCMonth();
        await sweep();
        await onMonth(time);
        await keepHouse();
      }
      await calm();
    } finally {
      for (const server of servers) server.crash();
      timers.giveBack();
    }
  }

  /**
   * Somebody acts before that time, mostly in the last moment. Clocks have been set right by then and all that was due is
   * decided, so that each time is before the act or after it for everybody.
   */
  async function letPeopleAct(due: number): Promise<void> {
    const server = servers.find((one) => !one.isStalled());
    if (server === undefined || due - time <= 2 * SKEW_MAX || (await isUndecided(pool, time))) return;
    const atDue = await listDue(pool, due);
    for (const one of servers) one.skewMs = 0;
    faulty = false;
    await pass(due - time - 2 * SECOND);
    // Whoever plans ahead has the time to do so.
    for (let n = 0; n < 5; n += 1) await pass(Math.floor(random() * 390));
    const [longest] = unfinished;
    const jobId = longest !== undefined && random() < 0.6 ? longest : pickOf(random, atDue, [...jobs.keys()]);
    const history = jobs.get(jobId);
    if (history !== undefined) {
      note(await act(sceneOf(server), jobId, history));
      unfinished.delete(jobId);
      if (isUnfinished(history)) unfinished.add(jobId);
      await rest();
    }
    faulty = true;
  }

  /** Somebody stops the runs that wait for what has failed for days. */
  async function sweep(): Promise<void> {
    const server = servers.find((one) => !one.isStalled());
    if (server === undefined) return;
    faulty = false;
    server.skewMs = 0;
    for (const { id, job_id } of await listHopeless(pool, time - 10 * DAY)) {
      await server.engine.stopInstance({ projectId, instanceId: id, by: "simulator" });
      jobs.get(job_id)?.sweeps.push(time);
      note("sweep");
    }
    faulty = true;
  }

  function sceneOf({ engine }: SimulatedServer): Scene {
    return { pool, engine, projectId, random, time, to };
  }

  /** What a server does by the hour, done by the month. */
  async function keepHouse(): Promise<void> {
    const keeper = createHistoryKeeper(history);
    keeper.start();
    await keeper.stop();
    await retention.apply();
  }

  async function addServer(): Promise<void> {
    servers.push(await startSimulatedServer(site));
  }

  /** What happens to the servers before the next moment. */
  async function strike(): Promise<void> {
    for (const server of [...servers]) {
      if (server.isStalled() && random() < CHANCES.resume) server.resume();
      if (random() < CHANCES.skew) {
        note("clock jump");
        server.skewMs = Math.floor((random() * 2 - 1) * SKEW_MAX);
      }
      if (!server.isStalled() && random() < CHANCES.stall) {
        note("stall");
        server.stall();
      }
      if (random() < CHANCES.crash) crash(server);
    }
    if (random() < CHANCES.outage) {
      note("outage");
      for (const server of [...servers]) crash(server);
      time += Math.floor(random() ** 3 * 5 * DAY);
    }
    faulty = false;
    if (servers.length === 0 || (servers.length < SERVERS && random() < CHANCES.restart)) await addServer();
    faulty = true;
  }

  function crash(server: SimulatedServer): void {
    note("crash");
    servers = servers.filter((one) => one !== server);
    server.crash();
  }

  /** Lets time pass; each timer that falls due in it rings once. */
  async function pass(ms: number): Promise<void> {
    time += ms;
    timers.ring();
    await rest();
  }

  /** Until no server waits for the database. */
  async function rest(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      if (servers.some((server) => server.busy() > 0)) {
        await new Promise<void>((resolve) => {
          idle = resolve;
        });
        quiet = 0;
      }
      await new Promise(setImmediate);
    }
  }

  /** Second by second until all that is due is decided and has run; false where that did not come to be. */
  async function settle(): Promise<boolean> {
    for (let seconds = 0; seconds < MOMENT_SECONDS; seconds += 1) {
      if (!(await isUnsettled(pool, time))) return true;
      await pass(SECOND);
    }
    return !(await isUndecided(pool, time - SKEW_MAX));
  }

  /** At the end nothing goes wrong any more, and all that was begun comes to its end. */
  async function calm(): Promise<void> {
    faulty = false;
    for (const server of servers) {
      server.resume();
      server.skewMs = 0;
    }
    if (servers.length === 0) await addServer();
    for (const [jobId, history] of jobs) {
      const scene = sceneOf(servers[0] ?? assert.fail("a server was added"));
      await liftAll(scene, jobId, history);
      // They wait for times that this world has no more.
      if (history.waitsFor.length > 0) await stop(scene, jobId, history);
    }
    for (let minutes = 0; minutes < 24 * 60 && (await isUnended(pool)); minutes += 1) {
      await pass(MINUTE);
      await settle();
    }
  }

  return { story: { projectId, jobs, served, events }, play };
}

/** Simulated work says nothing, so there is never a blob. */
const NO_BLOBS = createFolderBlobs(join(tmpdir(), "azalai-simulate-nothing"));

/** Mostly ends at once; sometimes it takes up to an hour, and sometimes the first try fails. */
function simulatedOperator(random: () => number, note: (event: string) => void): Operator {
  return {
    types: ["Simulated"],
    lane: "process",
    run: async ({ attempt }, { signal }): Promise<Outcome> => {
      const chance = random();
      if (chance < 0.01) {
        note("slow work");
        await new Promise((resolve) => {
          setTimeout(resolve, Math.floor(random() * 60) * MINUTE);
          signal.addEventListener("abort", resolve);
        });
        if (signal.aborted) return { state: "cancelled" };
      } else if (chance < 0.02 && attempt === 1) {
        note("failed try");
        return { state: "failed", message: "by chance" };
      }
      return { state: "succeeded" };
    },
  };
}

/** When there is something to plan, or to begin that was planned already. */
async function nextDue(pool: Pool, time: number, to: number): Promise<number> {
  const { rows } = await pool.query<{ at: Date | null }>({
    name: "simulate-next-due",
    text: `select least((select min(next_at) from schedule),
        (select min(ready_at) from node_run
         where state = 'ready' and ready_at > $1 and instance_id >= history_floor())) as at`,
    values: [new Date(time)],
  });
  return Math.min(rows[0]?.at?.getTime() ?? to, to);
}

/** Instances planned before that time which wait for a run that did not succeed. */
async function listHopeless(pool: Pool, before: number): Promise<{ id: number; job_id: number }[]> {
  const { rows } = await pool.query<{ id: number; job_id: number }>(
    `select i.id, i.job_id::integer from instance i
     where i.state = 'waiting' and i.planned_at < $1 and exists (
       select from instance_wait w
       where w.project_id = i.project_id and w.instance_id = i.id and w.state = 'failed'
     )`,
    [new Date(before)],
  );
  return rows;
}

/** Jobs whose schedules are due at that time. */
async function listDue(pool: Pool, due: number): Promise<number[]> {
  const { rows } = await pool.query<{ id: number }>(
    "select job_id::integer as id from schedule where next_at = $1 order by 1",
    [new Date(due)],
  );
  return rows.map(({ id }) => id);
}

/** One of the first list, or of the second where that has none. */
function pickOf(random: () => number, first: readonly number[], second: readonly number[]): number {
  const list = first.length > 0 ? first : second;
  return list[Math.floor(random() * list.length)] ?? 0;
}

async function isUndecided(pool: Pool, time: number): Promise<boolean> {
  const { rows } = await pool.query(
    "select from schedule where next_at <= $1 union all select from planned_run where state = 'due' limit 1",
    [new Date(time)],
  );
  return rows.length > 0;
}

async function isUnsettled(pool: Pool, time: number): Promise<boolean> {
  const { rows } = await pool.query({
    name: "simulate-unsettled",
    text: `select from schedule where next_at <= $1
      union all select from node_run where state = 'ready' and ready_at <= $1 and instance_id >= history_floor() limit 1`,
    values: [new Date(time)],
  });
  return rows.length > 0;
}

async function isUnended(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query("select from instance where ended_at is null limit 1");
  return rows.length > 0;
}
