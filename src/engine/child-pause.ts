/** A pause of an instance reaches those that its nodes began, and its end lets go on what it had paused. */
import { listUnendedOf, markPausedWith } from "../store/child-instances.ts";
import type { Database } from "../store/database.ts";
import { type Moved, moveInstance } from "./settle.ts";

export interface PauseKey {
  readonly projectId: string;
  /** The one whose nodes began them. */
  readonly instanceId: number;
  readonly now: Date;
}

/** In a transaction that holds the paused instance: pauses what runs of its children; others stay as they are. */
export async function pauseChildren(db: Database, key: PauseKey): Promise<Moved[]> {
  const unended = await listUnendedOf(db, key.projectId, key.instanceId);
  return await pauseWith(
    db,
    key,
    unended.map(({ instanceId }) => instanceId),
  );
}

/** In a transaction that holds the paused instance: the same for some of its children. */
export async function pauseWith(
  db: Database,
  { projectId, now }: PauseKey,
  childIds: readonly number[],
): Promise<Moved[]> {
  const paused: Moved[] = [];
  for (const instanceId of childIds) {
    const moved = await moveInstance(db, { projectId, instanceId, now }, ({ progress }) =>
      progress.state === "running" ? [{ move: { type: "pause" } }] : [],
    );
    if (moved !== undefined) paused.push(moved);
  }
  // After their own locks: who ends a child writes this row under them.
  await markPausedWith(
    db,
    projectId,
    paused.map((moved) => moved.instanceId),
    true,
  );
  return paused;
}

/**
 * In a transaction that holds the resumed instance: lets go on the children that its pause has paused, and not those that
 * somebody paused themselves. It is resumed by itself too: the end of another's pause does nothing to it any more.
 */
export async function resumeChildren(db: Database, key: PauseKey): Promise<Moved[]> {
  const { projectId, now } = key;
  const held = (await listUnendedOf(db, projectId, key.instanceId)).filter(({ pausedWith }) => pausedWith);
  const resumed: Moved[] = [];
  for (const { instanceId } of held) {
    const moved = await moveInstance(db, { projectId, instanceId, now }, ({ progress }) =>
      progress.state === "paused" ? [{ move: { type: "resume" } }] : [],
    );
    if (moved !== undefined) resumed.push(moved);
  }
  await markPausedWith(db, projectId, [key.instanceId, ...held.map(({ instanceId }) => instanceId)], false);
  return resumed;
}
