/** The jobs of a simulated world, as the product is told of them. */
import { randomBytes } from "node:crypto";
import type { Pool } from "pg";
import { type JobDefinition, NODE_DEFAULTS } from "../../src/domain/job.ts";
import type { JobHistory, Waiting } from "./acts.ts";
import { CALENDARS, chooseSchedule, cronText, type SimulatedSchedule } from "./timetable.ts";
import { intervalOf } from "./waiting.ts";

export interface Population {
  readonly projectId: string;
  readonly jobs: ReadonlyMap<number, JobHistory>;
}

/** Puts so many jobs into the database, none of them in operation yet. */
export async function addJobs(
  pool: Pool,
  random: () => number,
  { jobs, from, to }: { readonly jobs: number; readonly from: number; readonly to: number },
): Promise<Population> {
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
  for (const [name, { weekdays, holidays }] of Object.entries(CALENDARS))
    await pool.query(
      `insert into calendar (project_id, workspace_id, name, weekdays, holidays, workdays, updated_at, updated_by)
       values ($1, 'default', $2, $3, $4, '{}', $5, 'simulator')`,
      [projectId, name, weekdays.map((day) => day + 1), holidaysOf(holidays, from, to), at],
    );
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
  const waits = chooseWaits(random, made);
  for (const [jobId, waitsFor] of waits)
    for (const { jobId: upstream, periods, failPolicy } of waitsFor)
      await pool.query(
        "insert into job_dependency (project_id, job_id, upstream_id, periods, fail_policy) values ($1, $2, $3, $4, $5)",
        [projectId, jobId, upstream, periods, failPolicy],
      );
  return { projectId, jobs: historiesOf(made, waits, from) };
}

function historiesOf(
  made: ReadonlyMap<number, SimulatedSchedule>,
  waits: ReadonlyMap<number, readonly Waiting[]>,
  since: number,
): Map<number, JobHistory> {
  const upstream = new Set([...waits.values()].flat().map(({ jobId }) => jobId));
  return new Map(
    [...made].map(([jobId, schedule]): [number, JobHistory] => [
      jobId,
      {
        waitsFor: waits.get(jobId) ?? [],
        isTied: waits.has(jobId) || upstream.has(jobId),
        sweeps: [],
        phases: [{ since, operation: "running", schedule }],
        freezes: [],
        manualRuns: [],
      },
    ]),
  );
}

/** One job in ten waits for runs of one or two others, which wait for none. */
function chooseWaits(
  random: () => number,
  made: ReadonlyMap<number, SimulatedSchedule>,
): Map<number, readonly Waiting[]> {
  const whole = [...made].filter(([, { timetable }]) => timetable.every !== "minutes");
  const waiting = whole.filter(([, { afterOwnPrevious }]) => !afterOwnPrevious && random() < 0.1);
  const others = whole.map(([jobId]) => jobId).filter((id) => waiting.every(([jobId]) => jobId !== id));
  const choose = <T>(list: readonly [T, ...T[]]) => list[Math.floor(random() * list.length)] ?? list[0];
  const [first, ...rest] = others;
  if (first === undefined) return new Map();
  return new Map(
    waiting.map(([jobId]): [number, readonly Waiting[]] => {
      const failPolicy = choose(["fail", "ignore", "suspend"] as const);
      const upstream = new Set([choose([first, ...rest]), choose([first, ...rest])]);
      return [
        jobId,
        [...upstream].map((id) => ({ jobId: id, periods: choose([0, 0, 1] as const), failPolicy })),
      ];
    }),
  );
}

/** Those dates in every year of the world. */
function holidaysOf(holidays: readonly string[], from: number, to: number): string[] {
  const years = new Date(to).getUTCFullYear() - new Date(from).getUTCFullYear() + 3;
  return Array.from({ length: years }, (_, n) => new Date(from).getUTCFullYear() - 1 + n).flatMap((year) =>
    holidays.map((date) => `${year}-${date}`),
  );
}

export function definitionOf({
  timetable,
  zone,
  startsAt,
  endsAt,
  settings,
  calendar,
  afterOwnPrevious,
}: SimulatedSchedule): JobDefinition {
  return {
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
        interval: intervalOf(timetable),
      },
    },
    priority: 0,
    dryRun: false,
    settings: { ...settings, ...(calendar !== undefined && { calendar }) },
  };
}
