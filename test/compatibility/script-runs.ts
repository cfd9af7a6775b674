/** Scripts run by the SDKs of v1: begun, their rows read, stopped. */
import { expect } from "vitest";
import { eventually, NOTHING, OK, type Play, type Stage } from "./play.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function execute({ call }: Stage, name: string, params: object = {}) {
  const { http_status, instance_id } = await call("execute_script", { script_name: name, body: { params } });
  expect({ http_status, instance_id }).toEqual({ ...OK, instance_id: expect.stringMatching(UUID) });
  return { script_name: name, instance_id };
}

function finished({ call }: Stage, run: Readonly<Record<string, unknown>>, status: string) {
  return eventually(async () => {
    const result = await call("list_script_results", run);
    expect(result.status).toBe(status);
    return result;
  });
}

async function runScripts(stage: Stage): Promise<void> {
  const { call, refusal } = stage;
  const query = "select '${who}' as name, n from range(3) as t(n)";
  await call("create_script", { body: { name: "rows", type: "DLISQL", content: query } });
  const run = await execute(stage, "rows", { who: "日报" });
  const { message: _, ...result } = await finished(stage, run, "FINISHED");
  expect(result).toMatchObject({
    ...OK,
    results: [
      {
        row_count: 3,
        duration: expect.any(Number),
        message: expect.any(String),
        rows: [
          ["日报", "0"],
          ["日报", "1"],
          ["日报", "2"],
        ],
        schema: [{ name: "VARCHAR" }, { n: "BIGINT" }],
      },
    ],
  });
  await call("create_script", { body: { name: "bad", type: "Shell", content: "exit 3" } });
  const failed = await finished(stage, await execute(stage, "bad"), "FAILED");
  expect(failed.message).toMatch(/3/);
  await call("create_script", { body: { name: "long", type: "Shell", content: "sleep 3600" } });
  const long = await execute(stage, "long");
  await finished(stage, long, "RUNNING");
  expect(await call("cancel_script", long)).toEqual(NOTHING);
  await finished(stage, long, "FAILED");
  expect(await call("cancel_script", run), "one that has ended").toEqual(NOTHING);
  expect(await refusal("list_script_results", { ...run, script_name: "long" })).toMatchObject({
    status: 400,
    code: "DLF.6205",
  });
}

async function runOlderScripts(stage: Stage): Promise<void> {
  const { call } = stage;
  await call("create_script", { body: { name: "one", type: "DLISQL", content: "select 1 as n" } });
  const run = await execute(stage, "one", { a: "b" });
  const { result } = await finished(stage, run, "FINISHED");
  expect(result).toMatchObject([{ row_count: 1, message: expect.any(String) }]);
  expect(result[0].rows).toBeDefined();
  expect(result[0].schema).toBeDefined();
  expect(await call("cancel_script", run)).toEqual(NOTHING);
}

export const scriptRunPlays: readonly Play[] = [
  { sdk: "dgc", about: "runs scripts", perform: runScripts },
  { sdk: "dlf", about: "runs scripts", perform: runOlderScripts },
];
