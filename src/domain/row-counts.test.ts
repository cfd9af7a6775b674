/** The counts in the output of a node that moves rows. */
import { expect, test } from "vitest";
import { movesRows, parseRowCounts } from "./row-counts.ts";

test("counts are read with the speed that follows from them, and nothing else is", () => {
  const output = { inputRowCount: 3000, outputRowCount: 2990, bytes: 1, milliseconds: 500 };
  expect(parseRowCounts(JSON.stringify(output))).toEqual({
    inputRowCount: 3000,
    outputRowCount: 2990,
    speed: 5980,
  });
  expect(parseRowCounts(JSON.stringify({ ...output, milliseconds: 0 }))?.speed).toBe(2_990_000);
  for (const text of ["", "12", "{", "{}", "[]", '{"inputRowCount":"1"}'])
    expect(parseRowCounts(text), text).toBeUndefined();
  expect(parseRowCounts(JSON.stringify({ ...output, outputRowCount: -1 }))).toBeUndefined();
});

test("only the types that copy between connections move rows", () => {
  expect(["DataMigration", "CDMJob", "Shell", "RDSSQL"].filter(movesRows)).toEqual([
    "DataMigration",
    "CDMJob",
  ]);
});
