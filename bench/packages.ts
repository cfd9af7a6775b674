/** Packages over HTTP: jobs exported a hundred at a time, and imported by one task; with the memory that each takes. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { PACKAGE_LIMITS } from "../src/domain/package.ts";
import { type ArchiveFile, openArchive, writeArchive } from "../src/store/zip-archive.ts";
import { type Measured, measure, printTable, watchMemory } from "./measure.ts";
import { type BenchService, startService } from "./service.ts";

/** The larger one shows whether memory grows with the package. */
const SIZES = [1_000, 5_000];
const ROUNDS = 3;
/** What one export may name. */
const EXPORTED_AT_ONCE = 100;
const SCRIPTS = 100;
const NODES = 10;
const CONNECTIONS = 16;
/** Between two looks at a task. The answer has a line for each object: looking often would be measured with the rest. */
const LOOK_MS = 200;
const MIB = 2 ** 20;

type Call = (method: string, path: string, workspace: string, body?: object | Buffer) => Promise<Buffer>;

export async function benchPackages(): Promise<void> {
  const service = await startService();
  try {
    const call = await createCaller(service);
    const baseline = await measure({
      label: "one job created, 1 connection",
      connections: 1,
      operations: 200,
      operation: async (n) => await call("POST", "/jobs", "baseline", job(n + performance.now())),
    });
    const rows: Measured[] = [];
    for (const size of SIZES) rows.push(...(await benchSize(service, call, size)));
    printTable(`Packages of jobs with ${NODES} nodes and ${SCRIPTS} scripts`, rows, baseline);
  } finally {
    await service.stop();
  }
}

async function benchSize(service: BenchService, call: Call, size: number): Promise<Measured[]> {
  const from = `from-${size}`;
  await inLanes(SCRIPTS, async (n) => await call("POST", "/scripts", from, script(n)));
  await inLanes(size, async (n) => await call("POST", "/jobs", from, job(n)));
  let content: Buffer = Buffer.alloc(0);
  const exported = await rounds(service, `${size} jobs exported`, async () => {
    const parts: Buffer[] = [];
    for (let first = 0; first < size; first += EXPORTED_AT_ONCE)
      parts.push(await exportSome(call, from, first));
    return async () => {
      content = await merged(parts);
    };
  });
  const imported = await rounds(service, `${size} jobs imported`, async (round) => {
    await call("PUT", `/api/files/bench/${size}.zip`, from, content);
    const to = `to-${size}-${round}`;
    const answer = await call("POST", "/jobs/import", to, { path: `obs://bench/${size}.zip` });
    await ended(call, to, JSON.parse(answer.toString()).taskId);
    return async () => await expectJobs(call, to, size);
  });
  return [
    exported,
    { ...imported, note: `${imported.note}; a package of ${(content.length / MIB).toFixed(1)} MiB` },
  ];
}

async function exportSome(call: Call, workspace: string, first: number): Promise<Buffer> {
  const jobList = Array.from({ length: EXPORTED_AT_ONCE }, (_, n) => nameOf(first + n));
  return await call("POST", "/jobs/batch-export", workspace, { jobList });
}

async function ended(call: Call, workspace: string, taskId: string): Promise<void> {
  for (;;) {
    const task = JSON.parse((await call("GET", `/system-tasks/${taskId}`, workspace)).toString());
    if (task.status === "SUCCESSFUL") return;
    if (task.status !== "RUNNING") throw new Error(task.message);
    await wait(LOOK_MS);
  }
}

async function expectJobs(call: Call, workspace: string, size: number): Promise<void> {
  const { total } = JSON.parse((await call("GET", "/jobs?limit=1", workspace)).toString());
  if (total !== size) throw new Error(`${total} jobs were imported, of ${size}`);
}

/** One round goes before, unmeasured; what a round gives back is done after its time was taken. */
async function rounds(
  service: BenchService,
  label: string,
  round: (no: number) => Promise<() => Promise<void>>,
): Promise<Measured> {
  await (await round(0))();
  const timesMs: number[] = [];
  const before = await service.residentBytes();
  const peak = watchMemory(service.residentBytes);
  for (let no = 1; no <= ROUNDS; no++) {
    const began = performance.now();
    const finish = await round(no);
    timesMs.push(performance.now() - began);
    await finish();
  }
  const grown = ((await peak.stop()) - before) / MIB;
  const wallMs = timesMs.reduce((sum, each) => sum + each, 0);
  const note = `memory at most ${grown.toFixed(0)} MiB over ${(before / MIB).toFixed(0)} MiB`;
  return { label, timesMs: timesMs.sort((a, b) => a - b), wallMs, note };
}

async function inLanes(count: number, operation: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await operation(next++);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
}

/** The parts as one package: an export names a hundred jobs at most, an import is not bound to that. */
async function merged(parts: readonly Buffer[]): Promise<Buffer> {
  return await buffer(writeArchive(filesOf(parts), new Date()));
}

async function* filesOf(parts: readonly Buffer[]): AsyncGenerator<ArchiveFile> {
  const seen = new Set<string>();
  for (const part of parts) {
    const archive = await openArchive(Readable.from([part]), { ...PACKAGE_LIMITS, bytesMax: 256 * MIB });
    for (const entry of archive.entries) {
      if (seen.has(entry.fileName)) continue;
      seen.add(entry.fileName);
      yield { path: entry.fileName, content: (await archive.read(entry)).toString() };
    }
    await archive.close();
  }
}

const nameOf = (n: number) => `job_${n}`;

function script(n: number): object {
  return { name: `script_${n}`, type: "Shell", content: `echo ${n}\n`.repeat(50) };
}

function job(n: number): object {
  const nodes = Array.from({ length: NODES }, (_, no) => ({
    name: `n${no}`,
    type: "Shell",
    location: { x: no, y: 0 },
    preNodeName: no === 0 ? [] : [`n${no - 1}`],
    properties: [
      { name: "scriptName", value: `script_${Math.floor(n + no) % SCRIPTS}` },
      { name: "arguments", value: "#{Job.planTime}" },
    ],
  }));
  return { name: nameOf(n), processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes };
}

async function createCaller({ url, projectId, tokenFor }: BenchService): Promise<Call> {
  const token = await tokenFor(projectId);
  return async (method, path, workspace, body) => {
    const target = path.startsWith("/api/") ? path : `/v1/${projectId}${path}`;
    const type = body instanceof Buffer ? "application/octet-stream" : "application/json";
    const response = await fetch(new URL(target, url), {
      method,
      headers: { "x-auth-token": token, "content-type": type, workspace },
      ...(body !== undefined && {
        body: body instanceof Buffer ? new Uint8Array(body) : JSON.stringify(body),
      }),
    });
    const answer = Buffer.from(await response.arrayBuffer());
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.toString()}`);
    return answer;
  };
}
