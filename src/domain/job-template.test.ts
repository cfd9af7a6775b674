import { expect, test } from "vitest";
import { checkPrograms } from "./job-template.ts";
import { JOB_TYPES, type JobType } from "./job-type.ts";

/** What happens to a template with nothing, with mains alone, with libs alone: `-` taken, or the fault's last word. */
const EXPECTED: Readonly<Record<JobType, string>> = {
  Hive: "mains - mains",
  Java: "libs invalid -",
  MapReduce: "libs invalid -",
  "MapReduce.Streaming": "- invalid -",
  Pig: "mains - mains",
  Shell: "mains - mains",
  Spark: "mains - -",
  Storm: "mains - mains",
  "Storm.Pyleus": "mains - mains",
  DistCp: "- - -",
  Flink: "- - -",
  SparkScript: "mains - mains",
  SparkSql: "- - -",
  hql: "- - -",
};

const SHORT: Readonly<Record<string, string>> = {
  "job-template-mains-empty": "mains",
  "job-template-libs-empty": "libs",
  "job-template-invalid": "invalid",
};

function outcome(type: JobType, mains: readonly string[], libs: readonly string[]): string {
  try {
    checkPrograms(type, mains, libs);
    return "-";
  } catch (error) {
    return error instanceof Error && "code" in error ? (SHORT[String(error.code)] ?? "?") : "?";
  }
}

test.each(JOB_TYPES)("%s takes the programs that it needs", (type) => {
  const found = [outcome(type, [], []), outcome(type, ["m"], []), outcome(type, [], ["l"])];
  expect(found.join(" ")).toBe(EXPECTED[type]);
});

test("no binary is both in mains and in libs", () => {
  for (const type of ["Pig", "Shell", "Spark", "Flink"] as const)
    expect(outcome(type, ["a", "b"], ["b"])).toBe("invalid");
});
