/** Housekeeping that no request waits for: list counts are folded, expired tokens go. */
import type { Observe } from "../domain/observation.ts";
import type { DatabasePool } from "../store/database.ts";
import { foldListBlocks } from "../store/list-blocks.ts";
import { deleteExpiredTokens } from "../store/tokens.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface CleanerDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
}

const REST_MS = 5_000;
const TOKENS_MAX = 1_000;
/** A round in so many looks for expired tokens: they are refused by their time, so only space is at stake. */
const TOKEN_ROUNDS = 60;

/** Any number of servers may clean at once: each takes rows that no other has. */
export function createCleaner({ pool, now, observe }: CleanerDeps): Loop {
  let round = 0;
  return createLoop(
    "cleaner",
    async () => {
      const folded = await foldListBlocks(pool);
      if (round++ % TOKEN_ROUNDS === 0) await deleteExpiredTokens(pool, now(), TOKENS_MAX);
      return folded > 0 ? 0 : REST_MS;
    },
    observe,
  );
}
