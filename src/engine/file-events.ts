/** Looks at sources of files, of whichever place, when arrivals, ended runs or the time call for it, and starts what has arrived. */
import { type EventPosition, objectsOf } from "../domain/event.ts";
import type { Observe } from "../domain/observation.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import { countPendingObjects, takePendingObjects } from "../store/event-objects.ts";
import { type ClaimedSource, claimFileSource, findNextLook } from "../store/event-sources.ts";
import { countArrivals, lastArrival, listArrivals } from "../store/file-arrivals.ts";
import { type EventRunDeps, roomOf, takeEvents } from "./event-runs.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface FileEventDeps extends EventRunDeps {
  readonly pool: DatabasePool;
  readonly observe: Observe;
  readonly onStarted: () => void;
}

/** Arrivals and ends call; this is for a call that was lost. */
const IDLE_LOOK_MS = 60_000;
const POLL_MS = 5_000;
/** Most events that one transaction takes. */
const BATCH_MAX = 100;
const LAG_COUNTED_MAX = 10_000;

export function createFileEvents(deps: FileEventDeps): Loop {
  return createLoop(
    "file-events",
    async () => {
      for (let found = true; found; ) {
        const looked = await transaction(deps.pool, async (db) => {
          const source = await claimFileSource(db, deps.now());
          return source && (await look(deps, db, source));
        });
        if (looked !== undefined && looked > 0) deps.onStarted();
        found = looked !== undefined;
      }
      const next = await findNextLook(deps.pool);
      if (next === undefined) return POLL_MS;
      return Math.max(0, Math.min(POLL_MS, next.getTime() - deps.now().getTime()));
    },
    deps.observe,
  );
}

/** Gives how many runs were started. */
async function look(deps: FileEventDeps, db: Transaction, source: ClaimedSource): Promise<number> {
  const room = await roomOf(db, source);
  const limit = Math.min(room, BATCH_MAX);
  const { paths, position, lag } = await (source.type === "objects" ? takeObjects : takeArrivals)(
    db,
    source,
    limit,
  );
  const now = deps.now();
  return await takeEvents(deps, db, source, {
    events: paths.map((path) => ({ data: JSON.stringify([path]), files: [path] })),
    position,
    lag,
    lookAt: lag === 0 || room <= limit ? new Date(now.getTime() + IDLE_LOOK_MS) : now,
  });
}

type Transaction = Parameters<typeof takeEvents>[1];

/** The next files of a source, at most `limit`, and where it stands behind them. */
interface Taken {
  readonly paths: readonly string[];
  readonly position: EventPosition | null;
  readonly lag: number;
}

async function takeArrivals(db: Transaction, source: ClaimedSource, limit: number): Promise<Taken> {
  const { projectId, channel: folder } = source;
  const head = await lastArrival(db, projectId);
  const after = arrivalOf(source) ?? head;
  const arrivals = limit === 0 ? [] : await listArrivals(db, projectId, { folder, after, limit });
  const last = arrivals.at(-1)?.number ?? after;
  const all = limit > 0 && arrivals.length < limit;
  // Nothing under the folder is left up to the head: the next look begins there, whatever arrived elsewhere.
  const arrival = all ? Math.max(head, last) : last;
  const lag = all ? 0 : await countArrivals(db, projectId, { folder, after: arrival, most: LAG_COUNTED_MAX });
  return { paths: arrivals.map(({ path }) => path), position: { arrival }, lag };
}

async function takeObjects(db: Transaction, source: ClaimedSource, limit: number): Promise<Taken> {
  const { scheme, bucket } = objectsOf(source.channel) ?? {};
  const keys = limit === 0 ? [] : await takePendingObjects(db, source, limit);
  return {
    paths: keys.map((key) => `${scheme}://${bucket}/${key}`),
    position: source.position,
    lag: await countPendingObjects(db, source, LAG_COUNTED_MAX),
  };
}

function arrivalOf({ position }: ClaimedSource): number | undefined {
  return position !== null && "arrival" in position ? position.arrival : undefined;
}
