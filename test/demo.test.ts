/** The demo as `npm run demo` plays it: real data, real runs, its own assertions. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runCommand } from "./setup/cli.ts";

test("the demo runs to its end, all its assertions hold, and nothing is left but the picture", async () => {
  const folder = await mkdtemp(join(tmpdir(), "azalai-demo-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const report = join(folder, "report.svg");
  const end = await runCommand(["demo", "--report", report]);
  expect(end.stdout.split("\n").filter((line) => line.startsWith("  FAILS"))).toEqual([]);
  expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining("14 of 14 assertions hold") });
  expect(await readFile(report, "utf8")).toMatch(/^<svg .*3,000,000 US flights.*<\/svg>$/);
}, 240_000);
