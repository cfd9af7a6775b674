import { expect, test } from "vitest";
import { nextStreamTry } from "./kept-alive.ts";

const BEGAN = new Date("2001-01-01T00:00:00Z");

/** Seconds until the next try, and the tries that count then. */
function next(tries: number, livedSeconds: number, random = 0) {
  const now = () => new Date(BEGAN.getTime() + livedSeconds * 1000);
  const { readyAt, triesAdded, outcome } = nextStreamTry({ now, random: () => random }, tries, BEGAN);
  expect(outcome).toBe("exited");
  return [(readyAt.getTime() - now().getTime()) / 1000, tries + triesAdded];
}

test("each exit in a row doubles the wait, up to a minute", () => {
  expect(next(0, 1)).toEqual([1, 1]);
  expect(next(1, 1)).toEqual([2, 2]);
  expect(next(5, 59)).toEqual([32, 6]);
  expect(next(6, 0)).toEqual([60, 7]);
  expect(next(20, 0)).toEqual([60, 20]);
});

test("a try that lived for a minute begins the waits anew", () => {
  expect(next(12, 60)).toEqual([1, 1]);
});

test("chance adds up to a fifth", () => {
  expect(next(0, 0, 0.5)).toEqual([1.1, 1]);
  expect(next(9, 0, 0.999)[0]).toBeLessThanOrEqual(72);
});
