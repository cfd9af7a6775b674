import { expect, test } from "vitest";
import { afterExit, type KeepRules, keepRulesOf } from "./kept-alive.ts";

const BEGAN = new Date("2001-01-01T00:00:00Z");
const RULES = keepRulesOf(undefined, {});

/** Seconds until the next try, and the tries that count then. */
function next(tries: number, livedSeconds: number, random = 0) {
  const ended = new Date(BEGAN.getTime() + livedSeconds * 1000);
  const before = { tries, windowAt: null, inWindow: 0 };
  const after = afterExit(before, { began: BEGAN, ended, random }, RULES);
  return [((after.readyAt?.getTime() ?? 0) - ended.getTime()) / 1000, after.tries];
}

/** For exits at these seconds: whether each is followed by a try. */
function restarts(rules: Partial<KeepRules>, exits: readonly number[]): boolean[] {
  let before = { tries: 0, windowAt: null as Date | null, inWindow: 0 };
  return exits.map((second) => {
    const ended = new Date(BEGAN.getTime() + second * 1000);
    const { readyAt, ...after } = afterExit(
      before,
      { began: ended, ended, random: 0 },
      { ...RULES, ...rules },
    );
    before = after;
    return readyAt !== undefined;
  });
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

test("more restarts than a window allows hold the node; another window begins anew", () => {
  expect(restarts({ restartsMax: 2, windowMs: 60_000 }, [0, 10, 20])).toEqual([true, true, false]);
  expect(restarts({ restartsMax: 2, windowMs: 60_000 }, [0, 10, 60, 70, 80])).toEqual([
    true,
    true,
    true,
    true,
    false,
  ]);
  expect(restarts({ restartsMax: 0 }, [0])).toEqual([false]);
});

test("a node's settings win over its job's, and these over the defaults", () => {
  const rules = keepRulesOf(
    { restart: "on-failure", upSeconds: 5 },
    { "azalai.upSeconds": "0", "azalai.restartsMax": "3", statement: "x" },
  );
  expect(rules).toMatchObject({ restart: "on-failure", upMs: 0, restartsMax: 3, windowMs: 600_000 });
});
