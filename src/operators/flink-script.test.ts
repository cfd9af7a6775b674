/** Scripts for Flink SQL: what prepares a session, and what becomes its one job. */
import { expect, test } from "vitest";
import { readFlinkScript } from "./flink-script.ts";

test("statements before the insert prepare it; comments go, what is in quotes stays", () => {
  const script = readFlinkScript(`
    -- the source; with a semicolon
    SET 'execution.runtime-mode' = 'batch';
    CREATE TABLE words (word STRING) WITH ('path' = 'file:///a;b', 'x' = 'it''s -- no comment');
    /* and the
       sink; */
    CREATE VIEW v AS SELECT word AS \`a;b\` FROM words;
    INSERT INTO counts SELECT /*+ OPTIONS('a'='1') */ word, COUNT(*) FROM words GROUP BY word;
  `);
  expect(script.preparations).toEqual([
    "SET 'execution.runtime-mode' = 'batch'",
    "CREATE TABLE words (word STRING) WITH ('path' = 'file:///a;b', 'x' = 'it''s -- no comment')",
    "CREATE VIEW v AS SELECT word AS `a;b` FROM words",
  ]);
  expect(script.job).toBe(
    "INSERT INTO counts SELECT /*+ OPTIONS('a'='1') */ word, COUNT(*) FROM words GROUP BY word",
  );
});

test("several inserts are one job, whether a set is opened around them or not", () => {
  const expected = "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END";
  for (const text of [
    "INSERT INTO a SELECT 1; INSERT INTO b SELECT 2",
    "BEGIN STATEMENT SET; INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; END;",
    "execute statement set begin INSERT INTO a SELECT 1; INSERT INTO b SELECT 2; end;",
  ])
    expect(readFlinkScript(text)).toEqual({ preparations: [], job: expected });
});

test("a script that only prepares has no job", () => {
  expect(readFlinkScript("DROP TABLE t;\n;")).toEqual({ preparations: ["DROP TABLE t"] });
});

test.each([
  ["SELECT 1", "a query's rows are not fetched"],
  ["WITH x AS (SELECT 1) SELECT * FROM x", "a query's rows are not fetched"],
  ["INSERT INTO a SELECT 1; SET 'a' = 'b'", "a script prepares"],
  ["CREATE TABLE t WITH ('a' = 'b') AS SELECT 1", "a script prepares"],
  ["MERGE INTO t", "a script prepares"],
])("%s is refused in words", (text, words) => {
  expect(() => readFlinkScript(text)).toThrow(words);
});

test("what is left open ends with the text, in a time that grows with its length alone", () => {
  const long = `INSERT INTO a SELECT '${"x'".repeat(100_000)}`;
  expect(readFlinkScript(long).job).toBe(long);
});
