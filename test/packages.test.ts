/** Packages go from one server to another, empty one, by the command line: lists and definitions are the same there. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { type ServedFolder, serveFolder } from "./setup/cli.ts";
import { jobBody } from "./setup/factory.ts";

vi.setConfig({ testTimeout: 120_000 });

const SCRIPT = {
  name: "清理",
  type: "Shell",
  content: "ls -la *",
  description: "of the folder",
  directory: "/d",
};
const PROPERTIES = [{ name: "scriptName", value: SCRIPT.name }];
const RESOURCE = { name: "jar", type: "jar", location: "obs://b/count.jar", directory: "/r", desc: "counts" };
const SECRET = "s3cret-word";
const CONNECTIONS = [
  { name: "pg", type: "RDS", config: { ip: "db.example.com", port: 5432, userName: "u", password: SECRET } },
  { name: "topic", type: "Kafka", description: "orders", config: { brokers: "k.example.com:9092" } },
];
const CRON = {
  startTime: "2030-01-01T00:00:00+08",
  expression: "0 0 0 * * ?",
  expressionTimeZone: "GMT+8",
  dependJobs: { jobs: ["one"] },
};
const JOBS = [
  jobBody("one", { params: [{ name: "day", value: "#{Job.planTime}" }], unknown: { kept: [1, "2"] } }),
  jobBody("two", {
    nodes: [{ name: "a", type: "Shell", location: { x: "-4.5", y: 1 }, properties: PROPERTIES }],
  }),
  jobBody("spark", {
    nodes: [
      {
        name: "a",
        type: "MRSSpark",
        location: {},
        properties: [{ name: "resourcePath", value: RESOURCE.location }],
      },
    ],
  }),
  jobBody("三", { schedule: { type: "CRON", cron: CRON }, basicConfig: { tags: ["t"], owner: "ada" } }),
];

/** A server and what it is asked. */
async function setup() {
  const served = await serveFolder(["--no-demo"]);
  onTestFinished(() => served.close());
  const run = async (...words: string[]) => {
    const end = await served.azalai(["--json", ...words]);
    expect(end, words.join(" ")).toMatchObject({ code: 0 });
    return end.stdout;
  };
  const token = (await served.azalai(["token"])).stdout.trim();
  const { projectId } = JSON.parse(await readFile(join(served.dataDir, "credentials.json"), "utf8"));
  const ask = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${served.url}/v1/${projectId}${path}`, {
      method,
      headers: { "x-auth-token": token, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect(answer.ok, path).toBe(true);
    return answer.status === 204 ? undefined : await answer.json();
  };
  return { served, run, ask };
}

/** What was said by people; the rest is each server's own. */
async function definitionsOf(ask: (method: string, path: string) => Promise<unknown>) {
  const { jobs } = (await ask("GET", "/jobs")) as { jobs: { name: string }[] };
  const { scripts } = (await ask("GET", "/scripts")) as { scripts: object[] };
  const { resources } = (await ask("GET", "/resources")) as { resources: object[] };
  const details = await Promise.all(jobs.map(({ name }) => ask("GET", `/jobs/${encodeURIComponent(name)}`)));
  const own = { id: 0, resourceId: 0, createTime: 0, lastUpdateTime: 0, modifyTime: 0 };
  const without = (object: unknown) => {
    const { jobRelation, ...rest } = object as { readonly name: string; readonly jobRelation?: object[] };
    const relations = jobRelation?.map((one) => ({ ...one, relationId: "0", taskId: 0 }));
    return { ...rest, ...own, ...(relations && { jobRelation: relations }) };
  };
  const byName = (one: { readonly name: string }, other: { readonly name: string }) =>
    one.name.localeCompare(other.name);
  return [jobs, details, scripts, resources].map((list) => list.map(without).sort(byName));
}

test("what one server exports another one imports, and has the same lists and definitions then", async () => {
  const from = await setup();
  await from.ask("POST", "/scripts", SCRIPT);
  await from.ask("POST", "/resources", RESOURCE);
  for (const job of JOBS) await from.ask("POST", "/jobs", job);
  const file = join(from.served.dataDir, "jobs.zip");
  await from.run("packages", "export", "三", "spark", "two", "one", "--file", file);
  const to = await setup();
  await to.run("files", "put", file, "obs://packages/jobs.zip");
  const list = JSON.parse(await to.run("packages", "check", "obs://packages/jobs.zip"));
  expect(list.jobs.map(({ name }: { name: string }) => name)).toEqual(["三", "spark", "two", "one"]);
  const task = JSON.parse(await to.run("packages", "import", "obs://packages/jobs.zip"));
  expect(task).toMatchObject({ status: "SUCCESSFUL" });
  expect(task.subtasks).toHaveLength(6);
  expect(await definitionsOf(to.ask)).toEqual(await definitionsOf(from.ask));
  await refusesWhatIsNoPackage(to.served);
});

test("connections go without their secrets, which the import brings", async () => {
  const from = await setup();
  for (const body of CONNECTIONS) await from.ask("POST", "/connections", body);
  const file = join(from.served.dataDir, "connections.zip");
  await from.run("connections", "export", "--file", file);
  expect((await readFile(file)).includes(SECRET)).toBe(false);
  const to = await setup();
  await to.run("files", "put", file, "obs://packages/connections.zip");
  const secrets = join(to.served.dataDir, "secrets.json");
  await writeFile(secrets, JSON.stringify({ pg: { password: SECRET } }));
  const path = "obs://packages/connections.zip";
  const task = JSON.parse(await to.run("connections", "import", path, "--secrets", secrets));
  expect(task).toMatchObject({ status: "SUCCESSFUL", subtasks: [{ name: "pg" }, { name: "topic" }] });
  expect(await to.ask("GET", "/connections")).toEqual(await from.ask("GET", "/connections"));
});

async function refusesWhatIsNoPackage({ azalai }: ServedFolder): Promise<void> {
  expect(await azalai(["packages", "import", "obs://packages/none.zip"])).toMatchObject({ code: 4 });
  await azalai(["files", "put", import.meta.filename, "obs://packages/text.zip"]);
  expect(await azalai(["packages", "import", "obs://packages/text.zip"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("the package cannot be read"),
  });
}
