/** The pool of sessions: who gets which, and when one is given up. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSessionPool, type SessionPlace } from "./session-pool.ts";

const HERE: SessionPlace = { owner: "a", definition: "1" };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function world(limits = {}) {
  const closed: number[] = [];
  let opened = 0;
  const pool = createSessionPool<ReturnType<typeof open>>({
    usesMax: 100,
    idleMs: 1000,
    idleMax: 100,
    ...limits,
  });
  function open() {
    const number = ++opened;
    let alive = true;
    return {
      number,
      doubt: () => {
        alive = false;
      },
      usable: () => alive,
      close: async () => void closed.push(number),
    };
  }
  const use = (place = HERE, during: (session: ReturnType<typeof open>) => unknown = () => undefined) =>
    pool.use(
      place,
      async () => open(),
      async (session) => {
        await during(session);
        return session.number;
      },
    );
  return { pool, use, closed };
}

test("a session is used again by its owner, and by nobody else", async () => {
  const { use } = world();
  expect(await use()).toBe(1);
  expect(await use()).toBe(1);
  expect(await use({ ...HERE, owner: "b" })).toBe(2);
  expect(await use()).toBe(1);
});

test("two uses at once have two sessions", async () => {
  const { use } = world();
  expect(await use(HERE, async () => expect(await use()).toBe(2))).toBe(1);
});

test("a session is given up after so many uses", async () => {
  const { use, closed } = world({ usesMax: 2 });
  await use();
  expect(closed).toEqual([]);
  await use();
  expect(closed).toEqual([1]);
  expect(await use()).toBe(2);
});

test("a session that has waited long is given up", async () => {
  const { use, closed } = world();
  await use();
  await vi.advanceTimersByTimeAsync(999);
  expect(closed).toEqual([]);
  await use();
  await vi.advanceTimersByTimeAsync(999);
  expect(closed).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(closed).toEqual([1]);
});

test("where many wait, the one that has waited longest is given up", async () => {
  const { use, closed } = world({ idleMax: 2 });
  for (const owner of ["a", "b", "c"]) await use({ ...HERE, owner });
  expect(closed).toEqual([1]);
});

test("a session that waits under another definition is given up", async () => {
  const { use, closed } = world();
  await use();
  expect(await use({ ...HERE, definition: "2" })).toBe(2);
  expect(closed).toEqual([1]);
});

test("a session in doubt is not used again, whenever the doubt arose", async () => {
  const { use, closed } = world();
  await use(HERE, (session) => session.doubt());
  expect(closed).toEqual([1]);
  let kept: { doubt: () => void } | undefined;
  await use(HERE, (session) => {
    kept = session;
  });
  kept?.doubt();
  expect(await use()).toBe(3);
  expect(closed).toEqual([1, 2]);
});

test("a stopped pool ends what waits and keeps nothing more", async () => {
  const { pool, use, closed } = world();
  await use(HERE, async () => {
    await use({ ...HERE, owner: "b" });
    await pool.stop();
    expect(closed).toEqual([2]);
  });
  expect(closed).toEqual([2, 1]);
});
