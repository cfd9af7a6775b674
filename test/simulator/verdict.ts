/** Judges a played world: knows only the schedules, and when somebody was there to serve them. */
import assert from "node:assert/strict";
import type { Pool } from "pg";
import { plannedTimes, type SimulatedSchedule } from "./timetable.ts";
import { type WallClock, wallClock } from "./wall-clock.ts";
import type { Story } from "./world.ts";

export interface Verdict {
  /** Planned times that were looked for in the ledger. */
  readonly checked: number;
  /** They are in the ledger as this. */
  readonly counts: Readonly<Record<string, number>>;
  /** Not in the ledger, or no instance where there should be one. */
  readonly lost: number;
  /** In the ledger, and neither the schedule nor what happened says why so. */
  readonly unexplained: number;
  /** Two instances of one time. */
  readonly doubled: number;
  readonly clockChanges: number;
  readonly zones: number;
  /** The first of what is wrong, in words. */
  readonly problems: readonly string[];
}

interface Line {
  readonly job_id: number;
  readonly planned_at: Date;
  readonly state: string;
  readonly reason: string | null;
  readonly decided_at: Date | null;
  readonly instance_state: string | null;
  readonly instances: number;
  /** When the first of its work was begun. */
  readonly begun_at: Date | null;
}

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
/** Longer than a time can be made up for. */
const AHEAD_DAYS = 15;
/** docs/schedules.md: what is noticed later than this counts as late. */
const LATE_MS = 60 * SECOND;
/** Between any two clocks of the world, and between a decision and the moment that counts for it. */
const TOLERANCE_MS = 31 * SECOND;
const PROBLEMS_MAX = 30;

/** Days after a planned time within which all that may become of it has done so. */
export const SETTLED_DAYS = 45;

export interface Judge {
  /** Judges what was planned up to that time, and has not been judged yet. */
  readonly judgeUntil: (time: number) => Promise<void>;
  readonly verdict: () => Verdict;
}

export function createJudge(pool: Pool, story: Story, from: number, to: number): Judge {
  const clocks = new Map<string, WallClock>();
  for (const { zone } of story.schedules.values())
    if (!clocks.has(zone)) clocks.set(zone, wallClock(zone, from - 3 * DAY, to + 3 * DAY));
  const clockChanges = [...clocks.values()].reduce((sum, { changes }) => sum + changes, 0);
  const bench = createBench(story);
  let judged = from;

  async function judgeUntil(time: number): Promise<void> {
    if (time <= judged) return;
    const lines = Map.groupBy(await readLines(pool, story.projectId, judged, time), ({ job_id }) => job_id);
    for (const [jobId, schedule] of story.schedules) {
      const clock = clocks.get(schedule.zone) ?? assert.fail("the zone's clock was read");
      const planned = plannedTimes(schedule, clock, judged + 1, Math.min(to, time + AHEAD_DAYS * DAY));
      bench.judge(jobId, schedule, planned, { until: time, lines: lines.get(jobId) ?? [] });
    }
    judged = time;
  }

  return { judgeUntil, verdict: () => ({ ...bench.verdict(), clockChanges, zones: clocks.size }) };
}

/** Lines of times after `from` up to `to`, in order. */
async function readLines(pool: Pool, projectId: string, from: number, to: number): Promise<Line[]> {
  const { rows } = await pool.query<Line>(
    `select p.job_id::integer, p.planned_at, p.state, p.reason, p.decided_at, i.state as instance_state, i.instances,
       i.begun_at
     from planned_run p
     left join (
       select i.job_id, i.planned_at, min(i.state) as state, count(distinct i.id)::integer as instances,
         min(least(i.started_at, n.started_at)) as begun_at
       from instance i join node_run n on n.project_id = i.project_id and n.instance_id = i.id
       where i.project_id = $1 and i.origin = 'schedule' and i.planned_at > $2 and i.planned_at <= $3 group by 1, 2
     ) i using (job_id, planned_at)
     where p.project_id = $1 and p.origin = 'schedule' and p.planned_at > $2 and p.planned_at <= $3
     order by p.job_id, p.planned_at`,
    [projectId, new Date(from), new Date(to)],
  );
  return rows;
}

function createBench({ served }: Story) {
  const counts: Record<string, number> = {};
  const wrong = { lost: 0, unexplained: 0, doubled: 0 };
  const problems: string[] = [];
  let checked = 0;

  /** The first moment, at or after that time, at which all that was due had been decided. */
  function servedAfter(time: number): number {
    let low = -1;
    for (let high = served.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((served[middle] ?? 0) >= time) high = middle;
      else low = middle;
      if (high - low <= 1) return served[high] ?? Number.POSITIVE_INFINITY;
    }
    return Number.POSITIVE_INFINITY;
  }

  function complain(
    kind: keyof typeof wrong,
    jobId: number,
    at: number,
    schedule: SimulatedSchedule,
    what: string,
  ) {
    wrong[kind] += 1;
    if (problems.length < PROBLEMS_MAX)
      problems.push(
        `${kind}: job ${jobId} at ${new Date(at).toISOString()}: ${what} ${JSON.stringify(schedule)}`,
      );
  }

  /** `planned` goes on after `until`, so that it is known what follows. */
  function judge(
    jobId: number,
    told: SimulatedSchedule,
    planned: readonly number[],
    { until, lines }: { readonly until: number; readonly lines: readonly Line[] },
  ) {
    const byTime = new Map(lines.map((line) => [line.planned_at.getTime(), line]));
    for (const [n, at] of planned.entries()) {
      if (at > until) break;
      checked += 1;
      const line = byTime.get(at);
      byTime.delete(at);
      if (line === undefined) {
        complain("lost", jobId, at, told, "no line in the ledger");
        continue;
      }
      counts[line.reason ?? line.state] = (counts[line.reason ?? line.state] ?? 0) + 1;
      if ((line.instances ?? 0) > 1) complain("doubled", jobId, at, told, `${line.instances} instances`);
      if (line.state === "started" && line.instance_state !== "succeeded")
        complain("lost", jobId, at, told, `started, and its instance is ${line.instance_state}`);
      const objection = objectionTo(line, told, at, planned[n + 1]);
      if (objection !== undefined) complain("unexplained", jobId, at, told, objection);
    }
    for (const at of byTime.keys()) complain("unexplained", jobId, at, told, "no such time in the schedule");
  }

  /** What speaks against what became of a time; undefined for nothing. */
  function objectionTo(
    line: Line,
    { settings }: SimulatedSchedule,
    at: number,
    next = Infinity,
  ): string | undefined {
    const { state, reason, begun_at: begun } = line;
    // By the clock of whoever began it, however wrong.
    if (begun !== null && begun.getTime() < at) return `begun ${at - begun.getTime()} ms before its time`;
    const decided = line.decided_at?.getTime() ?? Number.POSITIVE_INFINITY;
    const lateMs = decided - at;
    if (lateMs < -TOLERANCE_MS) return `decided ${-lateMs} ms before its time`;
    if (state === "skipped")
      return reason === "overlap" && settings.overlapPolicy === "skip" ? undefined : `skipped as ${reason}`;
    const wasServed = servedAfter(at) <= at + LATE_MS - TOLERANCE_MS;
    if (state === "missed" && wasServed) return `missed as ${reason}, although it was served in time`;
    if (state === "missed") return objectionToMiss(reason, settings, { lateMs, decided, next });
    if (state !== "started") return `left as ${state}`;
    if (lateMs <= LATE_MS + TOLERANCE_MS || settings.catchUp === "all") {
      const tooLate =
        lateMs > settings.catchUpSeconds * SECOND + TOLERANCE_MS && lateMs > LATE_MS + TOLERANCE_MS;
      return tooLate ? `made up for after ${lateMs} ms` : undefined;
    }
    if (settings.catchUp === "none") return `started ${lateMs} ms late`;
    return next <= decided - TOLERANCE_MS ? "made up for although a later time had come" : undefined;
  }

  function objectionToMiss(
    reason: string | null,
    { catchUp, catchUpSeconds }: SimulatedSchedule["settings"],
    { lateMs, decided, next }: { readonly lateMs: number; readonly decided: number; readonly next: number },
  ): string | undefined {
    if (lateMs < LATE_MS - TOLERANCE_MS) return `missed after only ${lateMs} ms`;
    if (catchUp === "none") return reason === "downtime" ? undefined : `missed as ${reason}`;
    if (reason === "catch-up-bound")
      return lateMs > catchUpSeconds * SECOND - TOLERANCE_MS ? undefined : `given up after only ${lateMs} ms`;
    if (reason !== "caught-up-later" || catchUp === "all") return `missed as ${reason}`;
    return next <= decided + TOLERANCE_MS ? undefined : "given up for a later time that had not come";
  }

  return { judge, verdict: () => ({ checked, counts, ...wrong, problems }) };
}
