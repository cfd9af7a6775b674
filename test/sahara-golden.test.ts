/** The recorded exchanges of the reference, replayed: every answer is the reference's, save where we chose otherwise. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LOCAL_CLUSTER_ID } from "../src/domain/cluster.ts";
import { formatObjectId } from "../src/domain/shared-object.ts";
import { type ReplayTarget, replay, type Scenario } from "./setup/replay.ts";
import { type SaharaWorld, saharaWorld, tokenOf } from "./setup/sahara-world.ts";

const FOLDER = join(import.meta.dirname, "fixtures/golden/sahara");

/** Steps that answer otherwise on purpose. */
const EXCEPTED: Readonly<Record<string, readonly number[]>> = {
  "01-root-and-protocol": [1], // one document for identity and data processing
  "04-job-binaries-validation": [6], // names of up to 80 characters
  "08-jobs-create-invalid": [12, 25, 26], // the same, and no name ends in a newline
  "09-jobs-mains-libs": [11, 27], // the vendor's Spark jobs have their jar in libs
  "11-jobs-paging-by-name": [14], // a full last page has no next
  "26-data-sources-paging-and-filters": [7, 8], // the same
  "28-executions-paging": [15], // the marker's own row is not shown again
};
let world: SaharaWorld;
let target: ReplayTarget;

beforeAll(async () => {
  world = await saharaWorld("real");
  const base = await world.app.listen({ host: "127.0.0.1", port: 0 });
  target = { base, tokenOf, clusterId: formatObjectId(LOCAL_CLUSTER_ID) };
});
afterAll(() => world.close());

const scenarios = readdirSync(FOLDER).map(
  (name): Scenario => JSON.parse(readFileSync(join(FOLDER, name), "utf8")),
);

test.each(scenarios)("$scenario is answered as by the reference", { timeout: 120_000 }, async (scenario) => {
  const failures = await replay(target, scenario);
  const excepted = EXCEPTED[scenario.scenario] ?? [];
  expect(failures.filter(({ step }) => !excepted.includes(step))).toEqual([]);
  expect(failures.map(({ step }) => step)).toEqual(excepted);
});

test("every recorded scenario is looked at", () => {
  expect(scenarios.length).toBe(28);
  const names = scenarios.map(({ scenario }) => scenario);
  expect(Object.keys(EXCEPTED).filter((name) => !names.includes(name))).toEqual([]);
});
