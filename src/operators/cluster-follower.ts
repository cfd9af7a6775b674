/** Follows what runs on clusters: asks each service for many at a time, seldom for what has run for long. */
import type { JsonObject } from "../domain/cluster-services.ts";
import type { ClusterAdapter, WorkStatus } from "./cluster-adapter.ts";

/** The following of one piece of work. */
export interface Following {
  /** The next status, after the pause that its age asks for; `leastMs` where that is to be longer. */
  readonly next: (handle: JsonObject, leastMs?: number) => Promise<WorkStatus>;
}

export interface Followers {
  /** Those with the same `place`, a service of a cluster, are asked together. */
  readonly follow: (place: string, adapter: ClusterAdapter, signal: AbortSignal) => Following;
}

interface Asked {
  readonly handle: JsonObject;
  readonly adapter: ClusterAdapter;
  /** On the clock that only runs forward. */
  readonly dueAt: number;
  /** It may be asked for earlier by as much, with others. */
  readonly earlyMs: number;
  readonly settle: (status: WorkStatus) => void;
}

interface Place {
  waiting: Asked[];
  timer: NodeJS.Timeout | undefined;
  timerAt: number;
}

const PAUSE_LEAST_MS = 100;
/** So long the end of work is seen within a second. */
const YOUNG_MS = 120_000;
const YOUNG_PAUSE_MAX_MS = 1_000;
const OLD_PAUSE_MS = 2_000;
const AGED_MS = 600_000;
const AGED_PAUSE_MS = 5_000;
/** What is due within so much of a pause is asked for in one go. */
const EARLY = 0.2;
const CALL_MS = 10_000;

/** How long to wait between two looks at work that is followed for so long. */
export function pauseFor(ageMs: number): number {
  if (ageMs < YOUNG_MS) return Math.min(YOUNG_PAUSE_MAX_MS, Math.max(PAUSE_LEAST_MS, ageMs / 3));
  return ageMs < AGED_MS ? OLD_PAUSE_MS : AGED_PAUSE_MS;
}

export function createFollowers(): Followers {
  const places = new Map<string, Place>();

  function ask(name: string, asked: Asked): void {
    const place = places.get(name) ?? { waiting: [], timer: undefined, timerAt: 0 };
    places.set(name, place);
    place.waiting.push(asked);
    if (place.timer === undefined || asked.dueAt < place.timerAt) arm(name, place, asked.dueAt);
  }

  function arm(name: string, place: Place, at: number): void {
    clearTimeout(place.timer);
    place.timerAt = at;
    place.timer = setTimeout(() => look(name, place), Math.max(0, at - performance.now()));
  }

  function look(name: string, place: Place): void {
    const now = performance.now();
    const isDue = ({ dueAt, earlyMs }: Asked) => dueAt - earlyMs <= now;
    const due = place.waiting.filter(isDue);
    place.waiting = place.waiting.filter((asked) => !isDue(asked));
    place.timer = undefined;
    if (place.waiting.length === 0) places.delete(name);
    else arm(name, place, Math.min(...place.waiting.map(({ dueAt }) => dueAt)));
    void answer(due);
  }

  return {
    follow: (place, adapter, signal) => {
      const begun = performance.now();
      return {
        next: (handle, leastMs = 0) => {
          const now = performance.now();
          const pauseMs = Math.max(pauseFor(now - begun), leastMs);
          const { promise, resolve } = Promise.withResolvers<WorkStatus>();
          ask(place, { handle, adapter, dueAt: now + pauseMs, earlyMs: pauseMs * EARLY, settle: resolve });
          return orAborted(promise, signal);
        },
      };
    },
  };
}

/** One call for all; where it fails, nothing is known of any of them. */
async function answer(due: readonly Asked[]): Promise<void> {
  const adapter = due[0]?.adapter;
  if (adapter === undefined) return;
  const statuses = await adapter
    .statuses(
      due.map(({ handle }) => handle),
      AbortSignal.timeout(CALL_MS),
    )
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      return due.map((): WorkStatus => ({ state: "unknown", why, forgotten: false }));
    });
  for (const [place, { settle }] of due.entries())
    settle(statuses[place] ?? { state: "unknown", why: "the cluster's answer lacks it", forgotten: false });
}

/** Rejects as soon as the signal is aborted: what is under way is nobody's then. */
async function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
