/** Delivers what was published: each target gets its notices one after another, and what fails is tried again. */
import { nextTryAt } from "../domain/notice.ts";
import type { Observe } from "../domain/observation.ts";
import type { DatabasePool } from "../store/database.ts";
import {
  type ClaimedDelivery,
  claimDeliveries,
  settleDelivery,
  type TriedDelivery,
} from "../store/notices.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface NoticeDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
  /** Rejects with a sentence, which is kept and shown; within `SEND_MAX_MS`. */
  readonly send: (delivery: ClaimedDelivery, signal: AbortSignal) => Promise<void>;
}

/** Targets to which one server sends at a time. */
const FLIGHTS_MAX = 16;
/** Whoever publishes wakes the loop of its server; this is for what others published, and for what is due again. */
const POLL_MS = 5_000;
/** A claim whose server is gone is taken by another after so long: longer than any try takes. */
const SEND_MAX_MS = 60_000;
const ERROR_LENGTH_MAX = 500;

/** What flies when it is stopped is broken off, and due again at once. */
export function createNoticeLoop(deps: NoticeDeps): Pick<Loop, "start" | "stop" | "wake"> {
  const { pool, now, observe } = deps;
  const flights = new Set<Promise<void>>();
  const closing = new AbortController();
  const loop = createLoop("notices", round, observe);

  /** A slow target holds up no other: what it is sent goes on while the next round looks for more. */
  async function round(): Promise<number> {
    const limit = FLIGHTS_MAX - flights.size;
    if (limit === 0) return POLL_MS;
    const at = now();
    const busyUntil = new Date(at.getTime() + SEND_MAX_MS);
    for (const delivery of await claimDeliveries(pool, { now: at, busyUntil, limit })) {
      const flight = deliver(delivery)
        .catch((error: unknown) => observe({ event: "loop-failed", loop: "notices", error }))
        .finally(() => {
          flights.delete(flight);
          loop.wake();
        });
      flights.add(flight);
    }
    return POLL_MS;
  }

  async function deliver(delivery: ClaimedDelivery): Promise<void> {
    const { projectId, noticeId, targetId } = delivery;
    const failure = await deps.send(delivery, closing.signal).then(() => undefined, sentenceOf);
    const time = now();
    if (failure !== undefined && closing.signal.aborted) {
      await settleDelivery(pool, delivery, { state: "waiting", nextAt: time, error: failure }, time);
      return;
    }
    const tried = outcomeOf(delivery, failure, time);
    await settleDelivery(pool, delivery, tried, time);
    observe({
      event: "notice-tried",
      projectId,
      noticeId,
      targetId,
      outcome: tried.state === "waiting" ? "again" : tried.state,
      ...(failure !== undefined && { message: failure }),
    });
  }

  return {
    start: loop.start,
    wake: loop.wake,
    stop: async () => {
      await loop.stop();
      closing.abort();
      await Promise.all(flights);
    },
  };
}

function outcomeOf({ tries }: ClaimedDelivery, failure: string | undefined, now: Date): TriedDelivery {
  if (failure === undefined) return { state: "sent", nextAt: null, error: null };
  const nextAt = nextTryAt(tries, now);
  return nextAt === undefined
    ? { state: "failed", nextAt: null, error: failure }
    : { state: "waiting", nextAt, error: failure };
}

function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll("\0", "").slice(0, ERROR_LENGTH_MAX);
}
