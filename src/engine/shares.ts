/** What each project has of a server's slots, and had lately: by this the next ones are shared among projects. */
import type { Lane } from "../domain/instance.ts";
import type { UsedSlots } from "../store/node-runs.ts";

export interface Shares {
  readonly begin: (lane: Lane, projectId: string) => void;
  readonly end: (lane: Lane, projectId: string) => void;
  readonly clear: () => void;
  /**
   * Slots that projects have now, of these lanes; with a fraction for their part of the last minute's use, which decides
   * between projects that have the same.
   */
  readonly used: (lanes: readonly Lane[]) => UsedSlots[];
}

interface Use {
  readonly lane: Lane;
  readonly projectId: string;
  running: number;
  /** Mean number of slots, the last minute counting most. */
  mean: number;
  atMs: number;
}

const HALF_LIFE_MS = 60_000;
/** Of the mean: what is less is forgotten. */
const FORGOTTEN = 1e-9;
/** Projects with the largest use that are told of in one call. */
const TOLD_MAX = 256;

export function createShares(now: () => Date): Shares {
  const uses = new Map<string, Use>();

  function change(lane: Lane, projectId: string, by: number): void {
    const key = `${lane}/${projectId}`;
    const use = uses.get(key) ?? { lane, projectId, running: 0, mean: 0, atMs: now().getTime() };
    passTime(use);
    use.running += by;
    uses.set(key, use);
  }

  function passTime(use: Use): void {
    const nowMs = now().getTime();
    const kept = 2 ** (-Math.max(0, nowMs - use.atMs) / HALF_LIFE_MS);
    use.mean = use.running + (use.mean - use.running) * kept;
    use.atMs = nowMs;
  }

  return {
    begin: (lane, projectId) => change(lane, projectId, 1),
    end: (lane, projectId) => change(lane, projectId, -1),
    clear: () => uses.clear(),
    used: (lanes) => {
      const total: Partial<Record<Lane, number>> = {};
      for (const [key, use] of uses) {
        passTime(use);
        if (use.running === 0 && use.mean < FORGOTTEN) uses.delete(key);
        else total[use.lane] = (total[use.lane] ?? 0) + use.mean;
      }
      return [...uses.values()]
        .filter(({ lane }) => lanes.includes(lane))
        .map(({ lane, projectId, running, mean }) => ({
          lane,
          projectId,
          slots: running + mean / Math.max(total[lane] ?? 0, FORGOTTEN),
        }))
        .sort((a, b) => b.slots - a.slots)
        .slice(0, TOLD_MAX);
    },
  };
}
