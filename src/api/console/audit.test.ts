/** The audit trail through the console's API, filled by acts on a real engine through the Factory API. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { insertActs } from "../../store/audit.ts";

test("what people did to jobs and instances is in the trail, newest first, under their names", async () => {
  const { ok, clock } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j") });
  const { instanceId } = (await ok("POST", "/jobs/j/run-immediate", { role: "member" })).json;
  await ok("POST", `/jobs/j/instances/${instanceId}/stop`, { role: "admin" });
  const { acts, next } = (await ok("GET", "/api/acts", { role: "reader" })).json;
  const { id: jobId } = (await ok("GET", "/jobs/j")).json;
  const at = clock.now.toISOString();
  expect(acts).toMatchObject([
    { by: "admin-user", act: "stop", object: { kind: "instance", id: String(instanceId) }, detail: {}, at },
    { by: "member-user", act: "run", object: { kind: "job", id: String(jobId) }, detail: { instanceId }, at },
  ]);
  expect(next).toBeNull();
});

test("an act that is refused leaves no line", async () => {
  const { ok, call } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("j", { nodes: [] }) });
  expect((await call("POST", "/jobs/j/start")).status).toBe(400);
  expect((await ok("GET", "/api/acts")).json).toEqual({ acts: [], next: null });
});

test("the trail is narrowed by object, act and person, and read in pages", async () => {
  const { ok, call, pool, clock } = await factoryWorld();
  const acts = ["ann", "bob", "ann"].map((by, id) => ({
    projectId: PROJECT,
    at: clock.now,
    by,
    act: id === 2 ? "pause" : "stop",
    object: { kind: "instance", id },
    detail: { id },
  }));
  await insertActs(pool, acts);
  const ids = async (query: string) =>
    (await ok("GET", `/api/acts?${query}`)).json.acts.map((act: { detail: { id: number } }) => act.detail.id);
  expect(await ids("by=ann")).toEqual([2, 0]);
  expect(await ids("act=stop")).toEqual([1, 0]);
  expect(await ids("kind=instance&id=1")).toEqual([1]);
  expect(await ids("kind=job")).toEqual([]);
  const first = (await ok("GET", "/api/acts?limit=2")).json;
  expect(await ids(`before=${first.next}`)).toEqual([0]);
  for (const query of ["limit=0", "limit=1001", "limit=x", "before=-1"])
    expect((await call("GET", `/api/acts?${query}`)).json, query).toMatchObject({ code: "request-invalid" });
});
