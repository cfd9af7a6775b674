/** A seeded world: servers that crash, stall and misread the time run many schedules for years, in minutes. */
import { randomBytes } from "node:crypto";
import { mock } from "node:test";
import type { Pool } from "pg";
import { type JobDefinition, NODE_DEFAULTS } from "../../src/domain/job.ts";
import type { Operator, Outcome } from "../../src/operators/operator.ts";
import type { DatabaseConnection } from "../../src/store/database.ts";
import { seeded } from "../setup/seeded.ts";
import type { Fault } from "./server-database.ts";
import { type SimulatedServer, startSimulatedServer } from "./simulated-server.ts";
import { chooseSchedule, cronText, type SimulatedSchedule } from "./timetable.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly jobs: number;
  readonly from: number;
  readonly to: number;
  readonly report: (text: string) => void;
}

/** What happened: all that the judge is told, beside the ledger itself. */
export interface Story {
  readonly projectId: string;
  readonly schedules: ReadonlyMap<number, SimulatedSchedule>;
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
const CHANCES = { crash: 0.01, stall: 0.005, resume: 0.3, skew: 0.02, outage: 0.001, restart: 0.5 };
/** Of each statement. */
const STATEMENT_FAULTS = 0.0005;

/** Plays the world on an empty, migrated database, and leaves it at rest. The process's timers belong to it meanwhile. */
export async function playWorld(
  { pool, connection }: { readonly pool: Pool; readonly connection: DatabaseConnection },
  options: WorldOptions,
): Promise<Story> {
  const { seed, from, to } = options;
  const random = seeded(seed);
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
  // A leap of the world's time is not to end idle connections.
  pool.options.idleTimeoutMillis = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const schedules = await addJobs(pool, random, options);
    await addServer();
    for (const [jobId] of schedules.jobs)
      await servers[0]?.engine.startJob({ projectId: schedules.projectId, jobId, by: "simulator" });
    while (servers.length < SERVERS) await addServer();
    faulty = true;
    let month = -1;
    while (time < to) {
      await strike();
      // Some moments before a time, so that it is planned ahead, or some after.
      const shift = Math.floor((random() * 14 - 4) * SECOND);
      await pass(Math.max(SECOND, (await nextDue(pool, time, to)) - time + shift));
      if (await settle()) served.push(time);
      if (new Date(time).getUTCMonth() !== month) {
        month = new Date(time).getUTCMonth();
        options.report(`${new Date(time).toISOString()} ${JSON.stringify(events)}`);
      }
    }
    await calm();
    return { projectId: schedules.projectId, schedules: schedules.jobs, served, events };
  } finally {
    for (const server of servers) server.crash();
    mock.timers.reset();
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
    mock.timers.tick(ms);
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
    for (let minutes = 0; minutes < 24 * 60 && (await isUnended(pool)); minutes += 1) {
      await pass(MINUTE);
      await settle();
    }
  }
}

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

async function addJobs(pool: Pool, random: () => number, { jobs, from, to }: WorldOptions) {
  const projectId = randomBytes(16).toString("hex");
  const at = new Date(from);
  await pool.query("insert into project (id, name, created_at) values ($1, 'simulated', $2)", [
    projectId,
    at,
  ]);
  await pool.query("insert into workspace (project_id, id, created_at) values ($1, 'default', $2)", [
    projectId,
    at,
  ]);
  const made = new Map<number, SimulatedSchedule>();
  for (let n = 0; n < jobs; n += 1) {
    const schedule = chooseSchedule(random, from, to);
    const { rows } = await pool.query<{ id: number }>(
      `with made as (
         insert into job (project_id, workspace_id, name, kind, version, created_at, created_by, updated_at, updated_by)
         values ($1, 'default', $2, 'batch', 1, $4, 'simulator', $4, 'simulator') returning id
       ), version as (
         insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
         select $1, id, 1, $3, '{}', $4, 'simulator' from made
       )
       select id from made`,
      [projectId, `job${n}`, JSON.stringify(definitionOf(schedule)), at],
    );
    made.set(rows[0]?.id ?? 0, schedule);
  }
  return { projectId, jobs: made };
}

function definitionOf({ timetable, zone, startsAt, endsAt, settings, afterOwnPrevious }: SimulatedSchedule) {
  const definition: JobDefinition = {
    kind: "batch",
    nodes: [
      {
        ...NODE_DEFAULTS,
        name: "work",
        type: "Simulated",
        after: [],
        conditions: [],
        properties: {},
        retriesMax: 5,
        retryDelaySeconds: 1,
        timeoutSeconds: 7 * 86_400, // a leap of the world's time is not to end work that would have ended within it
      },
    ],
    parameters: [],
    schedule: {
      type: "cron",
      cron: {
        expression: cronText(timetable),
        zone,
        startsAt: new Date(startsAt).toISOString(),
        endsAt: new Date(endsAt).toISOString(),
        afterOwnPrevious,
      },
    },
    priority: 0,
    dryRun: false,
    settings,
  };
  return definition;
}

/** When there is something to plan, or to begin that was planned ahead. */
async function nextDue(pool: Pool, time: number, to: number): Promise<number> {
  const { rows } = await pool.query<{ at: Date | null }>(
    `select least((select min(next_at) from schedule),
       (select min(ready_at) from node_run where state = 'ready' and ready_at > $1)) as at`,
    [new Date(time)],
  );
  return Math.min(rows[0]?.at?.getTime() ?? to, to);
}

async function isUndecided(pool: Pool, time: number): Promise<boolean> {
  const { rows } = await pool.query(
    "select from schedule where next_at <= $1 union all select from planned_run where state = 'due' limit 1",
    [new Date(time)],
  );
  return rows.length > 0;
}

async function isUnsettled(pool: Pool, time: number): Promise<boolean> {
  const { rows } = await pool.query(
    `select from schedule where next_at <= $1
     union all select from node_run where state = 'ready' and ready_at <= $1 limit 1`,
    [new Date(time)],
  );
  return rows.length > 0;
}

async function isUnended(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query("select from instance where ended_at is null limit 1");
  return rows.length > 0;
}
