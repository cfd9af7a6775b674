/** The demo with its engines: Spark and MapReduce count the same three million flights. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runCommand } from "../setup/cli.ts";
import { ENGINES_FOLDER } from "../setup/local-hadoop.ts";

test("a job's Spark and MapReduce nodes agree on three million flights", async () => {
  const folder = await mkdtemp(join(tmpdir(), "azalai-demo-engines-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const env = { AZALAI_ENGINES_DIR: ENGINES_FOLDER };
  const end = await runCommand(["demo", "--engines", "--report", join(folder, "report.svg")], { env });
  expect(end.stdout.split("\n").filter((line) => line.startsWith("  FAILS"))).toEqual([]);
  expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining("15 of 15 assertions hold") });
});
