/** `npm run chaos -- --minutes 30 [--seed 7]`: a storm of that length; says what it did, and fails where a run was lost. */
import { parseArgs } from "node:util";
import { playStorm } from "./storm.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "5" }, seed: { type: "string", default: "1" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0 && minutes <= 24 * 60) || !Number.isSafeInteger(seed))
  throw new RangeError("--minutes takes a number up to 1440, --seed a whole number");

const end = performance.now() + minutes * 60_000;
const { problems, ...counts } = await playStorm({
  seed,
  goesOn: () => performance.now() < end,
  report: console.log,
});
console.log(JSON.stringify(counts, null, 2));
for (const problem of problems.slice(0, 50)) console.log(problem);
console.log(
  problems.length === 0 ? "nothing was lost, nothing was done twice" : `${problems.length} problems`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
