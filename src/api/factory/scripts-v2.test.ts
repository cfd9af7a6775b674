/** Scripts of v2 over HTTP. */
import { expect, test } from "vitest";
import { factoryWorld, PROJECT } from "../../../test/setup/factory.ts";

const SCRIPTS = `/v2/${PROJECT}/factory/scripts`;
const SHELL = { name: "s", type: "Shell", content: "echo 1" };

test("a script is listed without its text, under the names of v2, and what was not sent stays absent", async () => {
  const { ok, clock } = await factoryWorld();
  await ok("POST", "/scripts", { role: "member", body: SHELL });
  const members = { directory: "/d", database: "db", description: "x", owner: "somebody" };
  const body = {
    ...members,
    ...{ name: "full", type: "DLISQL", content: "select 1", connectionName: "c", queueName: "q" },
    configuration: { "a.bigKey": "c" },
    unknownMember: 1,
  };
  await ok("POST", "/scripts", { body });
  const modify_time = clock.now.getTime();
  const id = expect.stringMatching(/^\d+$/);
  expect((await ok("GET", SCRIPTS, { role: "reader" })).json).toEqual({
    total: 2,
    scripts: [
      {
        ...members,
        ...{ id, name: "full", type: "DLISQL", connection_name: "c", queue_name: "q" },
        ...{ create_user: "manager-user", modify_time, version: 1 },
        configuration: { "a.bigKey": "c" },
      },
      {
        ...{ id, name: "s", type: "Shell", create_user: "member-user", owner: "member-user" },
        ...{ modify_time, version: 1 },
      },
    ],
  });
});

test("scripts are listed newest first, by a part of the name, in pages", async () => {
  const { ok, call } = await factoryWorld();
  for (const name of ["daily_1", "daily_2", "Weekly"])
    await ok("POST", "/scripts", { body: { ...SHELL, name } });
  const list = async (query: string, workspace?: string) => {
    const { json } = await ok("GET", `${SCRIPTS}${query}`, workspace === undefined ? {} : { workspace });
    return [json.total, ...json.scripts.map(({ name }: { name: string }) => name)];
  };
  expect(await list("")).toEqual([3, "Weekly", "daily_2", "daily_1"]);
  expect(await list("?script_name=daily")).toEqual([2, "daily_2", "daily_1"]);
  expect(await list("?limit=1&offset=2")).toEqual([3, "daily_1"]);
  expect(await list("?limit=100&offset=100")).toEqual([3]);
  expect(await list("", "w2")).toEqual([0]);
  for (const query of ["limit=0", "limit=101", "limit=x", "offset=-1"])
    expect(await call("GET", `${SCRIPTS}?${query}`)).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
});

test("an unknown workspace is missing in the words of v2", async () => {
  const { call } = await factoryWorld({ workspacesOnFirstUse: false });
  expect(await call("GET", SCRIPTS, { workspace: "w9" })).toMatchObject({
    status: 400,
    json: { error_code: "DLF.20819" },
  });
});
