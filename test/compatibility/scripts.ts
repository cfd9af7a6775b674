/** Scripts by the SDKs: made, shown, listed, changed and deleted. */
import { expect } from "vitest";
import { NOTHING, OK, type Play, type Stage } from "./play.ts";

const SCRIPT = {
  name: "s1",
  type: "DLISQL",
  content: "select '日报'\n",
  directory: "/d",
  connection_name: "c",
  database: "b",
  queue_name: "q",
};
const SCRIPT_MISSING = { status: 400, code: "DLF.6201", message: "The script does not exist." };

async function keepScripts({ call, refusal }: Stage): Promise<void> {
  const body = {
    ...SCRIPT,
    configuration: { "a.b": "c" },
    description: "x",
    owner: "me",
    target_status: "SAVED",
    approvers: [{ approver_name: "boss" }],
  };
  expect(await call("create_script", { body: { ...body, id: "7", version: 9 } })).toEqual(NOTHING);
  const which = { script_name: "s1" };
  const shown = await call("show_script", which);
  expect(shown).toMatchObject({ ...OK, ...body, version: 1, id: expect.stringMatching(/^\d+$/) });
  await call("create_script", { body: { name: "s2", type: "PYTHON", content: "pass" } });
  expect(await call("list_scripts", { script_name: "s", limit: 1, offset: 1 })).toMatchObject({
    ...OK,
    total: 2,
    scripts: [{ ...body, id: shown.id, version: 1 }],
  });
  const changed = { ...body, content: "select 1" };
  expect(await call("update_script", { ...which, body: changed })).toEqual(NOTHING);
  expect(await call("show_script", which)).toMatchObject({ ...changed, version: 2 });
  const approvers = [{ approver_name: "boss" }];
  expect(await call("delete_script", { ...which, body: { approvers } })).toEqual(NOTHING);
  expect(await refusal("show_script", which)).toEqual(SCRIPT_MISSING);
  expect(await call("list_scripts")).toMatchObject({ total: 1, scripts: [{ name: "s2" }] });
  expect(await refusal("create_script", { body: { ...SCRIPT, name: "s2" } })).toMatchObject({
    status: 400,
    code: "DLF.0202",
  });
}

async function keepOlderScripts({ call, refusal }: Stage): Promise<void> {
  const body = { ...SCRIPT, configuration: '{"a.b":"c"}' };
  expect(await call("create_script", { body })).toEqual(NOTHING);
  const which = { script_name: "s1" };
  expect(await call("show_script", which)).toEqual({ ...OK, ...body });
  expect(await call("list_scripts")).toEqual({ ...OK, total: 1, scripts: [body] });
  const changed = { ...body, content: "select 1" };
  expect(await call("update_script", { ...which, body: changed })).toEqual(NOTHING);
  expect(await call("show_script", which)).toEqual({ ...OK, ...changed });
  expect(await call("delete_script", which)).toEqual(NOTHING);
  expect(await refusal("show_script", which)).toEqual(SCRIPT_MISSING);
}

async function listScriptHeads({ call, send, userName }: Stage): Promise<void> {
  const script = {
    name: "s1",
    type: "DLISQL",
    content: "select 1",
    directory: "/d",
    connectionName: "c",
    database: "b",
    queueName: "q",
    configuration: { "a.b": "c" },
    description: "x",
  };
  await send("POST", "/scripts", script);
  await send("POST", "/scripts", { ...script, name: "s2", owner: "me" });
  const listed = await call("list_factory_scripts", { script_name: "s", limit: 1, offset: 1 });
  expect(listed).toEqual({
    ...OK,
    total: 2,
    scripts: [
      {
        id: expect.stringMatching(/^\d+$/),
        name: "s1",
        type: "DLISQL",
        directory: "/d",
        connection_name: "c",
        database: "b",
        queue_name: "q",
        configuration: { "a.b": "c" },
        description: "x",
        create_user: userName,
        owner: userName,
        modify_time: expect.any(Number),
        version: 1,
      },
    ],
  });
  expect(await call("list_factory_scripts", { x_project_id: "ours" })).toMatchObject({
    scripts: [{ name: "s2", owner: "me" }, { name: "s1" }],
  });
}

export const scriptPlays: readonly Play[] = [
  { sdk: "dgc", about: "keeps scripts", perform: keepScripts },
  { sdk: "dlf", about: "keeps scripts", perform: keepOlderScripts },
  { sdk: "dataartsstudio", about: "lists scripts", perform: listScriptHeads },
];
