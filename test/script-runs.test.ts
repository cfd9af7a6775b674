/** Scripts run by themselves on a running service, and the examples of docs/scripts-and-resources.md. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Service, startService } from "./setup/service.ts";

/** A run's end, on a machine that does much else. */
const SLOW_MS = 120_000;
vi.setConfig({ testTimeout: SLOW_MS, hookTimeout: SLOW_MS });

const ENDED = ["FINISHED", "FAILED"];

let service: Service;
let token: string;

beforeAll(async () => {
  service = await startService();
  token = await service.token();
});
afterAll(() => service?.remove());

interface NewScript {
  readonly name: string;
  readonly type: string;
  readonly content: string;
  readonly connectionName?: string;
}

/** `path` after the project. */
async function ask(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}${path}`, {
    method,
    headers: { "x-auth-token": token, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect(answer.status, text).toBeLessThan(300);
  return text === "" ? undefined : JSON.parse(text);
}

async function start(script: NewScript, params?: Readonly<Record<string, unknown>>) {
  await ask("POST", "/scripts", script);
  const { instanceId } = await ask("POST", `/scripts/${script.name}/execute`, params && { params });
  return `/scripts/${script.name}/instances/${instanceId}`;
}

async function reached(run: string, statuses: readonly string[]) {
  return await vi.waitFor(
    async () => {
      const state = await ask("GET", run);
      expect(statuses).toContain(state.status);
      return state;
    },
    { timeout: SLOW_MS / 2, interval: 50 },
  );
}

async function ran(script: NewScript, params?: Readonly<Record<string, unknown>>) {
  return await reached(await start(script, params), ENDED);
}

/** Into the project's buckets: `path` begins with the bucket. */
async function upload(path: string, content: string) {
  const headers = { "x-auth-token": token, "content-type": "application/octet-stream" };
  const answer = await fetch(`${service.url}/api/files/${path}`, { method: "PUT", headers, body: content });
  expect(answer.status).toBe(201);
}

/** What the one node of the job leaves, or why it fails. */
async function outputOf(job: { readonly name: string }) {
  await ask("POST", "/jobs", job);
  const { instanceId } = await ask("POST", `/jobs/${job.name}/run-immediate`);
  return await vi.waitFor(
    async () => {
      const headers = { "x-auth-token": token };
      const shown = await fetch(`${service.url}/api/instances/${instanceId}`, { headers });
      const [node] = ((await shown.json()) as Shown).nodes;
      expect(node?.state).toMatch(/succeeded|failed/);
      return node?.output ?? node?.message;
    },
    { timeout: SLOW_MS / 2, interval: 100 },
  );
}

interface Shown {
  readonly nodes: readonly { readonly state: string; readonly output?: string; readonly message?: string }[];
}

const finished = (result: object) => {
  const results = [{ message: "", duration: expect.any(Number), ...result }];
  return { status: "FINISHED", results, result: results };
};

test("the page's script leaves what the page says, and its resource is at hand where its job runs", async () => {
  const page = await readFile(join(import.meta.dirname, "../docs/scripts-and-resources.md"), "utf8");
  const blocks = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, block = ""]) => JSON.parse(block));
  expect(blocks).toHaveLength(5);
  const [script, { params }, told, resource, job] = blocks;
  const [{ duration: _, ...result }] = told.results;
  expect(await ran(script, params)).toEqual(finished(result));
  const { resourceId } = await ask("POST", "/resources", resource);
  expect(await ask("GET", `/resources/${resourceId}`)).toMatchObject(resource);
  const program =
    "common = open('common.txt').read().split()\ndef rare(text): return sorted(set(text.split()) - set(common))\n";
  await upload("programs/words.py", program);
  await upload("programs/common.txt", "the a of");
  await upload("texts/letter.txt", "the end of a story");
  expect(await outputOf(job)).toBe("['end', 'story']");
  const { jobRelation } = await ask("GET", `/resources/${resourceId}`);
  expect(jobRelation).toMatchObject([{ taskName: job.name }]);
});

test("a node fails whose files name no resource, or one of several", async () => {
  const jobOf = (name: string, files: string) => ({
    ...{ name, processType: "BATCH", schedule: { type: "EXECUTE_ONCE" } },
    nodes: [
      {
        ...{ name: "n", type: "Shell", location: { x: 0, y: 0 } },
        properties: Object.entries({ statement: "cat twice.txt", files }).map(([property, value]) => ({
          name: property,
          value,
        })),
      },
    ],
  });
  await upload("b/one/twice.txt", "one");
  await upload("b/two/twice.txt", "two");
  for (const place of ["one", "two"])
    await ask("POST", "/resources", {
      ...{ name: "twice", type: "file", location: `obs://b/${place}/twice.txt`, directory: `/${place}` },
    });
  expect(await outputOf(jobOf("unknown", "nothing"))).toMatch(/Resource "nothing" does not exist/);
  expect(await outputOf(jobOf("either", "twice"))).toMatch(/twice.*\/one\/twice, \/two\/twice/);
  expect(await outputOf(jobOf("second", "/two/twice"))).toBe("two");
});

test("a shell or Python script leaves its lines, those of standard error not among them", async () => {
  const schema = [{ line: "text" }];
  const shell = { name: "shell", type: "Shell", content: "echo first\necho no >&2\necho '${k} \"x\"'" };
  expect(await ran(shell, { k: 7 })).toEqual(finished({ rowCount: 2, rows: [["first"], ['7 "x"']], schema }));
  const python = { name: "python", type: "PYTHON", content: "print('a\\n\\nb')" };
  expect(await ran(python)).toEqual(finished({ rowCount: 3, rows: [["a"], [""], ["b"]], schema }));
  expect(await ran({ ...shell, name: "silent", content: "true" })).toEqual(
    finished({ rowCount: 0, rows: [], schema }),
  );
  const own = { ...shell, name: "own", content: "who=me; echo ${who}" };
  expect(await ran(own, { k: 7 })).toEqual(finished({ rowCount: 1, rows: [["me"]], schema }));
});

test("SQL leaves the rows of its last statement under columns with their types", async () => {
  const content =
    "create temp table t (n int); insert into t values (1); select n, null::text as x, '{1}'::int[] as l from t";
  const rds = { name: "rds", type: "RDSSQL", connectionName: "warehouse", content };
  expect(await ran(rds)).toEqual(
    finished({
      rowCount: 1,
      rows: [["1", null, "{1}"]],
      schema: [{ n: "int4" }, { x: "text" }, { l: "other" }],
    }),
  );
  expect(await ran({ ...rds, name: "none", content: "create temp table t (n int)" })).toEqual(
    finished({ rowCount: 0, rows: [], schema: [] }),
  );
});

test("of many rows the first ones are left, and it is said how many", async () => {
  const script = { name: "many", type: "DLISQL", content: "select i from range(2500) t(i)" };
  const { status, results } = await ran(script);
  expect(status).toBe("FINISHED");
  expect(results[0]).toMatchObject({ rowCount: 2500, message: expect.stringContaining("2500") });
  expect(results[0].rows).toHaveLength(1000);
});

test("a script that fails says why", async () => {
  const failed = (message: RegExp) => ({
    ...{ status: "FAILED", results: [], result: [] },
    message: expect.stringMatching(message),
  });
  const shell = { name: "bad", type: "Shell", content: "echo no >&2; exit 3" };
  expect(await ran(shell)).toEqual(failed(/^exit code 3: no$/));
  expect(await ran({ name: "bad-sql", type: "DLISQL", content: "select x" })).toEqual(failed(/"x"/));
  const nowhere = { name: "nowhere", type: "RDSSQL", content: "select 1", connectionName: "nowhere" };
  expect(await ran(nowhere)).toEqual(failed(/"nowhere" does not exist/));
  expect(await ran({ name: "presto", type: "PRESTO", content: "select 1" })).toEqual(failed(/PRESTO/));
  expect(await ran({ name: "empty", type: "Shell", content: "" })).toEqual(failed(/nothing to run/));
});

test("a run that is stopped ends, and one that has ended stays as it is", async () => {
  const run = await start({ name: "long", type: "Shell", content: "sleep 1000" });
  await reached(run, ["RUNNING"]);
  await ask("POST", `${run}/stop`);
  const stopped = await reached(run, ENDED);
  expect(stopped).toMatchObject({ status: "FAILED", message: expect.any(String), results: [] });
  await ask("POST", `${run}/stop`);
  expect(await ask("GET", run)).toEqual(stopped);
});
