/** Clusters from the outside: registered by the command line, run on by a real service that is killed meanwhile. */
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { runCommand } from "./setup/cli.ts";
import { shell } from "./setup/job-nodes.ts";
import { type RayLikeCluster, startRayLikeCluster } from "./setup/ray-like-cluster.ts";
import { type Service, startService } from "./setup/service.ts";

// Each command is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const env = { AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" };
let service: Service;
let ray: RayLikeCluster;
beforeAll(async () => {
  ray = await startRayLikeCluster();
  service = await startService({ env });
  await azalai(["clusters", "add", "far", "--ray", ray.dashboard]);
});
afterEach(() => ray.behave("well"));
afterAll(async () => {
  await service.remove();
  await ray.close();
});

async function run(words: readonly string[], document?: unknown) {
  const stdin = document === undefined ? {} : { stdin: JSON.stringify(document) };
  return await runCommand(["--data-dir", service.dataDir, ...words], stdin);
}

async function azalai(words: readonly string[], document?: unknown): Promise<string> {
  const { code, stdout, stderr } = await run(words, document);
  expect(code, stderr).toBe(0);
  return stdout;
}

/** Saves a job with one Shell node, by default on the cluster `far`, and begins it. */
async function begin(name: string, script: string, cluster: string | null = "far"): Promise<string> {
  const node = shell("a", script);
  const chosen = cluster === null ? [] : [{ name: "azalai.cluster", value: cluster }];
  const definition = {
    name,
    processType: "BATCH",
    schedule: { type: "EXECUTE_ONCE" },
    nodes: [{ ...node, properties: [...node.properties, ...chosen] }],
  };
  await azalai(["jobs", "create", "-"], definition);
  const begun: unknown = JSON.parse(await azalai(["--json", "jobs", "run", name]));
  return /(\d+)/.exec(JSON.stringify(begun))?.[1] ?? "";
}

async function shown(
  id: string,
): Promise<{ status?: string; nodes?: { output?: string; message?: string }[] }> {
  return JSON.parse(await azalai(["--json", "instances", "show", id]));
}

/** The instance as it is when it has ended. */
async function ended(id: string) {
  await expect
    .poll(async () => JSON.stringify(await shown(id)), { timeout: 60_000, interval: 500 })
    .toMatch(/^[^[]*"state":"(succeeded|failed|stopped)"/);
  return await shown(id);
}

const kill = async () => {
  await service.kill();
};
const startAgain = async () => {
  service = await startService({ env, dataDir: service.dataDir });
};

test("a cluster is registered, tried, listed and shown by the command line", async () => {
  expect(await azalai(["clusters", "test", "far"])).toContain("Ray 2.60.0");
  expect(await azalai(["clusters", "list"])).toMatch(/^local .*\n?[\s\S]*^far /m);
  expect(await azalai(["clusters", "show", "far"])).toContain(ray.dashboard);
  ray.behave("away");
  const tried = await run(["clusters", "test", "far"]);
  expect(tried).toMatchObject({ code: 1, stderr: expect.stringContaining("does not answer: ray") });
});

test("what is wrong with a cluster is said at once, all of it", async () => {
  const wrong = { services: { ray: {}, hive: { host: "h", port: 70_000, speed: 1 }, livy: {} } };
  const { code, stderr } = await run(["clusters", "add", "bad name", "--file", "-"], wrong);
  expect(code).toBe(1);
  for (const problem of [
    "name:",
    "services.ray.dashboard",
    "services.hive.port",
    "services.hive.speed",
    "services.livy",
  ])
    expect(stderr).toContain(problem);
});

test("a password is sealed, shown as a mask, and kept by the mask", async () => {
  const hive = { host: "h", port: 10_000, user: "u", password: "word-of-hive" };
  await azalai(["clusters", "add", "sql", "--file", "-"], { services: { hive } });
  const first = JSON.parse(await azalai(["--json", "clusters", "show", "sql"]));
  expect(first.services.hive).toEqual({ ...hive, password: "*********" });
  await azalai(["clusters", "add", "sql", "--file", "-"], { description: "again", services: first.services });
  expect(await azalai(["clusters", "list"])).not.toContain("word-of-hive");
  expect(service.log()).not.toContain("word-of-hive");
  await azalai(["clusters", "remove", "sql"]);
});

test("the example of the documents is accepted", async () => {
  const page = await readFile("docs/clusters.md", "utf8");
  const [, json = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  await azalai(["clusters", "add", "example", "--file", "-"], JSON.parse(json));
  await azalai(["clusters", "remove", "example"]);
});

test("a job of the service runs there through a kill -9 of the service, and once", async () => {
  const before = ray.begun().length;
  const id = await begin("long", "echo one; sleep 6; echo two; sleep 1; echo three");
  await expect.poll(() => ray.running().length, { timeout: 20_000 }).toBe(1);
  await kill();
  expect(ray.running()).toHaveLength(1);
  await startAgain();
  expect(JSON.stringify(await ended(id))).toContain("three");
  expect(ray.begun().length - before).toBe(1);
  const log = await azalai(["instances", "logs", id]);
  expect(log).toContain("goes on with azalai-");
  expect(log).toContain("two\nthree");
});

test("what is running cannot lose its cluster, and is ended there when its run is stopped", async () => {
  const id = await begin("stopped", "sleep 300");
  await expect.poll(() => ray.running().length, { timeout: 20_000 }).toBe(1);
  expect((await run(["clusters", "remove", "far"])).stderr).toContain("something still runs on cluster");
  // Nobody hears the stop: the sweep ends it once the cluster can be reached.
  ray.behave("away");
  await azalai(["instances", "stop", id]);
  await ended(id);
  expect(ray.running()).toHaveLength(1);
  ray.behave("well");
  await expect.poll(() => ray.running(), { timeout: 30_000 }).toEqual([]);
});

test("the choice of the workspace holds for what names no cluster, and a node's word goes before it", async () => {
  await azalai(["clusters", "default", "far"]);
  const before = ray.begun().length;
  expect(JSON.stringify(await ended(await begin("by-default", "echo there", null)))).toContain("there");
  expect(ray.begun().length - before).toBe(1);
  expect(JSON.stringify(await ended(await begin("here", "echo here", "local")))).toContain("here");
  expect(ray.begun().length - before).toBe(1);
  await azalai(["clusters", "default", "none"]);
});

test("a name without a cluster is a failure that lists those there are", async () => {
  const end = JSON.stringify(await ended(await begin("nowhere", "echo", "nowhere")));
  expect(end).toContain("there are local, far");
});
