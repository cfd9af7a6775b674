/** Housekeeping that no request waits for: list counts are folded, expired tokens and old arrivals of files go. */
import { ARRIVAL_DAYS } from "../domain/event.ts";
import type { Observe } from "../domain/observation.ts";
import type { DatabasePool } from "../store/database.ts";
import { deleteOldArrivals } from "../store/file-arrivals.ts";
import { foldListBlocks } from "../store/list-blocks.ts";
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
  let round = 0;
  return createLoop(
    "cleaner",
    async () => {
      const folded = await foldListBlocks(pool);
      if (round++ % EXPIRED_ROUNDS === 0) {
        await deleteExpiredTokens(pool, now(), ROWS_MAX);
        await deleteOldArrivals(pool, new Date(now().getTime() - ARRIVAL_DAYS * 86_400_000), ROWS_MAX);
      }
      return folded > 0 ? 0 : REST_MS;
    },
    observe,
  );
}
