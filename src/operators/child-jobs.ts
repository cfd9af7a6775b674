/** What `SubJob` and `ForEach` share: begins another job's instances, so many at a time, and waits for them. */
import { PARAMETER_PREFIX } from "../domain/child-job.ts";
import type { AbortReason, ChildRun, ChildStart, EndedChild, WorkContext } from "./operator.ts";

export interface Turns {
  readonly count: number;
  /** Instances under way at a time. */
  readonly concurrency: number;
  /** Whether further turns begin after one has failed. */
  readonly goOn: boolean;
  readonly startOf: (place: number) => Promise<ChildStart>;
  readonly onEnded: (end: EndedChild, ended: number) => void;
}

export interface TurnsDone {
  readonly failures: readonly EndedChild[];
  readonly ended: number;
}

/** Most instances that are begun in one go. */
const STARTS_MAX = 50;

/**
 * Runs the turns and resolves when all that began have ended; undefined when the attempt was aborted. A stop or a
 * time-out ends the instances too; when only this server gives up, they run on for the one that takes over.
 */
export async function runTurns(
  run: ChildRun,
  turns: Turns,
  context: WorkContext,
): Promise<TurnsDone | undefined> {
  try {
    const done = await takeTurns(run, turns, context.signal);
    if (done === undefined && isFinal(context.signal)) await run.stop();
    return done;
  } catch (error) {
    if (!context.signal.aborted || isFinal(context.signal)) await run.stop();
    throw error;
  }
}

function isFinal({ reason }: AbortSignal): boolean {
  const final: readonly AbortReason[] = ["stop", "timeout"];
  return final.includes(reason);
}

/** Undefined when the attempt was aborted. */
async function takeTurns(run: ChildRun, turns: Turns, signal: AbortSignal): Promise<TurnsDone | undefined> {
  const running = new Set(run.begun.map(({ place }) => place));
  const left = placesLeft(turns.count, new Set(running));
  const failures: EndedChild[] = [];
  let ended = 0;
  for (;;) {
    if (signal.aborted) return undefined;
    const goesOn = turns.goOn || failures.length === 0;
    for (const place of goesOn ? await beginTurns(run, turns, left, running.size) : []) running.add(place);
    if (running.size === 0) return { failures, ended };
    const ends = await run.ended([...running]);
    failures.push(...ends.filter(({ state }) => state !== "succeeded"));
    for (const end of ends) {
      running.delete(end.place);
      ended += 1;
      turns.onEnded(end, ended);
    }
  }
}

/** The places at which turns were begun. */
async function beginTurns(
  run: ChildRun,
  { concurrency, startOf }: Turns,
  left: ReturnType<typeof placesLeft>,
  running: number,
): Promise<readonly number[]> {
  const places = left.take(Math.min(concurrency - running, STARTS_MAX));
  if (places.length > 0) await run.start(await Promise.all(places.map(startOf)));
  return places;
}

/** Places from 0 to below `count` without those that were begun, in order. */
function placesLeft(count: number, begun: ReadonlySet<number>) {
  let next = 0;
  return {
    /** At most `most` of them; what is taken is gone. */
    take: (most: number): number[] => {
      const places: number[] = [];
      for (; next < count && places.length < most; next += 1) if (!begun.has(next)) places.push(next);
      return places;
    },
  };
}

/** Why an instance counts as failed, in words. */
export function describeFailure(jobName: string, { instanceId, state, message }: EndedChild): string {
  const what = state === "stopped" ? "was stopped" : "failed";
  return `job "${jobName}" ${what} (instance ${instanceId})${message === null ? "" : `: ${message}`}`;
}

/** The properties `jobParam.<name>`, by name. */
export function parametersOf(properties: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const named = Object.entries(properties).filter(([property]) => property.startsWith(PARAMETER_PREFIX));
  return Object.fromEntries(
    named.map(([property, value]) => [property.slice(PARAMETER_PREFIX.length), value]),
  );
}
