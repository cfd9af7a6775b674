/** Lists buckets of S3 endpoints at their intervals, and remembers what is new in them for the look that starts runs. */
import { objectsOf } from "../domain/event.ts";
import type { Observe } from "../domain/observation.ts";
import type { ObjectBucket } from "../operators/operator.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import {
  claimListing,
  endListing,
  failListing,
  findNextListing,
  holdListing,
  type Listing,
  recordObjects,
} from "../store/event-objects.ts";
import { createLoop, type Loop } from "./loop.ts";
import type { WorkSources } from "./sources.ts";

export interface ObjectEventDeps {
  readonly pool: DatabasePool;
  readonly sources: Pick<WorkSources, "loadConnection" | "openBucket">;
  readonly now: () => Date;
  readonly observe: Observe;
}

/** Endpoints that this server asks at a time: a silent one holds up no other. */
const LISTINGS_MAX = 8;
const POLL_MS = 5_000;
/** Longer than a page may take: a listing whose server has died is begun again after this. */
const CLAIM_MS = 60_000;
/** An object that was gone for no longer than this is not new when it is there again: listings are not always right. */
const GONE_MS = 24 * 60 * 60 * 1000;
/** A million objects. */
const PAGES_MAX = 1000;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;

export function createObjectEvents(deps: ObjectEventDeps): Loop {
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const loop = createLoop("object-events", round, deps.observe);

  async function round(): Promise<number> {
    while (underWay.size < LISTINGS_MAX) {
      const listing = await claimListing(deps.pool, deps.now(), later(deps, CLAIM_MS));
      if (listing === undefined) break;
      const done = list(deps, listing, stopping.signal).finally(() => {
        underWay.delete(done);
        loop.wake();
      });
      underWay.add(done);
    }
    const next = underWay.size < LISTINGS_MAX ? await findNextListing(deps.pool) : undefined;
    return next === undefined
      ? POLL_MS
      : Math.max(0, Math.min(POLL_MS, next.getTime() - deps.now().getTime()));
  }

  return {
    ...loop,
    stop: async () => {
      stopping.abort();
      await loop.stop();
      await Promise.all(underWay);
    },
  };
}

/** One listing of a whole bucket's folder; what fails is tried again, later and later. */
async function list(deps: ObjectEventDeps, listing: Listing, signal: AbortSignal): Promise<void> {
  const { projectId, jobId, failures } = listing.source;
  try {
    await listPages(deps, listing, signal);
  } catch (cause) {
    const error = signal.aborted ? null : cause instanceof Error ? cause.message : String(cause);
    if (error !== null) deps.observe({ event: "event-source-failed", projectId, jobId, message: error });
    const delayMs = error === null ? 0 : Math.min(RETRY_MS * 2 ** failures, RETRY_MAX_MS);
    await failListing(deps.pool, listing, { listAt: later(deps, delayMs), error }).catch((lost: unknown) =>
      deps.observe({ event: "loop-failed", loop: "object-events", error: lost }),
    );
  }
}

/** Returns early where the listing counts no more: the source was stopped, or another began. */
async function listPages(deps: ObjectEventDeps, listing: Listing, signal: AbortSignal): Promise<void> {
  const { bucket, prefix } = await openBucket(deps, listing);
  // The first listing only says what was there before.
  const starts = listing.source.position !== null;
  let from: string | undefined;
  let after = "";
  for (let pages = 1; ; pages += 1) {
    const { objects, next } = await bucket.list(prefix, { ...(from !== undefined && { from }), signal });
    const last = next === undefined ? undefined : objects.at(-1)?.key;
    const kept = await transaction(deps.pool, async (db) => {
      if (!(await holdListing(db, listing, later(deps, CLAIM_MS)))) return false;
      if (next === undefined || last !== undefined)
        await recordObjects(db, listing.source, { objects, after, last }, { starts, now: deps.now() });
      if (next === undefined)
        await endListing(db, listing, {
          listedAt: deps.now(),
          listAt: later(deps, bucket.intervalSeconds * 1000),
          goneBefore: later(deps, -GONE_MS),
        });
      return true;
    });
    if (!kept || next === undefined) return;
    if (pages === PAGES_MAX)
      throw new RangeError(`there are more than ${PAGES_MAX} pages of files: choose a narrower path`);
    from = next;
    after = last ?? after;
  }
}

async function openBucket(
  { sources }: ObjectEventDeps,
  { source: { projectId, workspaceId, channel } }: Listing,
): Promise<{ readonly bucket: ObjectBucket; readonly prefix: string }> {
  const { connection: name = "", bucket = "", prefix = "" } = objectsOf(channel) ?? {};
  const connection = await sources.loadConnection({ projectId, workspaceId }, name);
  if (connection === undefined) throw new RangeError(`connection "${name}" does not exist`);
  return { bucket: sources.openBucket(connection, bucket), prefix };
}

function later({ now }: ObjectEventDeps, ms: number): Date {
  return new Date(now().getTime() + ms);
}
