/** What it costs a server to follow work on a cluster: processor time and calls while nothing happens there. */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createClusterAdapters } from "../src/operators/cluster-adapters.ts";
import { runElsewhere } from "../src/operators/command-elsewhere.ts";
import type { Outcome, Submissions } from "../src/operators/operator.ts";
import { OPERATOR_DEFAULTS } from "../src/operators/settings.ts";

const FOLLOWED = 1_000;
const WINDOW_MS = 30_000;
/** When what is followed is asked for each second, and each two seconds. */
const AGES_MS = [30_000, 125_000];
const PERCENT = 100;

export async function benchClusters(): Promise<void> {
  const child = fork(join(import.meta.dirname, "quiet-cluster.ts"));
  try {
    await follow(await portOf(child));
  } finally {
    child.kill();
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const [port]: unknown[] = await once(child, "message");
  return Number(port);
}

async function follow(port: number): Promise<void> {
  const dashboard = `http://127.0.0.1:${port}`;
  const clusters = createClusterAdapters({ ...OPERATOR_DEFAULTS, allowedAddresses: ["loopback"] });
  const abort = new AbortController();
  const began = performance.now();
  const ends = Array.from({ length: FOLLOWED }, () => run(clusters, dashboard, abort.signal));
  console.log(`\n## ${FOLLOWED} jobs on one cluster, followed by one server, without news`);
  console.log("age     core    calls/s");
  for (const age of AGES_MS) {
    await wait(began + age - performance.now());
    const [cpu, calls] = [process.cpuUsage(), await requestsOf(dashboard)];
    await wait(WINDOW_MS);
    const { user, system } = process.cpuUsage(cpu);
    const share = ((user + system) / 1000 / WINDOW_MS) * PERCENT;
    const rate = ((await requestsOf(dashboard)) - calls) / (WINDOW_MS / 1000);
    console.log(`${`${age / 1000} s`.padEnd(7)} ${`${share.toFixed(1)} %`.padEnd(7)} ${rate.toFixed(1)}`);
  }
  abort.abort("lost");
  await Promise.all(ends);
  clusters.close();
}

async function requestsOf(dashboard: string): Promise<number> {
  return Number(await (await fetch(`${dashboard}/requests`)).text());
}

async function run(
  clusters: ReturnType<typeof createClusterAdapters>,
  dashboard: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const work = {
    ...{ projectId: "p", workspaceId: "w", instanceId: 1, nodeName: "n", type: "Shell", attempt: 1 },
    ...{ idempotencyKey: "", properties: {}, files: [], args: [], environment: {} },
    ...{ lateProperties: async () => ({}), outputForm: "rows" as const, localCommandsAllowed: true },
    cluster: { id: "c", name: "quiet", local: false, services: { ray: { dashboard } } },
  };
  const unused = () => Promise.reject(new RangeError("nothing of the kind here"));
  return await runElsewhere(clusters, { command: { command: "true", args: [] } }, work, {
    signal,
    log: () => undefined,
    background: false,
    buckets: { ...BUCKETS, open: unused },
    children: { open: unused },
    submissions: SUBMISSIONS,
    publish: unused,
  });
}

const BUCKETS = {
  list: async () => [],
  exists: async () => false,
  localPath: async () => undefined,
  write: async () => undefined,
  createFolder: async () => undefined,
  remove: async () => false,
};

const SUBMISSIONS: Submissions = {
  open: async () => ({
    key: randomBytes(16).toString("hex"),
    handle: undefined,
    submitted: false,
    logOffsets: {},
    reserved: async () => undefined,
    wasSubmitted: async () => undefined,
    noteLogs: () => undefined,
    ended: async () => undefined,
    abandoned: async () => undefined,
  }),
};
