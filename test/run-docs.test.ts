/** The examples of docs/failure-policies.md and docs/operating-runs.md, run as they stand there. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { factoryWorld } from "./setup/factory.ts";
import { type Service, startService } from "./setup/service.ts";

// A service of its own, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.remove());

/** The JSON of the page's blocks, with the words behind `json`. */
async function blocksOf(page: string) {
  const text = await readFile(join(import.meta.dirname, "../docs", page), "utf8");
  return [...text.matchAll(/```json(.*)\n([\s\S]*?)```/g)].map(([, words = "", block = ""]) => ({
    words: words.trim().split(" "),
    json: JSON.parse(block),
  }));
}

interface ExampleNode {
  readonly name: string;
  readonly type: string;
  readonly after?: readonly string[];
  readonly statement?: string;
  readonly failPolicy?: string;
  readonly conditions?: Readonly<Record<string, string>>;
}

/** Of a run that begins, and of one that is shown. */
interface RunAnswer {
  readonly instanceId: number;
  readonly status: string;
  readonly nodes: readonly { readonly nodeName: string; readonly status: string }[];
}

/** As the Factory API takes it. */
function nodeOf({ name, type, after = [], statement, failPolicy, conditions = {} }: ExampleNode) {
  return {
    name,
    type,
    location: { x: 0, y: 0 },
    preNodeName: after,
    properties:
      statement === undefined
        ? []
        : [
            { name: "statementOrScript", value: "STATEMENT" },
            { name: "statement", value: statement },
          ],
    conditions: Object.entries(conditions).map(([preNodeName, expression]) => ({ preNodeName, expression })),
    ...(failPolicy !== undefined && { failPolicy }),
  };
}

test("each example about failures comes to what the page says of it, on a running service", async () => {
  const token = await service.token();
  const send = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}/jobs${path}`, {
      method,
      headers: { "x-auth-token": token, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect(answer.status, `${path}: ${await answer.clone().text()}`).toBeLessThan(300);
    return (answer.status === 204 ? {} : await answer.json()) as Partial<RunAnswer>;
  };
  const examples = (await blocksOf("failure-policies.md")).map(({ json }) => json);
  expect(examples.length).toBeGreaterThan(5);
  for (const { name, nodes } of examples)
    await send("POST", "", {
      name,
      processType: "BATCH",
      schedule: { type: "EXECUTE_ONCE" },
      nodes: nodes.map(nodeOf),
    });
  const runs = await Promise.all(
    examples.map(async (example) => {
      const { instanceId } = await send("POST", `/${example.name}/run-immediate`, {});
      return { example, path: `/${example.name}/instances/${instanceId}` };
    }),
  );
  for (const { example, path } of runs) {
    const { name, ends, as } = example;
    await expect.poll(async () => (await send("GET", path)).status, { timeout: 30_000 }).toBe(ends);
    const { nodes = [] } = await send("GET", path);
    const states = nodes.map((node) => [node.nodeName, node.status]);
    expect({ name, as: Object.fromEntries(states) }).toEqual({ name, as });
  }
});

test("each act on a suspended run leads to the state that the page names", async () => {
  const { ok, startEngine } = await factoryWorld();
  await startEngine();
  const blocks = await blocksOf("operating-runs.md");
  const [job] = blocks.filter(({ words }) => words[0] === "job");
  await ok("POST", "/jobs", { body: job?.json });
  const acts = blocks.filter(({ words }) => words[0] === "act");
  expect(acts).toHaveLength(7);
  for (const { words, json } of acts) {
    const [, before, after] = words;
    const { instanceId } = (await ok("POST", "/jobs/nightly/run-immediate")).json;
    const show = async () => (await ok("GET", `/api/instances/${instanceId}`)).json;
    await expect.poll(async () => (await show()).state).toBe(before);
    await ok("POST", `/api/instances/${instanceId}/acts`, { role: "member", body: json });
    const settled = async () => {
      const { state, nodes } = await show();
      const moving = nodes.some((node: { state: string }) => ["ready", "running"].includes(node.state));
      return moving ? "moving" : state;
    };
    await expect.poll(settled, { message: JSON.stringify(json) }).toBe(after);
  }
  const [bulk] = blocks.filter(({ words }) => words[0] === "bulk");
  const { results, total } = (await ok("POST", "/api/instance-acts", { body: bulk?.json })).json;
  expect(total).toBe(3);
  expect(results.every(({ done }: { done: boolean }) => done)).toBe(true);
});
