/** Housekeeping that no request waits for: list counts are folded, instances counted; expired tokens, old arrivals of files and tasks go. */
import { ARRIVAL_DAYS } from "../domain/event.ts";
import type { Observe } from "../domain/observation.ts";
import { TASK_DAYS } from "../domain/task.ts";
import type { DatabasePool } from "../store/database.ts";
import { deleteOldArrivals } from "../store/file-arrivals.ts";
import { createInstanceCounter } from "../store/instance-counts.ts";
import { foldListBlocks } from "../store/list-blocks.ts";
import { deleteOldTasks } from "../store/system-tasks.ts";
import { deleteExpiredTokens } from "../store/tokens.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface CleanerDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
}

const REST_MS = 5_000;
const ROWS_MAX = 1_000;
/** A round in so many looks for what has expired: it is refused or passed over by its time, so only space is at stake. */
const EXPIRED_ROUNDS = 60;

/** Any number of servers may clean at once: each takes rows that no other has. */
export function createCleaner({ pool, now, observe }: CleanerDeps): Loop {
  const countInstances = createInstanceCounter(pool);
  let round = 0;
  return createLoop(
    "cleaner",
    async () => {
      const folded = await foldListBlocks(pool);
      const uncounted = await countInstances();
      if (round++ % EXPIRED_ROUNDS === 0) {
        await deleteExpiredTokens(pool, now(), ROWS_MAX);
        await deleteOldArrivals(pool, daysBefore(now(), ARRIVAL_DAYS), ROWS_MAX);
        await deleteOldTasks(pool, daysBefore(now(), TASK_DAYS), ROWS_MAX);
      }
      return folded > 0 || uncounted ? 0 : REST_MS;
    },
    observe,
  );
}

function daysBefore(time: Date, days: number): Date {
  return new Date(time.getTime() - days * 86_400_000);
}
