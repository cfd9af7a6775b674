/** Limits through the console's API and jobs' own settings, on a real engine. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { expect, test } from "vitest";
import { FOREIGN, factoryWorld, jobBody } from "../../../test/setup/factory.ts";
import { listFullLimits } from "../../store/limits.ts";

/** On a busy machine. */
const SOON = { timeout: 15_000 };

const hold = (name: string, connection?: string) => ({
  name,
  type: "Hold",
  location: { x: 0, y: 0 },
  properties: connection === undefined ? [] : [{ name: "connectionName", value: connection }],
});

async function setup() {
  const world = await factoryWorld();
  const { ok, call, pool } = world;
  await world.startEngine();
  const run = async (name: string, body: Readonly<Record<string, unknown>>) => {
    await ok("POST", "/jobs", { body: jobBody(name, body) });
    return (await ok("POST", `/jobs/${name}/run-immediate`)).json.instanceId as number;
  };
  const running = async () =>
    (await pool.query("select from node_run where state = 'running'")).rowCount ?? 0;
  const set = (body: object, role: "manager" | "admin" = "manager") =>
    call("PUT", role === "admin" ? "/api/limits/project" : "/api/limits", { body, role });
  const limits = async () => (await ok("GET", "/api/limits", { role: "reader" })).json;
  return { ...world, run, running, set, limits };
}

test("a job runs as many nodes at a time as its setting says, whatever its instances", async () => {
  const { ok, run, running, limits, pool, engine } = await setup();
  const body = { nodes: [hold("a"), hold("b")], basicConfig: { customFields: { "azalai.slots": "3" } } };
  const id = await run("j", body);
  await ok("POST", "/jobs/j/run-immediate");
  await expect.poll(running, SOON).toBe(3);
  const [limit] = (await limits()).limits;
  expect(limit).toMatchObject({ kind: "job", name: "j", workspace: null, slots: 3, held: 3 });
  const { holders } = (await ok("GET", `/api/limits/${limit.id}/holders`, { role: "reader" })).json;
  expect(holders).toMatchObject([
    { instanceId: id, job: "j", background: false, server: `${hostname()}:${process.pid}` },
    { instanceId: id },
    {},
  ]);
  // The one that waits can say for which limit; one that runs waits for none.
  const { rows } = await pool.query(
    `select project_id as "projectId", instance_id as "instanceId", node_no as "nodeNo" from node_run where state = 'ready'`,
  );
  expect(await listFullLimits(pool, rows[0])).toEqual([limit.id]);
  expect(await listFullLimits(pool, { ...rows[0], instanceId: id })).toEqual([]);
  // A new version's number holds at once, its absence as well.
  const edit = (customFields: object) =>
    ok("PUT", "/jobs/j", { body: jobBody("j", { ...body, basicConfig: { customFields } }) });
  await edit({ "azalai.slots": "9" });
  engine.wake();
  await expect.poll(running, SOON).toBe(4);
  await edit({});
  expect((await limits()).limits).toEqual([]);
});

test("a job's first limit holds for what waits already", async () => {
  const { ok, run, running, limits, pool, held } = await setup();
  const after = (name: string) => ({ ...hold(name), preNodeName: ["a"] });
  const body = { nodes: [hold("a"), after("b"), after("c")] };
  const id = await run("j", body);
  await held.running(id, "a");
  const basicConfig = { customFields: { "azalai.slots": "1" } };
  await ok("PUT", "/jobs/j", { body: jobBody("j", { ...body, basicConfig }) });
  const [limit] = (await limits()).limits;
  expect(limit).toMatchObject({ kind: "job", slots: 1, held: 1 });
  held.letEnd(id, "a");
  const fullOf = async () => {
    const { rows } = await pool.query(
      `select project_id as "projectId", instance_id as "instanceId", node_no as "nodeNo" from node_run where state = 'ready'`,
    );
    return rows.length === 1 && (await running()) === 1 ? await listFullLimits(pool, rows[0]) : [];
  };
  await expect.poll(fullOf, SOON).toEqual([limit.id]);
});

test("limits of a workspace and a connection hold for what waits already, and are taken away", async () => {
  const { ok, call, run, running, set, limits } = await setup();
  await ok("POST", "/connections", {
    body: { name: "local", type: "RDS", config: { address: "127.0.0.1" } },
  });
  await run("first", { nodes: [hold("a", "local")] });
  await expect.poll(running, SOON).toBe(1);
  expect((await set({ connection: "local", slots: 2 })).status).toBe(204);
  await run("second", { nodes: [hold("a", "local"), hold("b", "local"), hold("free")] });
  await expect.poll(running, SOON).toBe(3);
  expect((await set({ slots: 4 })).status).toBe(204);
  expect((await limits()).limits).toMatchObject([
    { kind: "workspace", workspace: "default", name: null, slots: 4, held: 3, setBy: "manager-user" },
    { kind: "connection", workspace: "default", name: "local", slots: 2, held: 2 },
  ]);
  expect((await set({ connection: "local", slots: null })).status).toBe(204);
  await expect.poll(running, SOON).toBe(4);
  const { acts } = (await ok("GET", "/api/acts?act=set-limit")).json;
  expect(acts).toMatchObject([
    { by: "manager-user", object: { kind: "connection", id: "default/local" }, detail: { slots: null } },
    { object: { kind: "workspace", id: "default" }, detail: { slots: 4 } },
    { detail: { slots: 2 } },
  ]);
  for (const [body, code] of [
    [{ connection: "x", slots: 1 }, "connection-missing"],
    [{ slots: 0 }, "request-invalid"],
    [{ slots: 1, more: 1 }, "request-invalid"],
    [{ connection: "local" }, "request-invalid"],
  ] as const)
    expect((await set(body)).json, JSON.stringify(body)).toMatchObject({ code });
  const elsewhere = await call("PUT", "/api/limits", {
    body: { slots: 1 },
    role: "manager",
    workspace: "no",
  });
  expect(elsewhere.json).toMatchObject({ code: "workspace-missing" });
});

test("the project's limit and weight are an admin's, and no business of other projects", async () => {
  const { call, run, running, set, limits, pool } = await setup();
  expect((await set({ slots: 1, weight: 5 }, "admin")).status).toBe(204);
  expect(await limits()).toMatchObject({ weight: 5, limits: [{ kind: "project", slots: 1, held: 0 }] });
  await run("j", { nodes: [hold("a"), hold("b")] });
  await expect.poll(running, SOON).toBe(1);
  const refused = await call("PUT", "/api/limits/project", { body: { slots: 9 }, role: "manager" });
  expect(refused.status).toBe(403);
  expect((await call("PUT", "/api/limits", { body: { slots: 9 }, role: "member" })).status).toBe(403);
  expect((await set({ weight: 101 }, "admin")).json).toMatchObject({ code: "request-invalid" });
  const { rows } = await pool.query(
    `insert into slot_limit (project_id, kind, slots, set_at, set_by) values ($1, 'project', 1, now(), 'x') returning id`,
    [FOREIGN],
  );
  for (const id of [rows[0].id, 4_000_000_000, "x"])
    expect((await call("GET", `/api/limits/${id}/holders`)).json).toMatchObject({ code: "limit-missing" });
});

test("the documented job runs two nodes at a time", async () => {
  const { ok, running, limits } = await setup();
  const page = readFileSync(new URL("../../../docs/limits.md", import.meta.url), "utf8");
  const [, example = ""] = /```json\n(.*?)```/s.exec(page) ?? [];
  // Shell nodes need a real server; here they hold their slot until the end.
  await ok("POST", "/jobs", { body: JSON.parse(example.replaceAll('"Shell"', '"Hold"')) });
  await ok("POST", "/jobs/careful/run-immediate");
  await expect.poll(running, SOON).toBe(2);
  expect((await limits()).limits).toMatchObject([{ name: "careful", slots: 2, held: 2 }]);
});
