/** Lines of a program as rows: what is kept, and what is counted. */
import { expect, test } from "vitest";
import { createLineTable } from "./line-table.ts";
import { OUTPUT_BYTES_MAX } from "./operator.ts";

function tableOf(...chunks: readonly string[]) {
  const lines = createLineTable();
  for (const chunk of chunks) lines.add(Buffer.from(chunk));
  const { rows, rowCount } = lines.table();
  return [rows.map(([line]) => line), rowCount];
}

test.each([
  [[], [], 0],
  [[""], [], 0],
  [["\n"], [""], 1],
  [["a"], ["a"], 1],
  [["a\n"], ["a"], 1],
  [["a\nb"], ["a", "b"], 2],
  [["a\n\nb\n"], ["a", "", "b"], 3],
  [["a", "b\n", "c"], ["ab", "c"], 2],
  [["a\r\nb\r\n"], ["a", "b"], 2],
])("%j has the lines %j", (chunks, lines, count) => {
  expect(tableOf(...chunks)).toEqual([lines, count]);
});

test("a character that comes in two pieces is one", () => {
  const bytes = Buffer.from("é\n");
  const lines = createLineTable();
  lines.add(bytes.subarray(0, 1));
  lines.add(bytes.subarray(1));
  expect(lines.table().rows).toEqual([["é"]]);
});

test("what has no room is counted and not kept, and of the line at the border nothing is", () => {
  const long = "x".repeat(OUTPUT_BYTES_MAX - 5);
  expect(tableOf(`${long}\n`, "one\n")).toEqual([[long, "one"], 2]);
  expect(tableOf(`${long}\n`, "four\n", "more\n", "end")).toEqual([[long], 4]);
});
