/** What people do to the jobs of a simulated world: stops, pauses, saves, freezes and runs by hand, best in the last second. */
import assert from "node:assert/strict";
import type { Pool } from "pg";
import type { Engine } from "../../src/engine/operations.ts";
import { transaction } from "../../src/store/database.ts";
import { definitionOf } from "./population.ts";
import { chooseSchedule, type SimulatedSchedule } from "./timetable.ts";

/** How a job stands from one act until the next; an act counts for times after it. */
export interface Phase {
  readonly since: number;
  readonly operation: "running" | "paused" | "stopped";
  readonly schedule: SimulatedSchedule;
}

/** A stretch of planned times that somebody held for a while. */
export interface SimulatedFreeze {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly frozenAt: number;
  liftedAt: number;
  skips: boolean;
}

/** A job whose runs are waited for: those of the same period, or of the one before. */
export interface Waiting {
  readonly jobId: number;
  readonly periods: 0 | 1;
  readonly failPolicy: "fail" | "ignore" | "suspend";
}

/** All that was done to a job, in order. */
export interface JobHistory {
  readonly waitsFor: readonly Waiting[];
  /** Whether others wait for its runs, or it for theirs: its schedule stays as it is. */
  readonly isTied: boolean;
  /** When runs of it that could not begin any more were stopped. */
  readonly sweeps: number[];
  readonly phases: Phase[];
  readonly freezes: SimulatedFreeze[];
  /** When it was run by hand. */
  readonly manualRuns: number[];
}

export interface Scene {
  readonly pool: Pool;
  readonly engine: Engine;
  readonly projectId: string;
  readonly random: () => number;
  readonly time: number;
  /** The end of the world, for schedules that are saved. */
  readonly to: number;
}

const DAY = 86_400_000;
const BY = "simulator";

/** Somebody does something to the job, such as can be done as it stands; gives what, as a word. */
export async function act(scene: Scene, jobId: number, history: JobHistory): Promise<string> {
  const { random } = scene;
  const { operation } = presentOf(history);
  const chance = random();
  const held = history.freezes.find(({ liftedAt }) => liftedAt === Infinity);
  if (held !== undefined && chance < 0.5) return await lift(scene, jobId, held);
  if (operation === "stopped") return await start(scene, jobId, history);
  if (chance < 0.55)
    return operation === "paused" ? await resume(scene, jobId, history) : await pause(scene, jobId, history);
  if (chance < 0.7) return await stop(scene, jobId, history);
  if (chance < 0.85) return await save(scene, jobId, history);
  if (chance < 0.95 && held === undefined) return await freeze(scene, jobId, history);
  return await runByHand(scene, jobId, history);
}

/** Whether the job is left in a state in which somebody is to act again. */
export function isUnfinished(history: JobHistory): boolean {
  return (
    presentOf(history).operation !== "running" ||
    history.freezes.some(({ liftedAt }) => liftedAt === Infinity)
  );
}

/** Lifts what is still frozen, at the end. */
export async function liftAll(scene: Scene, jobId: number, { freezes }: JobHistory): Promise<void> {
  for (const held of freezes) if (held.liftedAt === Infinity) await lift(scene, jobId, held);
}

async function start(scene: Scene, jobId: number, history: JobHistory): Promise<string> {
  // The run before may have been stopped: nobody could wait for its success.
  await scene.engine.startJob({ ...requestOf(scene, jobId), firstIsFree: true });
  note(scene, history, { operation: "running" });
  return "start";
}

export async function stop(scene: Scene, jobId: number, history: JobHistory): Promise<string> {
  await scene.engine.stopJob(requestOf(scene, jobId));
  note(scene, history, { operation: "stopped" });
  return "stop";
}

async function pause(scene: Scene, jobId: number, history: JobHistory): Promise<string> {
  await scene.engine.pauseSchedule(requestOf(scene, jobId));
  note(scene, history, { operation: "paused" });
  return "pause";
}

async function resume(scene: Scene, jobId: number, history: JobHistory): Promise<string> {
  await scene.engine.resumeSchedule(requestOf(scene, jobId));
  note(scene, history, { operation: "running" });
  return "resume";
}

/** Half of all saves leave the schedule as it was: what was planned ahead is taken back and planned anew. */
async function save(scene: Scene, jobId: number, history: JobHistory): Promise<string> {
  const { pool, projectId, random, time, to } = scene;
  const { schedule: before } = presentOf(history);
  const schedule =
    history.isTied || random() < 0.5
      ? before
      : { ...chooseSchedule(random, time, to), afterOwnPrevious: before.afterOwnPrevious };
  await transaction(pool, async (db) => {
    await db.query({
      text: `with saved as (
         update job set version = version + 1, updated_at = $4 where project_id = $1 and id = $2 returning version
       )
       insert into job_version (project_id, job_id, version, definition, document, created_at, created_by)
       select $1, $2, version, $3, '{}', $4, 'simulator' from saved`,
      values: [projectId, jobId, JSON.stringify(definitionOf(schedule)), new Date(time)],
    });
    await scene.engine.scheduleSaved(db, projectId, jobId);
  });
  note(scene, history, { schedule });
  return "save";
}

async function freeze(scene: Scene, jobId: number, { freezes }: JobHistory): Promise<string> {
  const { random, time } = scene;
  const from = time - Math.floor(random() * DAY);
  const to = time + Math.floor((1 + 9 * random()) * DAY);
  const stretch = { from: new Date(from), to: new Date(to) };
  const id = await scene.engine.freezeRuns({ ...requestOf(scene, jobId), ...stretch });
  freezes.push({ id, from, to, frozenAt: time, liftedAt: Infinity, skips: false });
  return "freeze";
}

async function lift(scene: Scene, jobId: number, held: SimulatedFreeze): Promise<string> {
  const skip = scene.random() < 0.5;
  await scene.engine.liftFreeze({ ...requestOf(scene, jobId), freezeId: held.id, skip });
  held.liftedAt = scene.time;
  held.skips = skip;
  return skip ? "lift and skip" : "lift";
}

async function runByHand(scene: Scene, jobId: number, { manualRuns }: JobHistory): Promise<string> {
  await scene.engine.runNow({ ...requestOf(scene, jobId), origin: "manual" });
  manualRuns.push(scene.time);
  return "run by hand";
}

function presentOf({ phases }: JobHistory): Phase {
  return phases.at(-1) ?? assert.fail("a job has a first phase");
}

function note({ time }: Scene, history: JobHistory, change: Partial<Phase>): void {
  history.phases.push({ ...presentOf(history), ...change, since: time });
}

function requestOf({ projectId }: Scene, jobId: number) {
  return { projectId, jobId, by: BY };
}
