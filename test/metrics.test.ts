/** The metrics of a real service, as Prometheus fetches them: who may, and that what was done is counted. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { nodes } from "./setup/job-nodes.ts";
import { type Service, startService } from "./setup/service.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let service: Service;

beforeAll(async () => {
  service = await startService();
});

afterAll(() => service.remove());

async function scrape(token = service.credentials.metricsToken): Promise<Response> {
  return await fetch(`${service.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
}

/** The value of each series, by its name with its labels. */
async function numbers(): Promise<Map<string, number>> {
  const text = await (await scrape()).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [, name = "", value] = /^(.*) (\S+)$/.exec(line) ?? [];
      return [name, Number(value)];
    }),
  );
}

async function call(method: string, path: string, body?: unknown) {
  const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}${path}`, {
    method,
    headers: { "x-auth-token": await service.token(), "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return answer.status === 204 ? undefined : await answer.json();
}

test("only who has the token reads them; no log-in opens them", async () => {
  const wanted = await readFile(join(service.dataDir, "metrics.token"), "utf8");
  expect(service.credentials.metricsToken).toBe(wanted);
  expect((await scrape()).status).toBe(200);
  for (const token of ["", "guess", `${wanted}x`, wanted.slice(1), await service.token()])
    expect((await scrape(token)).status, token).toBe(401);
  const headers = { "x-auth-token": await service.token() };
  const answer = await fetch(`${service.url}/metrics`, { headers });
  expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
});

test("what ran, when it began, how long statements and requests took, and how much room there is", async () => {
  const job = { processType: "BATCH", nodes: nodes(["a", "Dummy"], ["b", "Dummy", "a"]) };
  const once = { ...job, name: "once", schedule: { type: "EXECUTE_ONCE" } };
  await call("POST", "/jobs", once);
  await call("POST", "/jobs/once/run-immediate");
  const cron = { expression: "* * * * * ?", expressionTimeZone: "UTC", startTime: "2020-01-01T00:00:00+00" };
  await call("POST", "/jobs", { ...job, name: "often", schedule: { type: "CRON", cron } });
  await call("POST", "/jobs/often/start");
  const inline = (outcome: string) => `azalai_attempts_total{lane="inline",outcome="${outcome}"}`;
  await vi.waitFor(
    async () => {
      const found = await numbers();
      expect(found.get("azalai_planned_run_lateness_seconds_count")).toBeGreaterThan(1);
      expect(found.get(inline("succeeded"))).toBeGreaterThanOrEqual(6);
    },
    { timeout: 60_000, interval: 200 },
  );
  await call("POST", "/jobs/often/stop");
  const found = await numbers();
  expect(found.get('azalai_instances_ended_total{state="succeeded"}')).toBeGreaterThanOrEqual(3);
  expect(found.get("azalai_dispatch_seconds_count")).toBeGreaterThan(0);
  expect(found.get('azalai_slots{lane="process"}')).toBe(16);
  expect(found.get('azalai_slots_used{lane="inline"}')).toBe(0);
  expect(found.get('azalai_ready_node_runs{lane="inline"}')).toBe(0);
  expect(found.get("azalai_servers")).toBe(1);
  expect(found.get("azalai_database_up")).toBe(1);
  expect(found.get('azalai_statements_total{statement="step"}')).toBeGreaterThan(2);
  expect(found.get("azalai_statement_seconds_sum")).toBeGreaterThan(0);
  const posted = 'azalai_http_request_seconds_count{face="factory",method="POST",status="204"}';
  expect([...found.keys()].filter((name) => name.startsWith("azalai_http_request_seconds_count"))).toContain(
    posted,
  );
  expect(found.get("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThan(0);
});

test("the numbers and alerts that the page on monitoring names are there", async () => {
  const page = await readFile("docs/monitoring.md", "utf8");
  const named = new Set(
    [...page.matchAll(/\b(azalai_[a-z_]+|nodejs_eventloop_[a-z0-9_]+)/g)].map(([, name]) => name),
  );
  expect(named.size).toBeGreaterThan(10);
  const known = [...(await numbers()).keys()].map((name) => name.replace(/\{.*/, ""));
  for (const name of named) {
    const help = known.some((one) => one === name || one.startsWith(`${name}_`));
    expect(help || (await (await scrape()).text()).includes(`# HELP ${name} `), name).toBe(true);
  }
});
