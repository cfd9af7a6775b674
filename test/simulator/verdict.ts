/** Judges a played world: knows only the schedules, what people did to them, and when a server was there to serve them. */
import assert from "node:assert/strict";
import type { Pool } from "pg";
import type { JobHistory } from "./acts.ts";
import { type ExpectedTime, expectedTimes } from "./expectation.ts";
import type { SimulatedSchedule } from "./timetable.ts";
import { objectionToWaiting } from "./waiting.ts";
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
  /** When the first of its work was begun, and all of it ended. */
  readonly begun_at: Date | null;
  readonly ended_at: Date | null;
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
  const clockOf = (zone: string) => {
    const clock = clocks.get(zone) ?? wallClock(zone, from - 3 * DAY, to + 3 * DAY);
    clocks.set(zone, clock);
    return clock;
  };
  const bench = createBench(story);
  let judged = from;

  async function judgeUntil(until: number): Promise<void> {
    if (until <= judged) return;
    // Runs may have waited for those of the month before theirs, or of the rest of their own.
    const known = await readLines(pool, story.projectId, judged - 65 * DAY, until + 32 * DAY);
    const lines = Map.groupBy(known, ({ job_id }) => job_id);
    const byHand = Map.groupBy(
      await readRunsByHand(pool, story.projectId, judged, until),
      ({ job_id }) => job_id,
    );
    for (const [jobId, history] of story.jobs) {
      const times = expectedTimes(history, clockOf, judged, Math.min(to, until + AHEAD_DAYS * DAY));
      const own = (lines.get(jobId) ?? []).filter(
        ({ planned_at }) => planned_at.getTime() > judged && planned_at.getTime() <= until,
      );
      const upstream = history.waitsFor.map((waiting) => ({
        waiting,
        history: story.jobs.get(waiting.jobId) ?? assert.fail("the job is there"),
        lines: lines.get(waiting.jobId) ?? [],
      }));
      const objectionToWait = (line: Line) => objectionToWaiting(history, line, upstream, clockOf);
      bench.judge(jobId, history, times, { until, lines: own, objectionToWait });
      const wanted = history.manualRuns.filter((at) => at > judged && at <= until);
      bench.judgeRunsByHand(jobId, wanted, byHand.get(jobId) ?? []);
    }
    judged = until;
  }

  function verdict(): Verdict {
    const clockChanges = [...clocks.values()].reduce((sum, { changes }) => sum + changes, 0);
    return { ...bench.verdict(), clockChanges, zones: clocks.size };
  }

  return { judgeUntil, verdict };
}

interface Evidence {
  readonly until: number;
  readonly lines: readonly Line[];
  /** What speaks against the end of a run that others had to end before; undefined for nothing. */
  readonly objectionToWait: (line: Line) => string | undefined;
}

interface RunByHand {
  readonly job_id: number;
  readonly planned_at: Date;
  readonly state: string;
}

async function readRunsByHand(pool: Pool, projectId: string, from: number, to: number): Promise<RunByHand[]> {
  const { rows } = await pool.query<RunByHand>(
    `select job_id::integer, planned_at, state from instance
     where project_id = $1 and origin = 'manual' and planned_at > $2 and planned_at <= $3`,
    [projectId, new Date(from), new Date(to)],
  );
  return rows;
}

/** Lines of times after `from` up to `to`, in order. */
async function readLines(pool: Pool, projectId: string, from: number, to: number): Promise<Line[]> {
  const { rows } = await pool.query<Line>(
    `select p.job_id::integer, p.planned_at, p.state, p.reason, p.decided_at, i.state as instance_state, i.instances,
       i.begun_at, i.ended_at
     from planned_run p
     left join (
       select i.job_id, i.planned_at, min(i.state) as state, count(distinct i.id)::integer as instances,
         min(least(i.started_at, n.started_at)) as begun_at, max(i.ended_at) as ended_at
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

  function complain(kind: keyof typeof wrong, jobId: number, at: number, what: string, told?: unknown) {
    wrong[kind] += 1;
    if (problems.length < PROBLEMS_MAX)
      problems.push(
        `${kind}: job ${jobId} at ${new Date(at).toISOString()}: ${what} ${JSON.stringify(told) ?? ""}`,
      );
  }

  function count(what: string): void {
    counts[what] = (counts[what] ?? 0) + 1;
  }

  /** `times` go on after `until`, so that it is known what follows. */
  function judge(
    jobId: number,
    history: JobHistory,
    times: readonly ExpectedTime[],
    { until, lines, objectionToWait }: Evidence,
  ) {
    const byTime = new Map(lines.map((line) => [line.planned_at.getTime(), line]));
    for (const [n, time] of times.entries()) {
      const { at } = time;
      if (at > until) break;
      checked += 1;
      const line = byTime.get(at);
      byTime.delete(at);
      if (line === undefined) {
        complain("lost", jobId, at, "no line in the ledger", time);
        continue;
      }
      const isStopped = wasStopped(line, history);
      const isRefused = wasRefused(line, history);
      if (isRefused) count("not begun after a run that failed");
      else count(isStopped ? "stopped while it waited" : (line.reason ?? line.state));
      if ((line.instances ?? 0) > 1) complain("doubled", jobId, at, `${line.instances} instances`, time);
      if (line.state === "started" && line.instance_state !== "succeeded" && !isStopped && !isRefused)
        complain("lost", jobId, at, `started, and its instance is ${line.instance_state}`, time);
      const objection =
        objectionTo(line, time, times[n + 1]?.at) ??
        (line.state === "started" && !isStopped ? objectionToWait(line) : undefined);
      if (objection !== undefined) complain("unexplained", jobId, at, objection, time);
    }
    for (const at of byTime.keys())
      complain("unexplained", jobId, at, "no such time in the schedule", history.phases.slice(-5));
  }

  /** Each run by hand has its instance, and no other is there. */
  function judgeRunsByHand(jobId: number, wanted: readonly number[], runs: readonly RunByHand[]): void {
    const left = runs.map(({ planned_at }) => planned_at.getTime());
    for (const at of wanted) {
      count("run by hand");
      const place = left.indexOf(at);
      if (place < 0) complain("lost", jobId, at, "run by hand, and there is no instance");
      else left.splice(place, 1);
    }
    for (const at of left) complain("doubled", jobId, at, "nobody ran it by hand");
    for (const { planned_at, state } of runs)
      if (state !== "succeeded") complain("lost", jobId, planned_at.getTime(), `run by hand, and ${state}`);
  }

  /** What waits or is frozen when its job is stopped ends at that moment, without having begun. */
  function wasStopped({ instance_state, begun_at, ended_at }: Line, { phases }: JobHistory): boolean {
    return (
      instance_state === "stopped" &&
      begun_at === null &&
      phases.some(({ operation, since }) => operation === "stopped" && since === ended_at?.getTime())
    );
  }

  /** What waits for a run that did not succeed fails, or waits until somebody stops it. */
  function wasRefused(
    { instance_state, begun_at, ended_at }: Line,
    { waitsFor, sweeps }: JobHistory,
  ): boolean {
    const [policy] = waitsFor.map(({ failPolicy }) => failPolicy);
    if (begun_at !== null) return false;
    if (policy === "fail") return instance_state === "failed";
    return (
      policy === "suspend" && instance_state === "stopped" && sweeps.some((at) => at === ended_at?.getTime())
    );
  }

  /** What speaks against what became of a time; undefined for nothing. */
  function objectionTo(line: Line, time: ExpectedTime, next = Infinity): string | undefined {
    const { at, skipped } = time;
    const { state, reason, begun_at: begun } = line;
    // By the clock of whoever began it, however wrong.
    if (begun !== null && begun.getTime() < at) return `begun ${at - begun.getTime()} ms before its time`;
    const decided = line.decided_at?.getTime() ?? Number.POSITIVE_INFINITY;
    const lateMs = decided - at;
    if (lateMs < -TOLERANCE_MS) return `decided ${-lateMs} ms before its time`;
    if (skipped !== undefined)
      return state === "skipped" && reason === skipped
        ? undefined
        : `${state} as ${reason} in place of ${skipped}`;
    if (state === "skipped") return objectionToSkip(reason, time, decided);
    const { settings } = time.schedule;
    const wasServed = servedAfter(at) <= at + LATE_MS - TOLERANCE_MS;
    if (state === "missed" && wasServed) return `missed as ${reason}, although it was served in time`;
    if (state === "missed") return objectionToMiss(reason, settings, { lateMs, decided, next });
    if (state !== "started") return `left as ${state}`;
    return objectionToThaw(line, time) ?? objectionToLateness(settings, { lateMs, decided, next });
  }

  function objectionToSkip(
    reason: string | null,
    { schedule, frozen, perhapsFrozen }: ExpectedTime,
    decided: number,
  ): string | undefined {
    if (reason === "overlap" && schedule.settings.overlapPolicy === "skip") return undefined;
    const lifted = [frozen, perhapsFrozen].some((freeze) => freeze?.skips && freeze.liftedAt === decided);
    return reason === "frozen" && lifted ? undefined : `skipped as ${reason}`;
  }

  /** What a freeze held begins when it is lifted, unless it is skipped then. */
  function objectionToThaw(
    { begun_at: begun, instance_state }: Line,
    { frozen }: ExpectedTime,
  ): string | undefined {
    if (frozen === undefined) return undefined;
    if (frozen.skips && instance_state !== "stopped") return "started, although it was frozen and skipped";
    if (begun !== null && begun.getTime() < frozen.liftedAt - TOLERANCE_MS)
      return "begun while it was frozen";
    return undefined;
  }

  function objectionToLateness(
    { catchUp, catchUpSeconds }: SimulatedSchedule["settings"],
    { lateMs, decided, next }: { readonly lateMs: number; readonly decided: number; readonly next: number },
  ): string | undefined {
    if (lateMs <= LATE_MS + TOLERANCE_MS) return undefined;
    if (catchUp === "none") return `started ${lateMs} ms late`;
    if (lateMs > catchUpSeconds * SECOND + TOLERANCE_MS) return `made up for after ${lateMs} ms`;
    if (catchUp === "all") return undefined;
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

  return { judge, judgeRunsByHand, verdict: () => ({ checked, counts, ...wrong, problems }) };
}
