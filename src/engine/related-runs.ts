/** The runs that a run waits or waited for, and those that wait for it, over any number of jobs. */
import { type Periodic, periodicOf, reachOf, stretchOf } from "../domain/dependency.ts";
import type { Instance } from "../domain/instance.ts";
import type { Database } from "../store/database.ts";
import { findPreviousRun } from "../store/dependencies.ts";
import {
  type DependencyEdge,
  findNextRun,
  listDownstreamEdges,
  listPlannedInstances,
  listUpstreamEdges,
  type PlannedInstance,
} from "../store/instance-relations.ts";
import { findOperatedJob } from "../store/schedules.ts";

/** Runs of one job that are looked at; the latest planned ones, of more. */
const RUNS_OF_JOB_MAX = 1000;
/** Runs that are found at most. */
const RUNS_MAX = 1000;

export type RelationWay = "parent" | "child";

interface RelationQuery {
  readonly ways: readonly RelationWay[];
  /** Over how many steps; 1: those alone that it depends on itself, or that depend on it themselves. */
  readonly depth: number;
  /** Of each job that one waits for: the run that ended last alone; one that has not ended is later than all others. */
  readonly latestOnly: boolean;
}

export interface RelatedRun {
  readonly instance: PlannedInstance;
  /** The runs that it waits or waited for, by id. */
  readonly parentIds: readonly number[];
}

/** What a job's plan says about its dependencies. */
interface Plan {
  readonly periodic: Periodic;
  readonly afterOwnPrevious: boolean;
}

/** A run as far as it has relations. */
type Run = Pick<Instance, "projectId" | "id" | "origin" | "plannedAt"> & { readonly jobId: number };

/**
 * The related runs, step by step, each once, without the one that is asked about. By the jobs' present plans: which
 * runs those waited for that have begun is not kept. Runs that somebody began by hand have no relations.
 */
export async function findRelatedRuns(
  db: Database,
  run: Run,
  { ways, depth, latestOnly }: RelationQuery,
): Promise<RelatedRun[]> {
  const relations = createRelations(db, latestOnly);
  const found = new Map<number, PlannedInstance>();
  for (const way of ways) {
    let layer: readonly Run[] = [run];
    for (let step = 0; step < depth && layer.length > 0; step += 1) {
      const reached: PlannedInstance[] = [];
      for (const one of layer) reached.push(...(await relations[way](one)));
      layer = keepNew(found, reached, run.id);
    }
  }
  const runs: RelatedRun[] = [];
  for (const instance of found.values())
    runs.push({ instance, parentIds: (await relations.parent(instance)).map(({ id }) => id) });
  return runs;
}

/** Those reached that were not `found` before; they are found then. None beyond the most that are found. */
function keepNew(
  found: Map<number, PlannedInstance>,
  reached: readonly PlannedInstance[],
  askedId: number,
): PlannedInstance[] {
  return reached.filter((one) => {
    if (one.id === askedId || found.has(one.id) || found.size >= RUNS_MAX) return false;
    found.set(one.id, one);
    return true;
  });
}

/** The two ways to go from a run; what is asked of the database is asked once for each job and run. */
function createRelations(
  db: Database,
  latestOnly: boolean,
): Record<RelationWay, (run: Run) => Promise<PlannedInstance[]>> {
  const planOf = remember(
    async ({ projectId, jobId }: Run): Promise<Plan | undefined> => {
      const definition = (await findOperatedJob(db, projectId, jobId))?.definition;
      const periodic = definition && periodicOf(definition);
      if (definition?.schedule.type !== "cron" || periodic === undefined) return undefined;
      return { periodic, afterOwnPrevious: definition.schedule.cron?.afterOwnPrevious ?? false };
    },
    ({ jobId }) => jobId,
  );
  const runsOf = async (run: Run, jobId: number, from: number, to: number) =>
    await listPlannedInstances(
      db,
      { projectId: run.projectId, jobId },
      { from: new Date(from), to: new Date(to), limit: RUNS_OF_JOB_MAX },
    );
  const runsAt = async (run: Run, at: Date | undefined) =>
    at === undefined ? [] : await runsOf(run, run.jobId, at.getTime(), at.getTime() + 1);
  const chosen = (runs: readonly PlannedInstance[]) => (latestOnly ? lastEnded(runs) : runs);

  const parentsByJob = async (run: Run, own: Plan, { jobId, periods }: DependencyEdge) => {
    const upstream = await planOf({ ...run, jobId });
    const stretch = stretchOf(own.periodic, upstream?.periodic, run.plannedAt, periods);
    return stretch === undefined ? [] : await runsOf(run, jobId, stretch.from, stretch.to);
  };
  const childrenByJob = async (run: Run, { jobId, periods }: DependencyEdge) => {
    const [upstream, downstream] = [await planOf(run), await planOf({ ...run, jobId })];
    if (downstream === undefined) return [];
    const { from, to } = reachOf(downstream.periodic, upstream?.periodic, run.plannedAt, periods);
    const isInStretch = ({ plannedAt }: PlannedInstance) => {
      const stretch = stretchOf(downstream.periodic, upstream?.periodic, plannedAt, periods);
      const at = run.plannedAt.getTime();
      return stretch !== undefined && at >= stretch.from && at < stretch.to;
    };
    return (await runsOf(run, jobId, from, to)).filter(isInStretch);
  };

  return {
    parent: remember(
      async (run: Run) => {
        const own = isPlanned(run) ? await planOf(run) : undefined;
        if (own === undefined) return [];
        const found: PlannedInstance[] = [];
        for (const edge of await listUpstreamEdges(db, run.projectId, run.jobId))
          found.push(...chosen(await parentsByJob(run, own, edge)));
        if (!own.afterOwnPrevious) return found;
        const previous = await findPreviousRun(db, run.projectId, run.jobId, run.plannedAt);
        return [...found, ...chosen(await runsAt(run, previous))];
      },
      ({ id }) => id,
    ),
    child: async (run) => {
      if (!isPlanned(run)) return [];
      const found: PlannedInstance[] = [];
      for (const edge of await listDownstreamEdges(db, run.projectId, run.jobId))
        found.push(...chosen(await childrenByJob(run, edge)));
      if ((await planOf(run))?.afterOwnPrevious !== true) return found;
      const next = await findNextRun(db, run.projectId, run.jobId, run.plannedAt);
      return [...found, ...chosen(await runsAt(run, next))];
    },
  };
}

/** Whether it stands for a planned time. */
function isPlanned({ origin }: Run): boolean {
  return origin === "schedule" || origin === "backfill";
}

function lastEnded(runs: readonly PlannedInstance[]): PlannedInstance[] {
  const endOf = ({ endedAt }: PlannedInstance) => endedAt?.getTime() ?? Number.POSITIVE_INFINITY;
  return runs.toSorted((one, other) => compare(endOf(other), endOf(one)) || other.id - one.id).slice(0, 1);
}

/** Subtraction would make NaN of two that have not ended. */
function compare(one: number, other: number): number {
  return one === other ? 0 : one - other;
}

/** `ask`, which is asked once for each key. */
function remember<Asked, Answer>(
  ask: (asked: Asked) => Promise<Answer>,
  keyOf: (asked: Asked) => number,
): (asked: Asked) => Promise<Answer> {
  const known = new Map<number, Promise<Answer>>();
  return (asked) => {
    const key = keyOf(asked);
    const answer = known.get(key) ?? ask(asked);
    known.set(key, answer);
    return answer;
  };
}
