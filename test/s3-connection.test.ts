/** Buckets of an S3 endpoint as docs/connections.md shows them: a real service, a real server of objects, the command line. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCommand } from "./setup/cli.ts";
import { type S3Server, s3Missing, startS3 } from "./setup/s3.ts";
import { type Service, startService } from "./setup/service.ts";

// The service is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

const without = await s3Missing();
const WAIT = { timeout: 90_000, interval: 200 };

let s3: S3Server;
let service: Service;

beforeAll(async () => {
  if (without !== undefined) return;
  s3 = await startS3();
  await s3.createBucket("raw");
  await s3.createBucket("reports");
  service = await startService({ env: { AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" } });
});

afterAll(async () => {
  await service?.remove();
  await s3?.stop();
});

interface Named {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

async function exampleOf(name: string): Promise<Named> {
  const page = await readFile(join(import.meta.dirname, "../docs/connections.md"), "utf8");
  const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text = ""]): Named => JSON.parse(text));
  const found = examples.find((example) => example.name === name);
  if (found === undefined) throw new RangeError(`docs/connections.md has no example ${name}`);
  return found;
}

async function azalai(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(["--data-dir", service.dataDir, ...words]);
  if (code !== 0) throw new RangeError(`azalai ${words.join(" ")}: ${stderr}`);
  return stdout;
}

async function save(things: "connections" | "jobs", verb: string, document: Named): Promise<string> {
  const file = join(service.dataDir, `${document.name}.json`);
  await writeFile(file, JSON.stringify(document));
  return await azalai(things, verb, file);
}

async function factory(method: string, path: string, body?: object, workspace = "default") {
  const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}${path}`, {
    method,
    headers: { "x-auth-token": await service.token(), "content-type": "application/json", workspace },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: text === "" ? {} : JSON.parse(text) };
}

/** The run's nodes when it has ended. */
async function ended(job: string, instanceId: number) {
  let run: { readonly status?: string; readonly nodes?: readonly object[] } = {};
  const look = async () => {
    run = (await factory("GET", `/jobs/${job}/instances/${instanceId}`)).json;
    return run.status;
  };
  await expect.poll(look, WAIT).toMatch(/success|fail/);
  return run;
}

test.skipIf(without)(
  "the page's job works on buckets of the page's connection as on the server's own",
  async () => {
    const lake = await exampleOf("lake");
    const there = { ...lake, config: { ...lake.config, ...s3.config, intervalSeconds: 1 } };
    await save("connections", "save", there);
    expect(await azalai("connections", "test", "lake")).toBe(
      "lake: the endpoint lists what is in raw, reports\n",
    );
    await s3.put("raw", "orders/monday.csv", "id,amount\n1,20\n2,22\n");
    await s3.put("reports", "daily/old.csv", "to be removed");

    await save("jobs", "create", await exampleOf("report"));
    const { json } = await factory("POST", "/jobs/report/run-immediate");
    const run = await ended("report", json.instanceId);
    expect(run, JSON.stringify(run)).toMatchObject({ status: "success" });
    expect(await readFile(join(s3.folderOf("reports"), "daily/total.csv"), "utf8")).toBe("total\n42\n");
    expect(await azalai("files", "list", "obs://reports")).toContain("obs://reports/daily/total.csv");
    expect(await azalai("files", "list", "obs://reports")).not.toContain("old.csv");

    // Packages, too, lie there.
    const exported = await factory("POST", "/jobs/report/export", { obsPath: "obs://reports/packages" });
    expect(exported.status).toBe(200);
    expect(
      await factory("POST", "/jobs/check-file", { path: `${exported.json.obsPath}/report.zip` }),
    ).toMatchObject({
      status: 200,
      json: { jobs: [{ name: "report" }] },
    });
    expect(await factory("POST", "/jobs/check-file", { path: "obs://reports/none.zip" })).toMatchObject({
      status: 400,
      json: { error_code: "DLF.0815" },
    });
  },
);

function waitingJob(name: string, channel: string) {
  const properties = [
    { name: "files", value: "#{Job.trigger.obsNewFiles[0]}" },
    { name: "statementOrScript", value: "STATEMENT" },
    { name: "statement", value: "cat *.txt" },
  ];
  return {
    name,
    processType: "BATCH",
    schedule: { type: "EVENT", event: { eventType: "OBS", channel } },
    nodes: [{ name: "read", type: "Shell", location: { x: 0, y: 0 }, properties }],
  };
}

test.skipIf(without)("a job waits for files of such a bucket, and reads them", async () => {
  const job = waitingJob("arrivals", "obs://raw/in");
  expect((await factory("POST", "/jobs", job)).status).toBe(204);
  expect((await factory("POST", "/jobs/arrivals/start", {})).status).toBe(204);
  await expect.poll(async () => await azalai("events", "list", "--json"), WAIT).toContain("listedAt");
  const file = join(service.dataDir, "hello.txt");
  await writeFile(file, "hello");
  await azalai("files", "put", file, "obs://raw/in/hello.txt");
  const runs = async () => (await factory("GET", "/jobs/instances/detail?jobName=arrivals")).json.instances;
  await expect.poll(runs, WAIT).toMatchObject([{ status: "success" }]);
  expect((await factory("POST", "/jobs/arrivals/stop")).status).toBe(204);
});

test.skipIf(without)(
  "a bucket's name means one place in its project, and the server's own without a connection",
  async () => {
    const other = (name: string, config: object) =>
      factory("POST", "/connections", { name, type: "S3", config: { ...s3.config, ...config } });
    expect(await other("second", { buckets: "mine,reports" })).toMatchObject({
      status: 400,
      json: {
        error_code: "DLF.3051",
        error_msg: expect.stringContaining("another connection of the project leads to reports already"),
      },
    });
    expect(await other("second", { buckets: "Not A Bucket" })).toMatchObject({ status: 400 });
    expect((await factory("GET", "/connections/second")).status).toBe(400);
    expect((await other("second", { buckets: "elsewhere" })).status).toBe(204);
    expect(await factory("POST", "/jobs/check-file", { path: "obs://elsewhere/p.zip" })).toMatchObject({
      status: 400,
      json: { error_code: "DLF.1242" },
    });

    const file = join(service.dataDir, "own.txt");
    await writeFile(file, "own");
    const { config } = (await factory("GET", "/connections/lake")).json;
    const kept = { name: "lake", type: "S3", config: { ...config, buckets: "raw" } };
    expect((await factory("PUT", "/connections/lake", kept)).status).toBe(204);
    await azalai("files", "put", file, "obs://reports/own.txt");
    expect(await azalai("files", "list", "obs://reports")).toContain("own.txt");
    expect(await azalai("files", "list", "obs://reports")).not.toContain("total.csv");
    expect((await factory("DELETE", "/connections/lake")).status).toBe(204);
    expect(await azalai("files", "list", "obs://raw")).not.toContain("monday.csv");
  },
);

test.skipIf(without)("a job waits for files of a connection of its own workspace alone", async () => {
  const config = { ...s3.config, buckets: "theirs" };
  const lake = { name: "their-lake", type: "S3", config };
  expect((await factory("POST", "/connections", lake, "theirs")).status).toBe(204);
  const job = waitingJob("stranger", "obs://theirs/in");
  expect((await factory("POST", "/jobs", job)).status).toBe(204);
  expect(await factory("POST", "/jobs/stranger/start", {})).toMatchObject({
    status: 400,
    json: {
      error_code: "DLF.3025",
      error_msg: expect.stringContaining('connection "their-lake" of workspace "theirs"'),
    },
  });
  expect((await factory("POST", "/jobs", job, "theirs")).status).toBe(204);
  expect((await factory("POST", "/jobs/stranger/start", {}, "theirs")).status).toBe(204);
});
