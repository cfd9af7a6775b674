/** `npm run bench [-- PART…]`: all benchmarks, or those named. */
import { cpus, totalmem } from "node:os";
import { benchClusters } from "./clusters.ts";
import { benchDefinitions } from "./definitions.ts";
import { benchEngine } from "./engine.ts";
import { benchHistory } from "./history.ts";
import { benchInstances } from "./instances.ts";
import { benchLists } from "./lists.ts";
import { benchMigration } from "./migration.ts";
import { benchOperators } from "./operators.ts";
import { benchPackages } from "./packages.ts";
import { benchRuns } from "./runs.ts";
import { benchSchedules } from "./schedules.ts";
import { benchSearch } from "./search.ts";
import { benchSoak } from "./soak.ts";
import { benchStart } from "./start.ts";

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  start: benchStart,
  engine: benchEngine,
  operators: benchOperators,
  runs: benchRuns,
  schedules: benchSchedules,
  definitions: benchDefinitions,
  packages: benchPackages,
  migration: benchMigration,
  search: benchSearch,
  lists: () => benchLists(),
  "lists-quick": () => benchLists(100_000),
  history: () => benchHistory(),
  "history-quick": () => benchHistory(500_000),
  instances: () => benchInstances(),
  "instances-quick": () => benchInstances([1_000_000]),
  clusters: benchClusters,
  soak: benchSoak,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`there is no part ${unknown.join(", ")}; there are: ${Object.keys(PARTS).join(", ")}`);
  process.exit(2);
}
console.log(
  `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
for (const name of wanted.length > 0
  ? wanted
  : ["start", "engine", "operators", "runs", "schedules", "definitions", "lists"])
  await PARTS[name]?.();
