/** Answers of Quartz 2.3.2, kept by `npm run oracle -- --keep`: the evaluator gives the same, but for its own policy. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judge, readVector } from "../../tools/cron-oracle/judge.ts";

const FILE = join(import.meta.dirname, "../../test/fixtures/quartz-2.3.2.tsv");

const vectors = readFileSync(FILE, "utf8").trimEnd().split("\n").map(readVector);

test("every kind of expression is answered as Quartz does, but close to clock changes", () => {
  const verdicts = vectors.flatMap((vector) =>
    judge(vector).map(({ verdict }) => ({ verdict, expression: vector.expression })),
  );
  const of = (wanted: string) => verdicts.filter(({ verdict }) => verdict === wanted);
  expect(of("wrong")).toEqual([]);
  expect(of("same").length).toBeGreaterThan(2000);
  expect(of("policy").length).toBeGreaterThan(20);
});

test("there are answers for every kind of item", () => {
  const marks = new Set(vectors.flatMap(({ kind }) => kind.split(" ")));
  expect([...marks].sort()).toEqual(
    ["#", "L", "L-n", "L-nW", "LW", "daily", "nL", "nW", "plain", "week", "wrap", "year"].sort(),
  );
});

test("an answer that neither Quartz nor the policy gives is seen", () => {
  const [vector] = vectors.filter(({ zone }) => zone === "UTC");
  if (vector === undefined) throw new RangeError("no vector in UTC");
  const pairs = vector.pairs.map(({ after, next }) => ({ after, next: next + 1000 }));
  expect(judge({ ...vector, pairs }).map(({ verdict }) => verdict)).toContain("wrong");
});
