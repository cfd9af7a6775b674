/** Rows as a node's output, in both of its forms. */
import { expect, test } from "vitest";
import { OUTPUT_BYTES_MAX } from "./operator.ts";
import { leaveTable, succeedWithRows } from "./sql-rows.ts";

const columns = [
  { name: 'a"', type: "int4" },
  { name: "b", type: "text" },
];
const rows = [
  ["1", "x"],
  ["2", null],
];

test("rows are left alone, or under their columns", () => {
  const table = { columns, rows, rowCount: 2 };
  expect(leaveTable(table, "rows")).toEqual({ output: '[["1","x"],["2",null]]' });
  const { output, ...rest } = leaveTable(table, "table");
  expect([JSON.parse(output), rest]).toEqual([{ columns, rowCount: 2, rows }, {}]);
});

test("where there were more rows, it is said how many are left", () => {
  const { message, output } = leaveTable({ columns, rows, rowCount: 7 }, "table");
  expect(message).toBe("the output holds the first 2 of 7 rows");
  expect(JSON.parse(output)).toMatchObject({ rowCount: 7, rows });
});

test.each(["rows", "table"] as const)(
  "as %s, what has no room in an output is left out by whole rows",
  (form) => {
    const long = Array.from({ length: 5 }, () => ["é".repeat(OUTPUT_BYTES_MAX / 8)]);
    const { output, message } = leaveTable({ columns, rows: long, rowCount: 5 }, form);
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(OUTPUT_BYTES_MAX);
    const left = JSON.parse(output);
    expect(form === "rows" ? left : left.rows).toEqual(long.slice(0, 3));
    expect(message).toBe("the output holds the first 3 of 5 rows");
  },
);

test("a script's rows are in its log under their columns, and nothing is where there are no columns", () => {
  let log = "";
  const add = (text: string) => {
    log += text;
  };
  expect(succeedWithRows({ columns: [], rows: [], rowCount: 0 }, "rows", add)).toEqual({
    state: "succeeded",
    output: "[]",
  });
  expect(log).toBe("");
  succeedWithRows({ columns, rows, rowCount: 2 }, "rows", add);
  expect(log).toBe('a"  b\n--  ----\n1   x\n2   NULL\n(2 rows)\n');
});
