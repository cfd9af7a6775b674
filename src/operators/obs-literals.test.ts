/** Which files a SQL text names, and which files a pattern fits. */
import { describe, expect, test } from "vitest";
import { findObsLiterals, matchesPattern, patternFolder, replaceObsLiterals } from "./obs-literals.ts";

describe("a SQL text names", () => {
  test.each([
    ["select * from 'obs://b/k.csv'", ["read obs://b/k.csv"]],
    ["from read_csv(['obs://b/1.csv', 's3a://b/2.csv'])", ["read obs://b/1.csv", "read s3a://b/2.csv"]],
    ["copy t to 'obs://b/out.parquet' (format parquet)", ["write obs://b/out.parquet"]],
    ["copy (select * from 'obs://b/in') TO 'obs://b/out'", ["read obs://b/in", "write obs://b/out"]],
    ["copy t from 'obs://b/in.csv'; select 1 as to, 'obs://b/x'", ["read obs://b/in.csv", "read obs://b/x"]],
    ["-- 'obs://b/no'\nselect /* 'obs://b/no' */ 1", []],
    [`select "'obs://b/no'", $$ 'obs://b/no' $$, $q$'obs://b/no'$q$`, []],
    ["select 'it''s', 'obs://b/o''k'", ["read obs://b/o'k"]],
    ["select 'not obs://b/k', 'http://b/k'", []],
    ["select 'unclosed obs://b/k", []],
  ])("%s", (sql, expected) => {
    expect(findObsLiterals(sql).map(({ use, path }) => `${use} ${path}`)).toEqual(expected);
  });

  test("local paths in their places, all else untouched", () => {
    const sql = "copy (from 'obs://b/in''s') to 'obs://b/out' -- 'obs://b/in'";
    const replaced = replaceObsLiterals(sql, findObsLiterals(sql), ({ path }) =>
      path.replace("obs:/", "/w's"),
    );
    expect(replaced).toBe("copy (from '/w''s/b/in''s') to '/w''s/b/out' -- 'obs://b/in'");
  });
});

describe("a pattern", () => {
  test.each([
    ["obs://b/*.csv", "obs://b/a.csv", true],
    ["obs://b/*.csv", "obs://b/c/a.csv", false],
    ["obs://b/**/*.csv", "obs://b/a.csv", true],
    ["obs://b/**/*.csv", "obs://b/c/d/a.csv", true],
    ["obs://b/**/*.csv", "obs://b/ca.csvx", false],
    ["obs://b/**/x.csv", "obs://b/yx.csv", false],
    ["obs://b/**", "obs://b/c/d", true],
    ["obs://b/day-0?.csv", "obs://b/day-01.csv", true],
    ["obs://b/day-0?.csv", "obs://b/day-0/.csv", false],
    ["obs://b/[a-c]1", "obs://b/b1", true],
    ["obs://b/[!a-c]1", "obs://b/b1", false],
    ["obs://b/a+(b).csv", "obs://b/a+(b).csv", true],
    ["obs://b/year=*/m=*/f", "obs://b/year=2001/m=1/f", true],
  ])("%s on %s: %s", (pattern, path, fits) => {
    expect(matchesPattern(pattern, path)).toBe(fits);
  });

  test("of many stars takes no time to fail", () => {
    expect(matchesPattern(`obs://b/${"**a".repeat(300)}`, `obs://b/${"a".repeat(299)}b`)).toBe(false);
  });

  test("names the folder below which to look", () => {
    expect(patternFolder("obs://b/c/d*.csv")).toBe("obs://b/c");
    expect(patternFolder("obs://b/*.csv")).toBe("obs://b");
    expect(patternFolder("obs://b/c.csv")).toBeUndefined();
  });
});
