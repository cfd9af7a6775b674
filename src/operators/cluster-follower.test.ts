import { expect, test, vi } from "vitest";
import type { ClusterAdapter, WorkStatus } from "./cluster-adapter.ts";
import { createFollowers, pauseFor } from "./cluster-follower.ts";

test.each([
  [0, 100],
  [600, 200],
  [3_000, 1_000],
  [119_000, 1_000],
  [120_000, 2_000],
  [600_000, 5_000],
  [86_400_000, 5_000],
])("what is followed for %i ms is looked at after %i ms", (ageMs, pauseMs) => {
  expect(pauseFor(ageMs)).toBe(pauseMs);
});

/** An adapter that only knows statuses. */
function adapterWith(statuses: (ids: readonly unknown[]) => Promise<readonly WorkStatus[]>): ClusterAdapter {
  return {
    statuses: (handles: readonly { id?: unknown }[]) => statuses(handles.map(({ id }) => id)),
  } as never;
}

test("work on one service is asked for together, each is given its own status", async () => {
  const calls: number[] = [];
  const adapter = adapterWith(async (ids) => {
    calls.push(ids.length);
    return ids.map((id) => (id === 7 ? { state: "succeeded", exitCode: 7 } : { state: "running" }));
  });
  const followers = createFollowers();
  const { signal } = new AbortController();
  const all = Array.from({ length: 100 }, (_, id) => followers.follow("c/ray", adapter, signal).next({ id }));
  const statuses = await Promise.all(all);
  expect(statuses[7]).toEqual({ state: "succeeded", exitCode: 7 });
  expect(statuses.filter(({ state }) => state === "running")).toHaveLength(99);
  expect(calls.length).toBeLessThan(4);
});

test("where the call fails, nothing is known of any", async () => {
  const followers = createFollowers();
  const following = followers.follow(
    "c/ray",
    adapterWith(async () => Promise.reject(new Error("gone"))),
    AbortSignal.timeout(9_000),
  );
  expect(await following.next({ id: 1 })).toEqual({ state: "unknown", why: "gone", forgotten: false });
});

test("an abort ends the wait at once, also while the cluster is silent", async () => {
  const followers = createFollowers();
  const asked = vi.fn(() => new Promise<readonly WorkStatus[]>(() => undefined));
  const abort = new AbortController();
  const next = followers.follow("c/ray", adapterWith(asked), abort.signal).next({ id: 1 });
  await expect.poll(() => asked.mock.calls.length).toBe(1);
  abort.abort("stop");
  await expect(next).rejects.toBe("stop");
});
