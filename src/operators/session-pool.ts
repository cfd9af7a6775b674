/** Keeps sessions between their uses: few, not for long, and none that has given a reason for doubt. */

import type { Work } from "./operator.ts";

/** What a pool may keep. */
export interface PooledSession {
  /** False once it has ended or may not be used again. */
  readonly usable: () => boolean;
  /** Settles when nothing of it is left. */
  readonly close: () => Promise<void>;
}

export interface PoolLimits {
  /** So often one session is used. */
  readonly usesMax: number;
  /** So long one waits for its next use. */
  readonly idleMs: number;
  /** So many wait at a time; the one that has waited longest goes first. */
  readonly idleMax: number;
}

/** Whose session it is. Sessions of two places have nothing in common. */
export interface SessionPlace {
  /** Whom and what it is for. */
  readonly owner: string;
  /** What else makes it what it is; one that waits under another definition is of no use to its owner any more. */
  readonly definition: string;
}

export interface SessionPool<Session extends PooledSession> {
  /** Gives `body` a session that no other body has: one that waits at this place, else a new one. */
  readonly use: <T>(
    place: SessionPlace,
    open: () => Promise<Session>,
    body: (session: Session) => Promise<T>,
  ) => Promise<T>;
  /** Ends all that wait; none waits from now on. */
  readonly stop: () => Promise<void>;
}

/** Names those who may share a session with this work: the same user, in the same workspace and project, and `more`. */
export function warmOwner(work: Work, more: readonly unknown[]): string {
  return JSON.stringify([work.projectId, work.workspaceId, work.warm?.by, ...more]);
}

interface Kept<Session> {
  readonly place: SessionPlace;
  readonly session: Session;
  readonly uses: number;
  readonly timer: NodeJS.Timeout;
}

export function createSessionPool<Session extends PooledSession>(limits: PoolLimits): SessionPool<Session> {
  const { usesMax, idleMs, idleMax } = limits;
  /** The one that has waited longest first. */
  const waiting = new Set<Kept<Session>>();
  const closing = new Set<Promise<void>>();
  let stopped = false;

  function close(session: Session): void {
    const end = session.close().finally(() => closing.delete(end));
    closing.add(end);
  }

  function drop(kept: Kept<Session>): void {
    waiting.delete(kept);
    clearTimeout(kept.timer);
    close(kept.session);
  }

  function take(place: SessionPlace): { session: Session; uses: number } | undefined {
    for (const kept of [...waiting].reverse()) {
      if (kept.place.owner !== place.owner) continue;
      if (!kept.session.usable() || kept.place.definition !== place.definition) {
        drop(kept);
        continue;
      }
      waiting.delete(kept);
      clearTimeout(kept.timer);
      return kept;
    }
    return undefined;
  }

  function keep(place: SessionPlace, session: Session, uses: number): void {
    if (stopped || uses >= usesMax || !session.usable()) {
      close(session);
      return;
    }
    const timer = setTimeout(() => drop(kept), idleMs).unref();
    const kept: Kept<Session> = { place, session, uses, timer };
    waiting.add(kept);
    for (const oldest of waiting) if (waiting.size > idleMax) drop(oldest);
  }

  return {
    use: async (place, open, body) => {
      const { session, uses } = take(place) ?? { session: await open(), uses: 0 };
      try {
        return await body(session);
      } finally {
        keep(place, session, uses + 1);
      }
    },
    stop: async () => {
      stopped = true;
      for (const kept of waiting) drop(kept);
      await Promise.all(closing);
    },
  };
}
