/** Programs of engines take turns: so many at a time, in their order, and who is aborted while it waits leaves the queue. */
import { expect, test } from "vitest";
import { createLocalWorkSlots } from "./local-work-slots.ts";

test("as many run as there are slots, the next one when one has ended, whether well or not", async () => {
  const slots = createLocalWorkSlots(2);
  const begun: string[] = [];
  const told: string[] = [];
  const { signal } = new AbortController();
  const begin = (name: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const body = () => {
      begun.push(name);
      return promise;
    };
    return { resolve, reject, ended: slots.use(signal, () => told.push(name), body) };
  };
  const [a, b, c, d] = ["a", "b", "c", "d"].map(begin);
  expect(begun).toEqual(["a", "b"]);
  expect(told).toEqual(["c", "d"]);
  b?.reject(new RangeError("no"));
  await expect(b?.ended).rejects.toThrow("no");
  await expect.poll(() => begun).toEqual(["a", "b", "c"]);
  a?.resolve("a");
  c?.resolve("c");
  await expect.poll(() => begun).toEqual(["a", "b", "c", "d"]);
  d?.resolve("d");
  expect(await d?.ended).toBe("d");
});

test("who is aborted while it waits never begins, and takes no slot", async () => {
  const slots = createLocalWorkSlots(1);
  const held = Promise.withResolvers<void>();
  const quiet = () => undefined;
  const first = slots.use(new AbortController().signal, quiet, () => held.promise);
  const waiting = new AbortController();
  const second = slots.use(waiting.signal, quiet, async () => "never");
  const third = slots.use(new AbortController().signal, quiet, async () => "third");
  waiting.abort("stop");
  await expect(second).rejects.toBe("stop");
  held.resolve();
  await first;
  expect(await third).toBe("third");
  await expect(slots.use(AbortSignal.abort("lost"), quiet, async () => "never")).rejects.toBe("lost");
});
