import { expect, test } from "vitest";
import { statementsOf } from "./hive-statements.ts";

test.each([
  ["select 1; select 2", ["select 1", "select 2"]],
  [" ;; select 1 ;\n", ["select 1"]],
  ["select ';' as a, \"x;y\" as b, `c;d`; select 2", ["select ';' as a, \"x;y\" as b, `c;d`", "select 2"]],
  ["select 'it\\'s; one'; select 2", ["select 'it\\'s; one'", "select 2"]],
  ["-- a; b\nselect 1 -- c; d\n, 2; /* e; f */ select 3", ["select 1  \n, 2", "select 3"]],
  ["select /*+ broadcast(t) */ * from t; /* only\nthis */", ["select /*+ broadcast(t) */ * from t"]],
  ["select 1 - 2 / 3, 'a\\;b', regexp('x', '\\\\d')", ["select 1 - 2 / 3, 'a\\;b', regexp('x', '\\\\d')"]],
  ["select 'left open; on", ["select 'left open; on"]],
  ["/* left open; on", []],
  ["", []],
])("%j has the statements %j", (script, statements) => {
  expect(statementsOf(script)).toEqual(statements);
});
