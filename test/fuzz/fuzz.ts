/**
 * `npm run fuzz -- --minutes 10 [--seed 7]`: tries random expressions for that long in a thread that is watched; fails
 * where one escapes, gives anything but text or a Fault of the language, or takes longer than it may.
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";

const TEXT_MS_MAX = 5_000;
const WATCH_MS = 250;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string", default: "1" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0 && minutes <= 24 * 60) || !Number.isSafeInteger(seed))
  throw new RangeError("--minutes takes a number up to 1440, --seed a whole number");

let tried = 0;
let text = "";
let begunAt = performance.now();
const worker = new Worker(new URL("./fuzz-worker.ts", import.meta.url), { workerData: { minutes, seed } });
worker.on("message", (next: string) => {
  tried += 1;
  text = next;
  begunAt = performance.now();
});
worker.on("error", (error) => end(`${error.message}\nafter ${text}`));
worker.on("exit", (code) => end(code === 0 ? undefined : `the thread ended with ${code} after ${text}`));
setInterval(() => {
  if (performance.now() - begunAt > TEXT_MS_MAX) end(`it takes longer than ${TEXT_MS_MAX} ms: ${text}`);
}, WATCH_MS);

function end(problem: string | undefined): void {
  console.log(`${tried} texts tried from seed ${seed}: ${problem ?? "each gave text or a Fault"}`);
  process.exit(problem === undefined ? 0 : 1);
}
