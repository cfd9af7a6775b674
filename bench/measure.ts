/** Timing of an operation: how often, how long, how much processor, and how that is printed. */
import { Agent, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

export interface Measured {
  readonly label: string;
  /** Milliseconds of each operation, ascending. */
  readonly timesMs: readonly number[];
  /** Wall time of the whole, milliseconds. */
  readonly wallMs: number;
  /** Processor time that the service's own process spent, microseconds for each operation; absent when unknown. */
  readonly cpuMicroseconds?: number;
  readonly note?: string;
}

export interface Load {
  readonly label: string;
  readonly connections: number;
  readonly operations: number;
  readonly operation: (n: number) => Promise<unknown>;
  /** Processor time of the measured process so far, microseconds. */
  readonly cpu?: () => Promise<number>;
}

/** Runs the operations over so many lanes, each lane one after the other; a tenth more goes before, unmeasured. */
export async function measure({ label, connections, operations, operation, cpu }: Load): Promise<Measured> {
  await inLanes(connections, Math.ceil(operations / 10), operation);
  const cpuBefore = await cpu?.();
  const began = performance.now();
  const timesMs = await inLanes(connections, operations, operation);
  const wallMs = performance.now() - began;
  const cpuAfter = await cpu?.();
  const spent =
    cpuBefore === undefined || cpuAfter === undefined
      ? {}
      : { cpuMicroseconds: (cpuAfter - cpuBefore) / operations };
  return { label, timesMs: timesMs.sort((a, b) => a - b), wallMs, ...spent };
}

/** The operations over so many lanes, each lane one after the other; gives the milliseconds of each. */
export async function inLanes(
  lanes: number,
  operations: number,
  operation: (n: number) => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const lane = async () => {
    while (next < operations) {
      const n = next++;
      const began = performance.now();
      await operation(n);
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return times;
}

/** The time of the operations that `run` notes, with the processor time of this process for each. */
export async function timed(
  label: string,
  operations: number,
  run: (times: number[]) => Promise<void>,
): Promise<Measured> {
  const times: number[] = [];
  const cpu = process.cpuUsage();
  const began = performance.now();
  await run(times);
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  return {
    label,
    timesMs: times.sort((a, b) => a - b),
    wallMs,
    cpuMicroseconds: (user + system) / operations,
  };
}

/** Between two looks at memory. */
const LOOK_MS = 20;

/** Looks at memory again and again; `stop` gives the most that there was, bytes. */
export function watchMemory(residentBytes: () => Promise<number>): { readonly stop: () => Promise<number> } {
  const ending = new AbortController();
  const watching = (async () => {
    let most = 0;
    while (!ending.signal.aborted) {
      most = Math.max(most, await residentBytes());
      await wait(LOOK_MS);
    }
    return most;
  })();
  return {
    stop: async () => {
      ending.abort();
      return await watching;
    },
  };
}

/** The time that `share` of the operations did not exceed. */
export function quantile({ timesMs }: Measured, share: number): number {
  return timesMs[Math.min(timesMs.length - 1, Math.floor(timesMs.length * share))] ?? Number.NaN;
}

/** Lines of one table: median, spread (10th to 90th of a hundred), 99th, rate, processor time, ratio to the baseline. */
export function printTable(title: string, rows: readonly Measured[], baseline: Measured): void {
  console.log(`\n${title}   (baseline: ${baseline.label})`);
  console.log(
    columns(["", "median ms", "p10–p90 ms", "p99 ms", "per second", "CPU µs/op", "× baseline", ""]),
  );
  for (const row of [baseline, ...rows]) console.log(columns(cells(row, baseline)));
}

function cells(row: Measured, baseline: Measured): string[] {
  const median = quantile(row, 0.5);
  return [
    row.label,
    median.toFixed(2),
    `${quantile(row, 0.1).toFixed(2)}–${quantile(row, 0.9).toFixed(2)}`,
    quantile(row, 0.99).toFixed(2),
    ((row.timesMs.length / row.wallMs) * 1000).toFixed(0),
    row.cpuMicroseconds?.toFixed(0) ?? "–",
    (median / quantile(baseline, 0.5)).toFixed(2),
    row.note ?? "",
  ];
}

const WIDTHS = [44, 10, 14, 9, 11, 10, 11, 0];

function columns(texts: readonly string[]): string {
  return texts
    .map((text, n) => (n === 0 ? text.padEnd(WIDTHS[n] ?? 0) : text.padStart(WIDTHS[n] ?? 0)))
    .join(" ")
    .trimEnd();
}

/** A client that keeps its connections, at most so many, and gives the body of each 2xx answer. */
export function createClient(base: string, connections: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const send = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    new Promise<{ body: string; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
      const sent = request(new URL(path, base), { method, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const { statusCode = 0 } = response;
          if (statusCode < 200 || statusCode > 299)
            reject(new Error(`${method} ${path}: ${statusCode} ${text}`));
          else resolve({ body: text, headers: response.headers });
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  return { send, close: () => agent.destroy() };
}
