/** The examples of docs/schedules.md and docs/dependencies.md, run; and their tables, held against the code. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readJobSettings, SETTING_DEFAULTS } from "../src/domain/job-settings.ts";
import { factoryWorld } from "./setup/factory.ts";

const page = (name: string) => readFile(join(import.meta.dirname, "../docs", name), "utf8");

async function examplesOf(name: string) {
  return [...(await page(name)).matchAll(/```json\n(.*?)```/gs)].map(([, block = ""]) => JSON.parse(block));
}

test("the requests of schedules.md are taken, and the preview is what the page says", async () => {
  const { ok } = await factoryWorld();
  const [job, asked, answered, calendar, freeze, ...others] = await examplesOf("schedules.md");
  expect(others).toEqual([]);
  await ok("POST", "/jobs", { body: job });
  await ok("POST", `/jobs/${job.name}/start`, {
    body: { start_date: 20261201, ignore_first_self_dep: true },
  });
  expect((await ok("POST", "/api/schedules/preview", { body: asked })).json).toEqual(answered);
  await ok("POST", "/api/calendars", { body: calendar });
  await ok("POST", "/jobs", {
    body: {
      ...job,
      name: "by-calendar",
      basicConfig: { customFields: { "azalai.calendar": calendar.name } },
    },
  });
  const { id } = (await ok("POST", `/api/jobs/${job.name}/freezes`, { body: freeze })).json;
  await ok("POST", `/api/jobs/${job.name}/freezes/${id}/lift`, { body: { skip: true } });
});

test("the table of settings has every key, with the default that counts", async () => {
  const text = await page("schedules.md");
  const rows = [...text.matchAll(/^\| `(azalai\.\w+)` \| (.*?) \| (.*?) \|$/gm)];
  const own = Object.keys(SETTING_DEFAULTS).filter((key) =>
    rows.some(([, field]) => field === `azalai.${key}`),
  );
  expect(own).toEqual([
    "missingHour",
    "repeatedHour",
    "catchUp",
    "catchUpSeconds",
    "overlap",
    "overlapPolicy",
  ]);
  for (const [, field = "", values = "", absent = ""] of rows) {
    const given = absent.replaceAll("`", "");
    if (given !== "every day")
      expect(readJobSettings({ [field]: given }).settings).toEqual({
        [field.slice("azalai.".length)]: SETTING_DEFAULTS[field.slice("azalai.".length) as "catchUp"],
      });
    for (const [, word = ""] of values.matchAll(/`(\w+)`/g))
      expect(readJobSettings({ [field]: word }).problems).toEqual([]);
  }
});

test("a report of a day waits for the hours of that day and the report before, as dependencies.md says", async () => {
  const { ok, call, clock, engine, pool, startEngine } = await factoryWorld();
  const [report, detailed, ...others] = await examplesOf("dependencies.md");
  expect(others).toEqual([]);
  expect(await call("POST", "/jobs", { body: report })).toMatchObject({ json: { error_code: "DLF.0100" } });
  const load = (name: string) => ({
    ...report,
    name,
    schedule: { type: "CRON", cron: { expression: "0 0 * * * ?", startTime: "2026-01-01T00:00:00Z" } },
  });
  await ok("POST", "/jobs", { body: load("hourly-load") });
  await ok("POST", "/jobs", { body: load("prices"), workspace: "market" });
  await ok("POST", "/jobs", { body: report });
  const { cron } = report.schedule;
  const waiting = {
    ...report,
    name: "other",
    schedule: { type: "CRON", cron: { ...cron, dependJobs: detailed } },
  };
  await ok("POST", "/jobs", { body: waiting });
  clock.now = new Date("2026-11-23T23:45:00Z");
  await startEngine();
  for (const name of ["hourly-load", report.name, "other"])
    await ok("POST", `/jobs/${name}/start`, { body: {} });
  await ok("POST", "/jobs/prices/start", { body: {}, workspace: "market" });
  clock.now = new Date("2026-11-24T00:00:01Z");
  engine.wake();
  await expect
    .poll(async () => (await ok("GET", "/api/plan?job=hourly-load")).json.lines)
    .toMatchObject([{ instanceState: "succeeded" }]);
  clock.now = new Date("2026-11-24T00:30:01Z");
  engine.wake();
  const waits = async () =>
    (
      await pool.query(
        `select j.name, w.state, count(*)::integer as count from instance_wait w join job j on j.id = w.upstream_id
         join instance i on i.id = w.instance_id where i.job_name = $1 group by 1, 2 order by 1, 2`,
        [report.name],
      )
    ).rows;
  await expect.poll(waits).toEqual([
    { name: "hourly-load", state: "met", count: 1 },
    { name: "hourly-load", state: "open", count: 23 },
  ]);
  await expect
    .poll(async () => (await ok("GET", `/api/plan?job=${report.name}`)).json.lines)
    .toMatchObject([{ state: "started", instanceState: "waiting" }]);
});
