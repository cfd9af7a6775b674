/** Follows topics: this server reads those that it holds, and starts their messages with their places in one commit. */
import { EVENT_DATA_BYTES_MAX, topicOf } from "../domain/event.ts";
import type { Observe } from "../domain/observation.ts";
import type { TopicBatch, TopicOffsets, TopicReader } from "../operators/operator.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import {
  type ClaimedSource,
  holdTopicSources,
  lockHeldSource,
  releaseTopicSource,
  updateLook,
} from "../store/event-sources.ts";
import { type EventRunDeps, roomOf, takeEvents } from "./event-runs.ts";
import { createLoop, type Loop } from "./loop.ts";
import type { WorkSources } from "./sources.ts";

export interface TopicEventDeps extends EventRunDeps {
  readonly pool: DatabasePool;
  readonly sources: Pick<WorkSources, "loadConnection" | "openTopic">;
  /** Undefined while this server is not registered: it holds nothing then. */
  readonly serverId: () => string | undefined;
  readonly observe: Observe;
  /** How long a source may wait to be followed, where nothing told of it. */
  readonly pollMs: () => number;
  readonly onStarted: () => void;
}

/** How often a full source is asked again whether a run has ended, where nothing told so. */
const ROOM_POLL_MS = 1_000;
/** How long a broker is asked to wait for the next message. */
const WAIT_MS = 2_000;
const BATCH_MAX = 100;
/** A reader is opened anew after so many answers: partitions are added, and their leaders change. */
const READS_MAX = 150;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** A source that this server follows. */
interface Following {
  readonly server: string;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

export function createTopicEvents(deps: TopicEventDeps): Loop {
  const following = new Map<string, Following>();
  const loop = createLoop("topic-events", round, deps.observe);
  let hear: (() => void)[] = [];

  async function round(): Promise<number> {
    const server = deps.serverId();
    for (const one of following.values()) if (one.server !== server) one.stop.abort();
    if (server === undefined) return deps.pollMs();
    for (const source of await holdTopicSources(deps.pool, server, deps.now())) {
      const key = `${source.projectId}/${source.jobId}`;
      if (following.has(key)) continue;
      const stop = new AbortController();
      const done = follow(source, server, stop.signal).finally(() => following.delete(key));
      following.set(key, { server, stop, done });
    }
    return deps.pollMs();
  }

  /** Until the source is no longer this server's, or this server stops; what fails is tried again, later and later. */
  async function follow(source: ClaimedSource, server: string, signal: AbortSignal): Promise<void> {
    let error: string | null = null;
    try {
      while (!signal.aborted && (await readFor(source, server, signal)) === "again");
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
      const { projectId, jobId } = source;
      if (!signal.aborted) deps.observe({ event: "event-source-failed", projectId, jobId, message: error });
    }
    const delayMs = error === null ? 0 : Math.min(RETRY_MS * 2 ** source.failures, RETRY_MAX_MS);
    const lookAt = new Date(deps.now().getTime() + delayMs);
    await releaseTopicSource(deps.pool, source, server, { lookAt, error }).catch((cause: unknown) =>
      deps.observe({ event: "loop-failed", loop: "topic-events", error: cause }),
    );
  }

  /** As long as one reader lives. */
  async function readFor(
    source: ClaimedSource,
    server: string,
    signal: AbortSignal,
  ): Promise<"again" | "done"> {
    const reader = await openReader(deps, source);
    const close = () => void reader.close();
    signal.addEventListener("abort", close);
    try {
      for (let reads = 0; reads < READS_MAX && !signal.aborted; reads += 1) {
        const turn = await look(deps, source, server);
        if (turn === undefined) return "done";
        if (turn.room === 0) await ended();
        else await take(deps, { turn, reader, server });
      }
      return "again";
    } finally {
      signal.removeEventListener("abort", close);
      await reader.close();
    }
  }

  /** A run may have ended. */
  function ended(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ROOM_POLL_MS);
      hear.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  function wakeFollowers(): void {
    const called = hear;
    hear = [];
    for (const call of called) call();
  }

  return {
    ...loop,
    wake: () => {
      wakeFollowers();
      loop.wake();
    },
    stop: async () => {
      await loop.stop();
      const all = [...following.values()];
      for (const { stop } of all) stop.abort();
      wakeFollowers();
      await Promise.all(all.map(({ done }) => done));
    },
  };
}

async function openReader({ sources }: TopicEventDeps, source: ClaimedSource): Promise<TopicReader> {
  const { projectId, workspaceId, channel } = source;
  const { connection: name = "", topic = "" } = topicOf(channel) ?? {};
  const connection = await sources.loadConnection({ projectId, workspaceId }, name);
  if (connection === undefined) throw new RangeError(`connection "${name}" does not exist`);
  return await sources.openTopic(connection, topic);
}

/** The source as it stands, and how many runs it may make. */
interface Turn {
  readonly source: ClaimedSource;
  readonly room: number;
}

/** Undefined when the source is no longer this server's. */
async function look(
  { pool }: TopicEventDeps,
  source: ClaimedSource,
  server: string,
): Promise<Turn | undefined> {
  return await transaction(pool, async (db) => {
    const present = await lockHeldSource(db, source, server);
    return present && { source: present, room: await roomOf(db, present) };
  });
}

/** Reads on from the source's place, and moves it in the commit that starts what was read. */
async function take(
  deps: TopicEventDeps,
  { turn, reader, server }: { readonly turn: Turn; readonly reader: TopicReader; readonly server: string },
): Promise<void> {
  const from = offsetsOf(turn.source) ?? (await begin(deps, turn.source, reader, server));
  const batch = await reader.read(from, { most: Math.min(turn.room, BATCH_MAX), waitMs: WAIT_MS });
  if (!moved(from, batch) && turn.source.lag === batch.behind) return;
  const started = await transaction(deps.pool, async (db) => {
    const present = await lockHeldSource(db, turn.source, server);
    // Somebody else reads it now, or it was paused: what was read is read again.
    if (present === undefined || !sameOffsets(offsetsOf(present), from)) return 0;
    return await takeEvents(deps, db, present, {
      events: batch.messages.map(({ text }) => ({ data: cut(text), files: [] })),
      position: { offsets: batch.offsets },
      lag: batch.behind,
      lookAt: deps.now(),
    });
  });
  if (started > 0) deps.onStarted();
}

/** The place of a source that begins with what comes from now on: behind the last message of each partition. */
async function begin(
  deps: TopicEventDeps,
  source: ClaimedSource,
  reader: TopicReader,
  server: string,
): Promise<TopicOffsets> {
  const offsets = await reader.ends();
  await transaction(deps.pool, async (db) => {
    const present = await lockHeldSource(db, source, server);
    const { lastEventAt } = source;
    if (present?.position === null)
      await updateLook(db, source, { position: { offsets }, lag: 0, lookAt: deps.now(), lastEventAt });
  });
  return offsets;
}

function moved(from: TopicOffsets, { offsets }: TopicBatch): boolean {
  return !sameOffsets(from, offsets);
}

function sameOffsets(one: TopicOffsets | undefined, other: TopicOffsets): boolean {
  const partitions = Object.keys(other);
  return (
    one !== undefined &&
    Object.keys(one).length === partitions.length &&
    partitions.every((partition) => one[partition] === other[partition])
  );
}

function offsetsOf({ position }: ClaimedSource): TopicOffsets | undefined {
  return position !== null && "offsets" in position ? position.offsets : undefined;
}

/** At a border between characters; PostgreSQL's text takes no zero character. */
function cut(text: string): string {
  const clean = text.replaceAll("\0", "");
  if (Buffer.byteLength(clean) <= EVENT_DATA_BYTES_MAX) return clean;
  return new TextDecoder().decode(Buffer.from(clean).subarray(0, EVENT_DATA_BYTES_MAX), { stream: true });
}
