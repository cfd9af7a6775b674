/** What a backfill would run: its jobs in order, the rules by which they are planned, and all of their times. */
import { setImmediate as breathe } from "node:timers/promises";
import {
  BACKFILL_JOBS_MAX,
  BACKFILL_TIMES_MAX,
  type BackfillSpec,
  type BackfillTime,
  checkBackfill,
  checkBackfillRange,
  planBackfill,
} from "../domain/backfill.ts";
import { type Cron, parseCron } from "../domain/cron.ts";
import { Fault, invalid } from "../domain/fault.ts";
import { type GraphNode, topologicalOrder } from "../domain/graph.ts";
import { SETTING_DEFAULTS } from "../domain/job-settings.ts";
import { intervalOf } from "../domain/period.ts";
import { noteOf, type PlanRule } from "../domain/plan.ts";
import type { CronSchedule, JobReference } from "../domain/schedule.ts";
import type { BackfillJob, BackfillWait } from "../store/backfills.ts";
import type { Database } from "../store/database.ts";
import { findJob } from "../store/jobs.ts";
import { lockOperatedJob, type OperatedJob } from "../store/schedules.ts";
import type { BackfillRequest } from "./requests.ts";

/** A request that holds: what it runs, and in which zone its days are counted. */
export interface ResolvedBackfill {
  readonly jobs: readonly BackfillJob[];
  readonly zone: string;
}

/**
 * In a transaction: finds the jobs and holds them, so that none is saved or deleted before the backfill is made.
 * @throws Fault `backfill-range-invalid`; `backfill-invalid` with every problem; `backfill-job-missing`;
 * `backfill-schedule-missing` for a job without a cron schedule; `job-without-nodes`.
 */
export async function resolveBackfill(db: Database, request: BackfillRequest): Promise<ResolvedBackfill> {
  const problem = checkBackfillRange(request.spec);
  if (problem !== undefined) throw new Fault("invalid", "backfill-range-invalid", problem);
  const problems = checkBackfill(request.name, request.spec);
  if (request.dependents.length >= BACKFILL_JOBS_MAX)
    problems.push(`dependents: a backfill has at most ${BACKFILL_JOBS_MAX} jobs`);
  if (problems.length > 0) invalid("backfill-invalid", problems);
  const { projectId, workspaceId } = request;
  const found: FoundJob[] = [];
  for (const reference of distinct([{ workspaceId, name: request.jobName }, ...request.dependents])) {
    const job = await holdJob(db, projectId, reference);
    const cron = cronOf(job);
    found.push({ name: keyOf(reference), job, cron, after: cron.dependencies?.jobs.map(keyOf) ?? [] });
    if (cron.afterOwnPrevious && request.spec.newestFirst)
      invalid("backfill-invalid", [`newestFirst: runs of job "${job.name}" wait for the one before`]);
  }
  return { jobs: orderJobs(found), zone: found[0]?.cron.zone ?? "UTC" };
}

/** A job with its place in the graph of those that wait for one another. */
interface FoundJob extends GraphNode {
  readonly job: OperatedJob;
  readonly cron: CronSchedule;
}

function keyOf({ workspaceId, name }: JobReference): string {
  return JSON.stringify([workspaceId, name]);
}

/** Each behind those of the others that it waits for; what lies outside the backfill is not waited for. */
function orderJobs(found: readonly FoundJob[]): BackfillJob[] {
  const ordered = topologicalOrder(found);
  const places = new Map(ordered.map(({ name }, place) => [name, place]));
  return ordered.map(({ job, cron }, place) => ({
    place,
    jobId: job.id,
    jobName: job.name,
    rule: ruleOf(job, cron),
    interval: cron.interval ?? intervalOf(readCron(cron)),
    waits: waitsOf(cron, places),
    afterOwnPrevious: cron.afterOwnPrevious,
  }));
}

function waitsOf({ dependencies }: CronSchedule, places: ReadonlyMap<string, number>): BackfillWait[] {
  return (dependencies?.jobs ?? []).flatMap(({ periods, failPolicy, ...reference }) => {
    const place = places.get(keyOf(reference));
    const ignoresFailure = (failPolicy ?? dependencies?.failPolicy) === "ignore";
    return place === undefined ? [] : [{ place, periods, ignoresFailure }];
  });
}

async function holdJob(db: Database, projectId: string, { workspaceId, name }: JobReference) {
  const known = await findJob(db, { projectId, workspaceId }, name);
  const job = known === undefined ? undefined : await lockOperatedJob(db, projectId, known.id);
  if (job === undefined) throw new Fault("not-found", "backfill-job-missing", `There is no job "${name}".`);
  return job;
}

function cronOf({ name, kind, definition }: OperatedJob): CronSchedule {
  const { schedule, nodes } = definition;
  if (kind !== "batch" || schedule.type !== "cron" || schedule.cron === undefined)
    throw new Fault("invalid", "backfill-schedule-missing", `Job "${name}" has no cron schedule.`);
  if (nodes.length === 0)
    throw new Fault("invalid", "job-without-nodes", `Job "${name}" has no node to run.`);
  return schedule.cron;
}

function readCron({ expression }: CronSchedule): Cron {
  const cron = parseCron(expression);
  return "problems" in cron ? invalid("schedule-invalid", cron.problems) : cron;
}

function ruleOf({ definition }: OperatedJob, { expression, zone }: CronSchedule): PlanRule {
  const { missingHour, repeatedHour } = { ...SETTING_DEFAULTS, ...definition.settings };
  return { expression, zone, startsAt: null, endsAt: null, missingHour, repeatedHour };
}

function distinct(references: readonly JobReference[]): JobReference[] {
  return [...new Map(references.map((reference) => [JSON.stringify(reference), reference])).values()];
}

/** Planned times that are looked at before others on this server have their turn. */
const SLICE = 1_000;

/** All planned times of one job, in slices, oldest first; between them the event loop goes on. */
async function* slicesOf(
  rule: PlanRule,
  spec: BackfillSpec,
  zone: string,
): AsyncGenerator<readonly BackfillTime[]> {
  let after: Date | undefined;
  for (;;) {
    const times = planBackfill(rule, spec, { zone, limit: SLICE, ...(after !== undefined && { after }) });
    if (times.length > 0) yield times;
    if (times.length < SLICE) return;
    after = times.at(-1)?.plannedAt;
    await breathe();
  }
}

/** How many planned times a backfill has. @throws Fault `backfill-range-invalid` where they are too many. */
export async function countTimes({ jobs, zone }: ResolvedBackfill, spec: BackfillSpec): Promise<number> {
  let count = 0;
  for (const { rule } of jobs)
    for await (const times of slicesOf(rule, spec, zone)) {
      count += times.length;
      if (count > BACKFILL_TIMES_MAX) throw tooMany();
    }
  return count;
}

function tooMany(): Fault {
  const message = `the range has more than ${BACKFILL_TIMES_MAX} planned times; backfill it in parts`;
  return new Fault("invalid", "backfill-range-invalid", message);
}

/** What a backfill would do. */
export interface BackfillPreview {
  readonly zone: string;
  /** All planned times, those that are left out included. */
  readonly planned: number;
  readonly jobs: readonly JobPreview[];
}

export interface JobPreview {
  readonly jobName: string;
  /** Times that would run. */
  readonly count: number;
  /** The first and the last of them, oldest first; no time stands in both. */
  readonly first: readonly NotedTime[];
  readonly last: readonly NotedTime[];
  /** How many are left out, for each reason. */
  readonly leftOut: readonly { readonly reason: string; readonly count: number }[];
}

/** A time with what a clock change did to it. */
export interface NotedTime {
  readonly plannedAt: Date;
  readonly note?: string;
}

function noted(rule: PlanRule, { plannedAt }: BackfillTime): NotedTime {
  const note = noteOf(rule, plannedAt);
  return { plannedAt, ...(note !== undefined && { note }) };
}

/** Looks at all planned times without writing any; shows `shown` of them at each end. Faults as `countTimes`. */
export async function previewTimes(
  { jobs, zone }: ResolvedBackfill,
  spec: BackfillSpec,
  shown: number,
): Promise<BackfillPreview> {
  const previews: JobPreview[] = [];
  let planned = 0;
  for (const { jobName, rule } of jobs) {
    let count = 0;
    const first: BackfillTime[] = [];
    let last: BackfillTime[] = [];
    const leftOut = new Map<string, number>();
    for await (const times of slicesOf(rule, spec, zone)) {
      planned += times.length;
      if (planned > BACKFILL_TIMES_MAX) throw tooMany();
      const runs = times.filter(({ skip }) => skip === undefined);
      for (const { skip } of times)
        if (skip !== undefined) leftOut.set(skip.detail, (leftOut.get(skip.detail) ?? 0) + 1);
      count += runs.length;
      const opening = runs.slice(0, shown - first.length);
      first.push(...opening);
      last = [...last, ...runs.slice(opening.length)].slice(-shown);
    }
    const reasons = [...leftOut].map(([reason, times]) => ({ reason, count: times }));
    previews.push({
      jobName,
      count,
      first: first.map((time) => noted(rule, time)),
      last: last.map((time) => noted(rule, time)),
      leftOut: reasons,
    });
  }
  return { zone, planned, jobs: previews };
}
