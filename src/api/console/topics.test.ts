/** Topics over HTTP: made, given targets whose secrets never come back, published to, and removed. */
import { expect, test } from "vitest";
import { factoryWorld, PROJECT } from "../../../test/setup/factory.ts";
import { openTarget } from "../../catalog/topics.ts";
import { claimDeliveries } from "../../store/notices.ts";

const SECRET = "a secret of a target";
const URL_GIVEN = "https://hooks.example/T0PSECRET?key=T0PSECRET";

async function setup() {
  const world = await factoryWorld();
  await world.ok("POST", "/api/topics", { body: { name: "nightly", description: "what runs at night" } });
  return { ...world, topic: (path = "") => `/api/topics/nightly${path}` };
}

test("a topic has its name and its URN, and is gone when it was deleted", async () => {
  const { ok, call, topic } = await setup();
  const view = {
    name: "nightly",
    urn: `urn:smn:RegionOne:${PROJECT}:nightly`,
    description: "what runs at night",
    createdAt: "2026-11-23T06:54:27.123Z",
    createdBy: "manager-user",
    targets: [],
  };
  expect((await ok("GET", topic())).json).toEqual(view);
  expect((await ok("GET", "/api/topics")).json).toEqual({ topics: [view] });
  await ok("DELETE", topic());
  expect((await ok("GET", "/api/topics")).json).toEqual({ topics: [] });
  expect(await call("GET", topic())).toMatchObject({ status: 404, json: { code: "topic-missing" } });
  expect(await call("DELETE", topic())).toMatchObject({ status: 404, json: { code: "topic-missing" } });
});

test("a name is taken once, and is one that a URN can hold", async () => {
  const { call } = await setup();
  const create = (body: object) => call("POST", "/api/topics", { body });
  expect(await create({ name: "nightly" })).toMatchObject({ status: 409, json: { code: "topic-exists" } });
  for (const name of ["", "a:b", "a b", "-a", "ä", "x".repeat(256)])
    expect(await create({ name }), name).toMatchObject({ status: 400, json: { code: "topic-invalid" } });
  expect(await create({ name: "x".repeat(255) })).toMatchObject({ status: 201 });
  expect(await create({ name: "a", more: 1 })).toMatchObject({ status: 400 });
});

test("of a target scheme and host are shown, never the rest of its address or its secret", async () => {
  const { ok, pool, topic, deps } = await setup();
  const { id } = (await ok("POST", topic("/targets"), { body: { url: URL_GIVEN, secret: SECRET } })).json;
  const shown = (await ok("GET", topic())).json;
  expect(shown.targets).toMatchObject([{ id, address: "https://hooks.example", createdBy: "manager-user" }]);
  const { rows } = await pool.query("select t::text as row, sealed from topic_target t");
  const acts = (await ok("GET", "/api/acts")).json;
  for (const text of [
    JSON.stringify(shown),
    JSON.stringify(acts),
    rows[0].row,
    rows[0].sealed.toString("latin1"),
  ]) {
    expect(text).not.toContain("T0PSECRET");
    expect(text).not.toContain(SECRET);
  }
  const sealed = rows[0].sealed;
  expect(openTarget(deps, { projectId: PROJECT, targetId: id, sealed })).toEqual({
    url: URL_GIVEN,
    secret: SECRET,
  });
  expect(() => openTarget(deps, { projectId: PROJECT, targetId: "0".repeat(32), sealed })).toThrow(
    /cannot be read/,
  );
  await ok("DELETE", topic(`/targets/${id}`));
  expect((await ok("GET", topic())).json.targets).toEqual([]);
});

test("a target must be a web address with a secret, and a topic has at most 20", async () => {
  const { ok, call, topic } = await setup();
  const add = (body: object) => call("POST", topic("/targets"), { body });
  expect(await add({ url: "ftp://x", secret: "short" })).toMatchObject({
    status: 400,
    json: {
      code: "topic-invalid",
      problems: [expect.stringContaining("url"), expect.stringContaining("secret")],
    },
  });
  expect(await add({ url: URL_GIVEN })).toMatchObject({ status: 400, json: { code: "topic-invalid" } });
  for (let count = 0; count < 20; count += 1)
    await ok("POST", topic("/targets"), { body: { url: URL_GIVEN, secret: SECRET } });
  expect(await add({ url: URL_GIVEN, secret: SECRET })).toMatchObject({
    status: 409,
    json: { code: "topic-limit" },
  });
  for (const id of ["0".repeat(32), "1"])
    expect(await call("DELETE", topic(`/targets/${id}`))).toMatchObject({
      status: 404,
      json: { code: "topic-missing" },
    });
});

test("what somebody publishes waits for each target, and its deliveries are listed", async () => {
  const { ok, call, pool, clock, topic } = await setup();
  const { id } = (await ok("POST", topic("/targets"), { body: { url: URL_GIVEN, secret: SECRET } })).json;
  const body = { subject: "a try", message: "hello" };
  expect((await ok("POST", topic("/notices"), { body, role: "member" })).json).toEqual({ targets: 1 });
  const waiting = {
    target: id,
    address: "https://hooks.example",
    state: "waiting",
    tries: 0,
    endedAt: null,
    error: null,
  };
  expect((await ok("GET", topic("/notices"), { role: "reader" })).json).toEqual({
    notices: [
      {
        id: expect.any(Number),
        subject: "a try",
        publishedAt: "2026-11-23T06:54:27.123Z",
        deliveries: [{ ...waiting, nextAt: "2026-11-23T06:54:27.123Z" }],
      },
    ],
  });
  const claims = await claimDeliveries(pool, { now: clock.now, busyUntil: clock.now, limit: 16 });
  expect(claims).toMatchObject([
    { projectId: PROJECT, targetId: id, topic: "nightly", subject: "a try", detail: {} },
  ]);
  for (const notice of [{ subject: "", message: "m" }, { subject: "s", message: "" }, { subject: "s" }])
    expect(await call("POST", topic("/notices"), { body: notice })).toMatchObject({
      status: 400,
      json: { code: "notice-invalid" },
    });
  for (const limit of ["0", "1001", "x"])
    expect(await call("GET", topic(`/notices?limit=${limit}`)), limit).toMatchObject({ status: 400 });
});

test("readers look, members publish, managers change", async () => {
  const { call, topic } = await setup();
  const status = async (method: string, path: string, role: "reader" | "member", body?: object) =>
    (await call(method, path, { role, ...(body !== undefined && { body }) })).status;
  expect(await status("GET", topic(), "reader")).toBe(200);
  expect(await status("POST", topic("/notices"), "reader", { subject: "s", message: "m" })).toBe(403);
  expect(await status("POST", topic("/notices"), "member", { subject: "s", message: "m" })).toBe(201);
  expect(await status("POST", "/api/topics", "member", { name: "other" })).toBe(403);
  expect(await status("POST", topic("/targets"), "member", { url: URL_GIVEN, secret: SECRET })).toBe(403);
  expect(await status("DELETE", topic(), "member")).toBe(403);
});

test("a target may be a mail address, one alone, where the server sends mail", async () => {
  const { ok, call, topic } = await setup();
  const add = (body: object) => call("POST", topic("/targets"), { body });
  expect(await add({ mail: "ada@example.com" })).toMatchObject({ status: 201 });
  expect((await ok("GET", topic())).json.targets).toMatchObject([{ address: "mailto:ada@example.com" }]);
  for (const body of [
    {},
    { mail: "ada@example.com, bob@example.com" },
    { mail: "ada@example.com", url: URL_GIVEN, secret: SECRET },
    { mail: "ada@example.com", secret: SECRET },
  ])
    expect(await add(body), JSON.stringify(body)).toMatchObject({
      status: 400,
      json: { code: "topic-invalid" },
    });
});
