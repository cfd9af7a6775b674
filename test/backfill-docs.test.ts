/** The examples of docs/backfill.md, run in the order in which they stand there. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BACKFILL } from "../src/domain/states.ts";
import { factoryWorld, PROJECT } from "./setup/factory.ts";

const PAGE = join(import.meta.dirname, "../docs/backfill.md");

async function blocksOf(language: string): Promise<string[]> {
  const text = await readFile(PAGE, "utf8");
  return [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map(
    ([, block = ""]) => block,
  );
}

test("the page's requests are taken, and what it says they answer is what they answer", async () => {
  const { ok, startEngine } = await factoryWorld();
  const blocks = (await blocksOf("json")).map((block) => JSON.parse(block));
  expect(blocks).toHaveLength(6);
  const [job, previewed, preview, everything, together, patch] = blocks;
  await ok("POST", "/jobs", { body: job });
  expect((await ok("POST", "/api/backfills/preview", { body: previewed })).json).toEqual(preview);
  const made = (await ok("POST", "/api/backfills", { body: { ...previewed, name: "spring" } })).json;
  expect(made.progress.planned).toBe(preview.planned);
  await startEngine();
  const stateOf = async (name: string) =>
    (await ok("GET", `/api/backfills/${encodeURIComponent(name)}`)).json.state;
  await expect.poll(() => stateOf("spring")).toBe("succeeded");
  // Its window opens on weekends only.
  expect((await ok("POST", "/api/backfills", { body: everything })).json).toMatchObject({ parallel: 2 });
  await ok("POST", `/api/backfills/${everything.name}/cancel`);
  await expect.poll(() => stateOf(everything.name)).toBe("cancelled");
  const cron = (expression: string, dependJobs?: object) => ({
    type: "CRON",
    cron: { ...job.schedule.cron, expression, ...(dependJobs !== undefined && { dependJobs }) },
  });
  const hours = { ...job, name: together.job, schedule: cron("0 0 * * * ?") };
  await ok("POST", "/jobs", { body: hours });
  const report = {
    ...job,
    name: together.dependents[0].job,
    schedule: cron("0 0 3 * * ?", { jobs: [hours.name] }),
  };
  await ok("POST", "/jobs", { body: report });
  // The second day has 23 hours.
  expect((await ok("POST", "/api/backfills", { body: together })).json.progress.planned).toBe(24 + 23 + 2);
  await expect.poll(() => stateOf(together.name), { timeout: 20_000 }).toBe("succeeded");
  await ok("POST", `/v2/${PROJECT}/factory/supplement-data`, { body: patch });
  await expect.poll(() => stateOf(patch.name)).toBe("succeeded");
});

test("the page draws the machine that the code has", async () => {
  const [drawing = ""] = await blocksOf("mermaid");
  const drawn = [...drawing.matchAll(/^ +(\S+) --> (\S+)$/gm)].map(([, from, to]) => `${from} ${to}`);
  const moves = Object.entries<readonly string[]>(BACKFILL).flatMap(([from, followers]) =>
    followers.length === 0 ? [`${from} [*]`] : followers.map((to) => `${from} ${to}`),
  );
  expect(drawn.toSorted()).toEqual(["[*] planning", ...moves].toSorted());
});
