/** Several `azalai serve` on one database: parted roles, and work that moves on when a server dies, is cut off or stops. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { findMarker, listProcesses } from "../src/operators/process-table.ts";
import { testDatabase } from "./setup/postgres.ts";
import { startProxy } from "./setup/proxy.ts";
import { type Service, type ServiceOptions, startService } from "./setup/service.ts";

vi.setConfig({ testTimeout: 120_000 });

const WAIT = { timeout: 30_000, interval: 50 };
const LEASE = { AZALAI_LEASE_SECONDS: "3", AZALAI_BEAT_SECONDS: "1", AZALAI_DRAIN_SECONDS: "0" };

async function setup() {
  const { pool, connection } = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), "azalai-several-"));
  await chmod(folder, 0o777);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const dataDir = join(folder, "data");
  const serve = async (roles: string, env: ServiceOptions["env"] = {}) => {
    const proxy = await startProxy(connection);
    const service = await startService({
      dataDir,
      env: { ...LEASE, AZALAI_DATABASE_URL: proxy.url, AZALAI_ROLES: roles, ...env },
    });
    onTestFinished(async () => void (await service.stop()));
    return { ...service, proxy };
  };
  return { pool, folder, serve };
}

/** Saves a job of one Shell node and gives what runs it. */
async function saveJob(
  service: Service,
  name: string,
  statement: string,
  schedule: object = { type: "EXECUTE_ONCE" },
) {
  const token = await service.token();
  const call = async (path: string, body: object) => {
    const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}${path}`, {
      method: "POST",
      headers: { "x-auth-token": token, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(answer.ok, path).toBe(true);
    return answer;
  };
  const location = { x: 0, y: 0 };
  await call("/jobs", {
    name,
    processType: "BATCH",
    schedule,
    nodes: [{ name: "a", type: "Shell", location, properties: [{ name: "statement", value: statement }] }],
  });
  return {
    run: async () => {
      const answer = await call(`/jobs/${name}/run-immediate`, {});
      return ((await answer.json()) as { instanceId: number }).instanceId;
    },
    operate: (act: "start" | "stop") => call(`/jobs/${name}/${act}`, {}),
  };
}

function processesWith(word: string): number[] {
  return listProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => {
      try {
        return findMarker(pid) !== undefined && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(word);
      } catch {
        return false; // it has ended
      }
    });
}

test("each role is on a server of its own, and work moves to another when its own is killed, cut off, or stopped", async () => {
  const { pool, folder, serve } = await setup();
  const mark = `600.${randomBytes(4).readUInt32BE()}`;
  const running = () => processesWith(mark).length;
  const first = join(folder, "first");
  const api = await serve("api");
  const [pooled] = await Promise.all([
    serve("worker", { AZALAI_DATABASE_POOLED: "true" }),
    serve("scheduler"),
  ]);
  // Asked on one server, planned on another, run on a third.
  const cron = { expression: "* * * * * ?", expressionTimeZone: "UTC", startTime: "2020-01-01T00:00:00+00" };
  const planned = await saveJob(api, "planned", "true", { type: "CRON", cron });
  await planned.operate("start");
  const done = async () =>
    (await pool.query("select from instance where origin = 'schedule' and state = 'succeeded'")).rowCount;
  await expect.poll(done, WAIT).toBeGreaterThan(0);
  await planned.operate("stop");

  // The first try lasts; every other finds its file and ends.
  const moves = await saveJob(api, "moves", `test -e ${first} && exit 0; touch ${first}; sleep ${mark}`);
  const run = async () => {
    await rm(first, { force: true });
    const id = await moves.run();
    await expect.poll(running, WAIT).toBe(1);
    return id;
  };
  const movedOn = async (id: number, counts: object) => {
    const find = async () =>
      (await pool.query("select state, attempt, losses, tries from node_run where instance_id = $1", [id]))
        .rows[0];
    await expect.poll(find, WAIT).toEqual({ state: "succeeded", attempt: 2, tries: 0, ...counts });
    await expect.poll(running, WAIT).toBe(0);
  };
  const registered = (count: number) =>
    expect.poll(async () => (await pool.query("select from server")).rowCount, WAIT).toBe(count);

  const killed = await run();
  await pooled.kill();
  const second = await serve("worker");
  await movedOn(killed, { losses: 1 });
  await registered(3);

  const cut = await run();
  const third = await serve("worker");
  second.proxy.stall();
  await movedOn(cut, { losses: 1 });
  expect(second.log()).toContain("database-silent");

  const stopped = await run();
  second.proxy.resume();
  await registered(4);
  expect(await third.stop()).toBe(0);
  await movedOn(stopped, { losses: 0 });
  await registered(3);
});
