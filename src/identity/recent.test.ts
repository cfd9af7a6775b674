/** The small cache of what was read a moment ago. */
import { expect, test } from "vitest";
import { createRecent } from "./recent.ts";

function setup() {
  let time = 1_000_000;
  const recent = createRecent<number>({ entriesMax: 2, ageMsMax: 3000 }, () => new Date(time));
  return { recent, pass: (ms: number) => (time += ms) };
}

test("a value is kept until its age, counted from when it was read and not from its use", () => {
  const { recent, pass } = setup();
  recent.set("a", 1);
  pass(2000);
  expect(recent.get("a")).toBe(1);
  pass(1000);
  expect(recent.get("a")).toBeUndefined();
});

test("a value from the future of a clock that was set back is not used", () => {
  const { recent, pass } = setup();
  recent.set("a", 1);
  pass(-1);
  expect(recent.get("a")).toBeUndefined();
});

test("the least recently used value makes room", () => {
  const { recent } = setup();
  recent.set("a", 1);
  recent.set("b", 2);
  recent.get("a");
  recent.set("c", 3);
  expect([recent.get("a"), recent.get("b"), recent.get("c")]).toEqual([1, undefined, 3]);
});

test("clearing forgets everything", () => {
  const { recent } = setup();
  recent.set("a", 1);
  recent.clear();
  expect(recent.get("a")).toBeUndefined();
});
