/** `npm run bench -- soak`: a day's load in half an hour; what the service's memory does under it. */
import { setTimeout as wait } from "node:timers/promises";
import { type BenchNode, createFactoryCaller } from "./factory.ts";
import { type BenchService, startService } from "./service.ts";

const MINUTES = 30;
const WARM_UP_SHARE = 0.2;
const SAMPLES = 60;
const CONNECTIONS = 4;
/** Of 15 nodes each: in half an hour some 100,000 node runs, as 1.2 a second would make in a day. */
const RUNS_PER_SECOND = 4;

/** Prints the memory at the end of the warm-up, at the end, and the growth between them. */
export async function benchSoak(): Promise<void> {
  const service = await startService();
  const caller = await createFactoryCaller(service, CONNECTIONS);
  try {
    await caller.save("soak", graph());
    await caller.save("every-second", [{ name: "a", type: "Dummy" }], {
      type: "CRON",
      cron: { expression: "* * * * * ?", expressionTimeZone: "UTC", startTime: "2020-01-01T00:00:00Z" },
    });
    await caller.start("every-second");
    const end = performance.now() + MINUTES * 60_000;
    const running = load(caller, end);
    const samples = await sample(service, end);
    const runs = await running;
    report(samples, runs);
  } finally {
    caller.close();
    await service.stop();
  }
}

async function load(caller: Awaited<ReturnType<typeof createFactoryCaller>>, end: number): Promise<number> {
  let runs = 0;
  while (performance.now() < end) {
    const until = wait(1_000);
    const ids = await Promise.all(Array.from({ length: RUNS_PER_SECOND }, () => caller.run("soak")));
    await caller.ended(ids);
    runs += ids.length;
    await until;
  }
  return runs;
}

/** Resident bytes at even distances. */
async function sample(service: BenchService, end: number): Promise<number[]> {
  const samples: number[] = [];
  while (performance.now() < end) {
    await wait((MINUTES * 60_000) / SAMPLES);
    samples.push(await service.residentBytes());
  }
  return samples;
}

/** A median of several neighbours: one sample depends on where the collector of garbage stands. */
function report(samples: readonly number[], runs: number): void {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
  const fifth = Math.max(1, Math.floor(warm.length / 5));
  const first = median(warm.slice(0, fifth));
  const last = median(warm.slice(-fifth));
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  console.log(`\nSoak of ${MINUTES} minutes: ${runs} runs of 15 nodes, and one more each second`);
  console.log(`  resident after warm-up ${mib(first)}, at the end ${mib(last)}`);
  console.log(`  growth ${(((last - first) / first) * 100).toFixed(1)} %`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** One after the other in three lanes; every fifth runs a command. */
function graph(): BenchNode[] {
  return Array.from({ length: 15 }, (_, n) => ({
    name: `n${n}`,
    after: n < 3 ? [] : [`n${n - 3}`],
    ...(n % 5 === 0 ? { type: "Shell", statement: "echo done" } : { type: "Dummy" }),
  }));
}
