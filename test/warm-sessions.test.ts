/** Warm sessions from the outside: the jobs that docs/operators.md shows, and what a user may ask for and may not. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ServedFolder, serveFolder } from "./setup/cli.ts";

// Each command is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let served: ServedFolder;

beforeAll(async () => {
  served = await serveFolder();
});

afterAll(() => served.close());

async function save(job: { readonly name: string }) {
  return await served.azalai(["jobs", "create", "-"], { stdin: JSON.stringify(job) });
}

/** The outputs of the job's nodes in their order. */
async function outputs(job: { readonly name: string }): Promise<unknown[]> {
  expect(await save(job)).toMatchObject({ code: 0 });
  const { stdout } = await served.azalai(["--json", "jobs", "run", job.name, "--wait"]);
  const instance: { nodes: { output: unknown }[] } = JSON.parse(stdout);
  return instance.nodes.map(({ output }) => output);
}

function job(name: string, customFields: object, nodes: readonly object[]) {
  const schedule = { type: "EXECUTE_ONCE" };
  return { name, processType: "BATCH", schedule, basicConfig: { customFields }, nodes };
}

function node(name: string, type: string, statement: string, more: Readonly<Record<string, string>> = {}) {
  const given = { statementOrScript: "STATEMENT", statement, connectionName: "warehouse", ...more };
  const properties = Object.entries(given).map(([key, value]) => ({ name: key, value }));
  return { name, type, location: { x: 0, y: 0 }, properties };
}

test("the example in the documents runs", async () => {
  const page = await readFile("docs/operators.md", "utf8");
  const [, example = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  expect(await outputs(JSON.parse(example))).toEqual(["0.3", '[["1"]]']);
});

test("a job's nodes share sessions as it says, and a node may say otherwise", async () => {
  const prepared = "import sys\nprint('decimal' in sys.modules)";
  const which = "select pg_backend_pid()";
  const fields = { "azalai.session": "warm", "azalai.preload": "decimal" };
  const nodes = [
    node("a", "Python", prepared),
    node("b", "Python", prepared, { "azalai.session": "clean" }),
    { ...node("c", "RDSSQL", which), preNodeName: ["b"] },
    { ...node("d", "RDSSQL", which), preNodeName: ["c"] },
    { ...node("e", "RDSSQL", which, { "azalai.session": "clean" }), preNodeName: ["d"] },
  ];
  const seen = await outputs(job("sharing", fields, nodes));
  expect(seen.slice(0, 2).sort()).toEqual(["False", "True"]);
  expect(seen[3]).toBe(seen[2]);
  expect(seen[4]).not.toBe(seen[2]);
});

test.each([
  ["a job", job("odd", { "azalai.session": "hot" }, []), "azalai.session: must be one of clean, warm"],
  [
    "a node",
    job("odd", {}, [node("a", "Python", "", { "azalai.session": "hot" })]),
    "azalai.session: must be one of clean, warm",
  ],
  [
    "a list of modules",
    job("odd", { "azalai.preload": "os; import sys" }, []),
    "azalai.preload: must be names of at most 16 Python modules",
  ],
])("%s that asks for what there is not is refused", async (_, odd, complaint) => {
  expect(await save(odd)).toMatchObject({ code: 1, stderr: expect.stringContaining(complaint) });
});
