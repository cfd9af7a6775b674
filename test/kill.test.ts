/** A service that is killed again and again while it works: nothing that it accepted is lost, and nothing is done twice. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { listProcesses } from "../src/operators/process-table.ts";
import { openEmbedded } from "../src/store/embedded.ts";
import { type Service, startService } from "./setup/service.ts";

const KILLS = 20;
const RUNS = 200;
const RUNS_PER_LIFE = RUNS / KILLS;
/** A life ends at a random moment up to so long after its service has said that it listens. */
const LIFE_MS_MAX = 1_200;
const SEED = 20_261_123;
const TIMEOUT_MS = 120_000;

/** In the environment of the service and the words of its nodes' commands: what shows it is of this test. */
const MARK = randomBytes(6).readUIntBE(0, 6).toString().padStart(15, "0");

/** Places of a job's 15 nodes, those before each; layers of three to five, a chain, and a fan. */
const SHAPES: readonly (readonly (readonly number[])[])[] = [
  [[], [], [], [0], [0, 1], [1, 2], [2], [3, 4], [5, 6], [7], [7, 8], [8], [9], [10, 11], [12, 13]],
  [[], ...Array.from({ length: 14 }, (_, place) => [place])],
  [[], ...Array.from({ length: 13 }, () => [0]), Array.from({ length: 13 }, (_, place) => place + 1)],
];
/** What it leaves in the background is ended with it, also when that is by a kill of the service. */
const SCRIPT = `sleep 600.${MARK} > /dev/null 2>&1 &\nsleep 0.05${MARK}\n`;
/** Places that run a command; the others are `Dummy`. */
const SHELLS = [1, 6, 11];

test(
  "killed twenty times, the service ends every run that it accepted, each node once, and leaves no process",
  async () => {
    const random = seeded(SEED);
    process.env.KILL_TEST_MARK = MARK;
    let service = await startService();
    onTestFinished(async () => service.remove());
    const { dataDir, credentials } = service;
    await saveJobs(service);
    const accepted: number[] = [];
    const met: MetProcess[] = [];
    for (let life = 0; life < KILLS; life += 1) {
      const calls = runJobs(service, RUNS_PER_LIFE, accepted);
      await wait(random() * LIFE_MS_MAX);
      met.push(...findProcesses());
      await service.kill();
      await calls;
      service = await startService({ dataDir });
    }
    while (accepted.length < RUNS) await runJobs(service, RUNS - accepted.length, accepted);
    expect(service.credentials).toEqual(credentials);

    await withDatabase(dataDir, async (database) => {
      const unended = "select count(*)::int as left from instance where ended_at is null";
      await expect
        .poll(async () => (await database.query(unended)).rows, { timeout: TIMEOUT_MS, interval: 200 })
        .toEqual([{ left: 0 }]);
      await checkInstances(database, accepted);
      await checkNodes(database);
    });
    met.push(...findProcesses());
    await service.remove();
    expect(findProcesses()).toEqual([]);
    expect(met.filter((one) => startOf(one.pid) === one.start)).toEqual([]);
    expect(met.some(({ words }) => words.includes(`sleep 600.${MARK}`))).toBe(true);
  },
  TIMEOUT_MS,
);

/** Numbers from 0 to below 1, always the same ones (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function saveJobs(service: Service): Promise<void> {
  for (const [shape, nodes] of SHAPES.entries())
    expect(
      await post(service, "/jobs", {
        name: `shape${shape}`,
        processType: "BATCH",
        schedule: { type: "EXECUTE_ONCE" },
        nodes: nodes.map((before, place) => ({
          name: `n${place}`,
          location: { x: place, y: 0 },
          preNodeName: before.map((one) => `n${one}`),
          ...(SHELLS.includes(place)
            ? { type: "Shell", properties: [{ name: "statement", value: SCRIPT }] }
            : { type: "Dummy", properties: [] }),
        })),
      }),
    ).toMatchObject({ status: 204 });
}

/** Asks for so many runs at once, and adds the ids of those that were accepted; a call may die with its service. */
async function runJobs(service: Service, count: number, accepted: number[]): Promise<void> {
  const token = await service.token().catch(() => undefined);
  if (token === undefined) return;
  const calls = Array.from({ length: count }, async (_, run) => {
    const path = `/jobs/shape${run % SHAPES.length}/run-immediate`;
    const { status, text } = await post(service, path, {}, token);
    expect({ status, text }).toMatchObject({ status: 200 });
    accepted.push(JSON.parse(text).instanceId);
  });
  for (const end of await Promise.allSettled(calls))
    if (end.status === "rejected" && !(end.reason instanceof TypeError)) throw end.reason;
}

async function post(service: Service, path: string, body: unknown, token?: string) {
  const answer = await fetch(`${service.url}/v1/${service.credentials.projectId}${path}`, {
    method: "POST",
    headers: { "x-auth-token": token ?? (await service.token()), "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

/** The service's own database, seen past the service. */
async function withDatabase(dataDir: string, look: (database: Client) => Promise<void>): Promise<void> {
  const server = await openEmbedded(join(dataDir, "postgres"), () => undefined);
  const client = new Client(server.connection);
  try {
    await client.connect();
    await look(client);
  } finally {
    await client.end();
    await server.stop();
  }
}

async function checkInstances(database: Client, accepted: readonly number[]): Promise<void> {
  const { rows } = await database.query<{ id: string; state: string; nodes: number }>(
    `select i.id, i.state, count(n)::int as nodes from instance i
     left join node_run n on n.project_id = i.project_id and n.instance_id = i.id
     group by i.project_id, i.id`,
  );
  const odd = rows.filter(({ state, nodes }) => state !== "succeeded" || nodes !== 15);
  expect(odd).toEqual([]);
  expect(new Set(accepted).size).toBe(RUNS);
  expect(rows.map(({ id }) => Number(id))).toEqual(expect.arrayContaining([...accepted]));
}

/** Every node run succeeded, and every earlier try of it was lost with its service: none ended twice. */
async function checkNodes(database: Client): Promise<void> {
  const { rows: odd } = await database.query(
    `select n.instance_id, n.node_no, n.state, n.attempt, n.losses, a.outcomes from node_run n
     left join lateral (
       select coalesce(array_agg(outcome order by attempt), '{}') as outcomes, count(*) as lost from attempt
       where project_id = n.project_id and instance_id = n.instance_id and node_no = n.node_no and outcome = 'lost'
     ) a on true
     where n.state <> 'succeeded' or n.attempt <> n.losses + 1 or a.lost <> n.losses or n.tries <> 0
       or n.message is not null and n.losses = 0
     limit 10`,
  );
  expect(odd).toEqual([]);
  const { rows: others } = await database.query("select * from attempt where outcome <> 'lost' limit 10");
  expect(others).toEqual([]);
  const { rows: early } = await database.query(
    `select s.instance_id, s.node_no from node_run p
     join node_run s on s.project_id = p.project_id and s.instance_id = p.instance_id
       and s.node_no = any (p.successors)
     where s.started_at < p.ended_at limit 10`,
  );
  expect(early).toEqual([]);
  const { rows } = await database.query<{ lost: number }>("select count(*)::int as lost from attempt");
  // Otherwise the kills hit nothing, and the test has shown nothing.
  expect(rows[0]?.lost).toBeGreaterThan(KILLS);
}

interface MetProcess {
  readonly pid: number;
  /** When it started, in ticks: a number may be given to another process later. */
  readonly start: string;
  readonly words: string;
}

/** What carries the mark in its command line or environment, and all below it: services, spawners, nodes' commands. */
function findProcesses(): MetProcess[] {
  const all = listProcesses();
  const ours = new Set(all.filter(({ pid }) => isMarked(pid)).map(({ pid }) => pid));
  for (let before = -1; before < ours.size; ) {
    before = ours.size;
    for (const { pid, parentPid } of all) if (ours.has(parentPid)) ours.add(pid);
  }
  return [...ours]
    .map((pid) => ({ pid, start: startOf(pid), words: readProcess(pid, "cmdline") }))
    .filter(({ start }) => start !== "");
}

function isMarked(pid: number): boolean {
  return ["cmdline", "environ"].some((file) => readProcess(pid, file).includes(MARK));
}

/** Empty for one that has ended, also while its parent has not collected it. */
function startOf(pid: number): string {
  const [state = "Z", ...rest] = readProcess(pid, "stat")
    .replace(/^.*\) /s, "")
    .split(" ");
  return state === "Z" || state === "X" ? "" : (rest[18] ?? "");
}

function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1").replaceAll("\0", " ");
  } catch {
    return ""; // it has ended
  }
}
