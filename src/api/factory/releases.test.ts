/** Review over HTTP: it is off, and says so. */
import { expect, test } from "vitest";
import { factoryWorld, PROJECT } from "../../../test/setup/factory.ts";

const FACTORY = `/v2/${PROJECT}/factory`;
const NONE = { data: [], total: 0 };

test("without review there are no release packages, no pending items and no approvals", async () => {
  const { ok } = await factoryWorld();
  const filter = {
    key_word: "a",
    deploy_status_filter: [1],
    sorted_direction: "desc",
    limit: 100,
    offset: 0,
  };
  for (const body of [undefined, {}, filter, { key_word: null, limit: 1 }])
    expect((await ok("POST", `${FACTORY}/release-packages`, { role: "reader", body })).json).toEqual(NONE);
  const items = `${FACTORY}/pending-items?submit_user_name=ada&limit=100&offset=2&start_time=1`;
  expect((await ok("GET", items, { role: "reader" })).json).toEqual(NONE);
  const approvals = `${FACTORY}/workspaces/approval?begin_time=0&end_time=1795416919356&limit=1`;
  expect((await ok("GET", approvals, { role: "reader" })).json).toEqual({
    job_apply_search_list: [],
    total: 0,
  });
});

test("a wrong filter is refused although there is nothing to filter", async () => {
  const { call } = await factoryWorld();
  const refused = { status: 400, json: { error_code: "DLF.3051" } };
  for (const body of [
    { limit: 0 },
    { limit: 101 },
    { offset: -1 },
    { apply_begin_time: "1" },
    { key_word: 1 },
  ])
    expect(await call("POST", `${FACTORY}/release-packages`, { body })).toMatchObject(refused);
  for (const query of ["limit=0", "limit=101", "offset=-1", "limit=x"]) {
    expect(await call("GET", `${FACTORY}/pending-items?${query}`)).toMatchObject(refused);
    expect(await call("GET", `${FACTORY}/workspaces/approval?${query}`)).toMatchObject(refused);
  }
  expect(await call("GET", `${FACTORY}/workspaces/approval?begin_time=-1`)).toMatchObject(refused);
});

test("what names a package or an item is refused: there is none", async () => {
  const { call } = await factoryWorld();
  const body = { package_ids: ["7"], startup_mode: 1 };
  for (const [method, path, given] of [
    ["GET", "release-packages/7", {}],
    ["POST", "release-packages/deploy", { body }],
    ["POST", "release-packages/unpack", { body }],
  ] as const)
    expect(await call(method, `${FACTORY}/${path}`, given)).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051", error_msg: expect.stringContaining('no release package "7"') },
    });
  const items = { apply_user_id: "u", package_name: "p", pending_item_list: ["a", "b"], approver_ids: ["v"] };
  expect(await call("POST", `${FACTORY}/pending-items/package`, { body: items })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.3051", error_msg: expect.stringMatching(/no pending item "a"; .*"b"/) },
  });
});

test("a body without what it must have is told so", async () => {
  const { call } = await factoryWorld();
  for (const path of ["release-packages/deploy", "release-packages/unpack"])
    for (const body of [{}, { package_ids: [] }, { package_ids: "7" }])
      expect((await call("POST", `${FACTORY}/${path}`, { body })).json.error_msg).toContain("package_ids");
  expect((await call("POST", `${FACTORY}/pending-items/package`, { body: {} })).json.error_msg).toMatch(
    /apply_user_id.*package_name.*pending_item_list.*approver_ids/,
  );
});

test("an unknown workspace is told, in v2's words", async () => {
  const { call } = await factoryWorld({ workspacesOnFirstUse: false });
  expect(await call("GET", `${FACTORY}/pending-items`, { workspace: "w9" })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.20819" },
  });
});
