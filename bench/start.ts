/** From the command to ready: on a new data folder and on an existing one; memory of the idle service. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const CLI = join(import.meta.dirname, "..", "src", "cli", "cli.ts");
const IDLE_MS = 10_000;
const ROUNDS = 5;

/** Prints both times to `/readyz`, and the resident memory after some idle seconds; the baseline is a bare `node`. */
export async function benchStart(): Promise<void> {
  const fresh: number[] = [];
  const again: number[] = [];
  const memoryMib: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const dataDir = await mkdtemp(join(tmpdir(), "azalai-start-"));
    fresh.push((await startOnce(dataDir, 0)).readyMs);
    const second = await startOnce(dataDir, round === 0 ? IDLE_MS : 0);
    again.push(second.readyMs);
    if (second.residentMib !== undefined) memoryMib.push(second.residentMib);
    await rm(dataDir, { recursive: true, force: true });
  }
  const node = await Promise.all(Array.from({ length: 1 }, startNode));
  console.log(`\nStart to ready   (baseline: node -e 0, ${node[0]?.toFixed(0)} ms)`);
  console.log(`  new data folder       ${describe(fresh)}`);
  console.log(`  existing data folder  ${describe(again)}`);
  console.log(`  idle resident memory of the service's process  ${memoryMib[0]?.toFixed(0)} MiB`);
}

async function startOnce(
  dataDir: string,
  idleMs: number,
): Promise<{ readyMs: number; residentMib?: number }> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [...process.execArgv, CLI, "serve", "--no-demo", "--data-dir", dataDir, "--port", String(port)],
    { stdio: "ignore" },
  );
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`);
    await wait(5);
  }
  const readyMs = performance.now() - began;
  await wait(idleMs);
  const residentMib = idleMs > 0 ? await residentOf(child.pid ?? 0) : undefined;
  child.kill("SIGTERM");
  await once(child, "exit");
  return residentMib === undefined ? { readyMs } : { readyMs, residentMib };
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  } catch {
    return false;
  }
}

async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function startNode(): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, ["-e", "0"], { stdio: "ignore" }), "exit");
  return performance.now() - began;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

function describe(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (place: number) => (sorted[place] ?? Number.NaN).toFixed(0);
  return `median ${at(sorted.length >> 1)} ms, from ${at(0)} to ${at(sorted.length - 1)} ms (${sorted.length} starts)`;
}
