/** The examples of docs/events.md and docs/real-time.md, on a real service, through the command line. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { EventSourcePage } from "../src/api/console/event-source-wire.ts";
import type { LiveNodePage } from "../src/api/console/live-node-wire.ts";
import type { InstancePage } from "../src/cli/instances.ts";
import type { JobPage } from "../src/cli/jobs.ts";
import { type ServedFolder, serveFolder } from "./setup/cli.ts";

// Each command is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const WAIT = { timeout: 60_000 };

let served: ServedFolder;

beforeAll(async () => {
  served = await serveFolder();
});

afterAll(() => served.close());

/** The JSON examples of a page. */
async function examplesOf(page: string): Promise<{ readonly name: string }[]> {
  const text = await readFile(join(import.meta.dirname, "../docs", page), "utf8");
  return [...text.matchAll(/```json\n(.*?)```/gs)].map(([, example = ""]) => JSON.parse(example));
}

async function azalai(...words: string[]): Promise<string> {
  const end = await served.azalai(words);
  expect(end, words.join(" ")).toMatchObject({ code: 0 });
  return end.stdout;
}

async function json<T>(...words: string[]): Promise<T> {
  return JSON.parse(await azalai("--json", ...words));
}

async function startExample(definition: { readonly name: string }): Promise<void> {
  const saved = await served.azalai(["jobs", "create", "-"], { stdin: JSON.stringify(definition) });
  expect(saved).toMatchObject({ code: 0 });
  await azalai("jobs", "start", definition.name);
}

async function put(path: string, content: string): Promise<void> {
  const file = join(served.dataDir, "upload");
  await writeFile(file, content);
  expect(await azalai("files", "put", file, path)).toBe(`${path} arrived\n`);
}

const runsOf = async (job: string) =>
  (await json<InstancePage>("instances", "list", "--job", job, "--exact")).instances;
const sourceOf = async (job: string) =>
  (await json<EventSourcePage>("events", "list")).sources.find((source) => source.job === job);
const statusOf = async (job: string) =>
  (await json<JobPage>("jobs", "list", "--name", job)).jobs.find((one) => one.name === job)?.status;

test("a file that arrives starts the example's job, which sees it", async () => {
  const [example] = await examplesOf("events.md");
  if (example === undefined) throw new RangeError("docs/events.md has no example");
  await startExample(example);
  expect(await statusOf(example.name)).toBe("SCHEDULING");
  await put("obs://inbox/orders/monday.csv", "id,sum\n1,2\n");
  await put("obs://inbox/other/tuesday.csv", "no order");
  await expect.poll(async () => (await runsOf(example.name))[0]?.status, WAIT).toBe("success");
  const [run, ...others] = await runsOf(example.name);
  expect(others).toEqual([]);
  const log = await azalai("instances", "logs", String(run?.instanceId));
  expect(log).toContain("id,sum\n1,2\nfrom obs://inbox/orders/monday.csv");
  expect(await sourceOf(example.name)).toMatchObject({
    state: "listening",
    lag: 0,
    running: 0,
    concurrent: 4,
  });
  expect(await azalai("events", "list")).toContain("obs://inbox/orders");
  expect(await azalai("files", "list", "obs://inbox")).toBe(
    "obs://inbox/orders/monday.csv\nobs://inbox/other/tuesday.csv\n",
  );
  expect(await served.azalai(["events", "resume", example.name])).toMatchObject({ code: 1 });
  expect(await served.azalai(["events", "resume", "none"])).toMatchObject({ code: 4 });
});

test("the example on a topic says what it misses", async () => {
  const example = (await examplesOf("events.md")).find(({ name }) => name === "on-order");
  if (example === undefined) throw new RangeError("docs/events.md has no example on a topic");
  await startExample(example);
  await expect
    .poll(async () => (await sourceOf(example.name))?.error, WAIT)
    .toBe('connection "shop" does not exist');
});

test("the example of a real-time job lives, starts runs on files, and ends in its grace time", async () => {
  const [example] = await examplesOf("real-time.md");
  if (example === undefined) throw new RangeError("docs/real-time.md has no example");
  await startExample(example);
  await expect.poll(() => statusOf("counts"), WAIT).toBe("NORMAL");
  const page = await json<LiveNodePage>("real-time", "nodes", "counts");
  expect(page.nodes).toMatchObject([
    { name: "feed", state: "up", restarts: 0, restartsMax: 20, trigger: null },
    { name: "each", state: "up", after: ["feed"], trigger: { kind: "event", job: "counts_each" } },
    { name: "hourly", state: "up", trigger: { kind: "cron", job: "counts_hourly", status: "scheduling" } },
  ]);
  await put("obs://flights/in/1", "one");
  await expect.poll(async () => (await runsOf("counts_each"))[0]?.status, WAIT).toBe("success");
  const [run] = await runsOf("counts_each");
  expect(await azalai("instances", "logs", String(run?.instanceId))).toContain("counting obs://flights/in/1");
  expect(await served.azalai(["real-time", "retry", "counts", "feed"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("does not wait for its next try"),
  });
  expect(await served.azalai(["real-time", "retry", "counts", "none"])).toMatchObject({ code: 4 });
  expect(await azalai("jobs", "list", "--name", "counts")).not.toContain("counts_each");
  await azalai("jobs", "stop", "counts");
  await expect.poll(() => statusOf("counts"), WAIT).toBe("STOPPED");
  expect(await azalai("instances", "logs", String(page.instanceId), "--node", "feed")).toContain("flushed");
  expect(await sourceOf("counts_each")).toMatchObject({ state: "stopped" });
  expect(await azalai("real-time", "nodes", "counts")).toContain("counts is stopped");
});
