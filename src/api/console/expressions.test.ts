/** Expressions tried over HTTP: the examples of docs/expressions.md, a job's own world, refusals. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the language under test writes its parameters so.
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { factoryWorld, jobBody } from "../../../test/setup/factory.ts";

const PATH = "/api/expressions/evaluate";

test("the examples of docs/expressions.md give what they say", async () => {
  const page = await readFile(new URL("../../../docs/expressions.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text = ""]) => JSON.parse(text));
  expect(examples.length).toBeGreaterThan(8);
  const { ok } = await factoryWorld();
  for (const { result, ...body } of examples)
    expect((await ok("POST", PATH, { role: "reader", body })).json, body.text).toEqual({ result });
});

test("a job's parameters, zone and the workspace's variables are seen; those of the request win", async () => {
  const { ok } = await factoryWorld();
  const params = [
    { name: "table", value: "t_#{Job.getPlanTime('HH')}" },
    { name: "mode", value: "full" },
  ];
  const schedule = {
    type: "CRON",
    cron: { expression: "0 0 4 * * ?", expressionTimeZone: "GMT+8", startTime: "2026-01-01T00:00:00+08" },
  };
  await ok("POST", "/jobs", { body: jobBody("nightly", { params, schedule }), workspace: "w" });
  const body = {
    text: "#{Job.name} ${table} ${mode}",
    job: "nightly",
    parameters: { mode: "quick" },
    planTime: "2026-03-01T20:00:00Z",
  };
  expect((await ok("POST", PATH, { body, workspace: "w" })).json).toEqual({ result: "nightly t_04 quick" });
});

test.each([
  [{ text: "a #{1 +} #{Jo.b}" }, 400, "expression-invalid", "character 12"],
  [{ text: "#{1 / 0}" }, 400, "expression-invalid", "division by zero"],
  [{ text: "#{Job.name}", job: "none" }, 404, "job-missing", "none"],
  [{ text: "#{Job.getPlanTime('yyyy')}", zone: "Mars/Base" }, 400, "schedule-invalid", "Mars/Base"],
  [{ text: "x", condition: true }, 400, "expression-invalid", "neither true nor false"],
  [{ text: "x", planTime: "yesterday" }, 400, "request-invalid", "planTime"],
  [{ text: "x", loop: { dataArray: [[1]], offset: 1 } }, 400, "request-invalid", "no row 1"],
  [{ text: "x", unheard: 1 }, 400, "request-invalid", "unheard"],
  [{ text: "#{OBSUtil.isExistOBSPath('nowhere')}" }, 400, "reference-invalid", "obs://"],
])("%j is refused", async (body, status, code, said) => {
  const { call } = await factoryWorld();
  const answer = await call("POST", PATH, { body });
  expect(answer).toMatchObject({ status, json: { code } });
  expect(JSON.stringify(answer.json)).toContain(said);
});
