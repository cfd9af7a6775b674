/** Retention through the console's API: who may see and set what, and an application that lets history go. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { createHistoryKeeper } from "../../engine/history.ts";

const DAY_MS = 24 * 3600_000;

test("the project's own days go before those of the installation, and these before the product's", async () => {
  const { ok } = await factoryWorld();
  const show = async () => (await ok("GET", "/api/retention", { role: "reader" })).json;
  expect(await show()).toEqual({
    policy: { history: 90, logs: 30, ledger: 366, acts: 366 },
    project: {},
    installation: {},
  });
  await ok("PUT", "/api/retention/installation", { role: "admin", body: { history: 10, logs: 5 } });
  const set = await ok("PUT", "/api/retention/project", { role: "admin", body: { history: 0 } });
  expect(set.json).toEqual({
    policy: { history: 0, logs: 5, ledger: 366, acts: 366 },
    project: { history: 0 },
    installation: { history: 10, logs: 5 },
  });
  await ok("PUT", "/api/retention/project", { role: "admin", body: {} });
  expect((await show()).policy.history).toBe(10);
  const { acts } = (await ok("GET", "/api/acts?kind=retention")).json;
  expect(acts.map(({ object, detail }: { object: object; detail: object }) => ({ object, detail }))).toEqual([
    { object: { kind: "retention", id: "project" }, detail: {} },
    { object: { kind: "retention", id: "project" }, detail: { history: 0 } },
    { object: { kind: "retention", id: "installation" }, detail: { history: 10, logs: 5 } },
  ]);
});

test("days that are none are refused by name", async () => {
  const { call } = await factoryWorld();
  for (const body of [
    { history: -1 },
    { logs: 1.5 },
    { ledger: "7" },
    { acts: 40_000 },
    { everything: 1 },
    [],
  ])
    expect(
      await call("PUT", "/api/retention/project", { role: "admin", body }),
      JSON.stringify(body),
    ).toMatchObject({ status: 400, json: { code: "request-invalid" } });
});

test("only an administrator sees what would go, and lets it go", async () => {
  const { ok, call, clock, startEngine, ended, pool } = await factoryWorld();
  const deps = { pool, now: () => clock.now, observe: () => undefined, periodDays: 7 };
  const keeper = createHistoryKeeper(deps);
  keeper.start();
  await keeper.round();
  await startEngine();
  await ok("POST", "/jobs", { body: jobBody("j") });
  const { instanceId } = (await ok("POST", "/jobs/j/run-immediate")).json;
  await ended(instanceId);
  clock.now = new Date(clock.now.getTime() + 7 * DAY_MS);
  await keeper.round();
  clock.now = new Date(clock.now.getTime() + 91 * DAY_MS);
  await keeper.round();
  await keeper.stop();
  for (const [method, path] of [
    ["GET", "/api/retention/expired"],
    ["POST", "/api/retention/apply"],
    ["PUT", "/api/retention/installation"],
  ] as const)
    expect((await call(method, path, { role: "manager" })).status, path).toBe(403);
  const found = (await ok("GET", "/api/retention/expired", { role: "admin" })).json;
  expect(found).toMatchObject({ held: [], expired: [{ kind: "period", projectId: null, rows: 1 }] });
  const { expired } = (await ok("POST", "/api/retention/apply", { role: "admin" })).json;
  expect(expired).toMatchObject([{ kind: "period", rows: 1, removed: true }]);
  expect((await call("GET", `/api/instances/${instanceId}`)).status).toBe(404);
  expect((await pool.query("select from instance where project_id = $1", [PROJECT])).rowCount).toBe(0);
});

test("the examples of the page on retention are as it says", async () => {
  const { ok } = await factoryWorld();
  const page = await readFile("docs/retention.md", "utf8");
  const [installation, project, answer] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text = ""]) =>
    JSON.parse(text),
  );
  await ok("PUT", "/api/retention/installation", { role: "admin", body: installation });
  await ok("PUT", "/api/retention/project", { role: "admin", body: project });
  expect((await ok("GET", "/api/retention")).json).toEqual(answer);
});
