/**
 * `npm run model -- --plays 1000 [--seed 7] [--path 12:0]`: as many plays of the database against the model. Where they
 * part, it says by which seed and path the shortest such play comes again.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { openDatabase } from "../../src/store/database.ts";
import { openEmbedded } from "../../src/store/embedded.ts";
import { MIGRATIONS_FOLDER, migrate } from "../../src/store/migrate.ts";
import { progressProperty } from "./play.ts";

const { values } = parseArgs({
  options: {
    plays: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    path: { type: "string" },
  },
});
const folder = await mkdtemp(join(tmpdir(), "azalai-model-"));
await chmod(folder, 0o711); // the database's own user has to enter
const embedded = await openEmbedded(join(folder, "postgres"), () => undefined);
const { pool, close } = await openDatabase(embedded.connection, () => undefined);
try {
  await prepare();
  let events = 0;
  const property = progressProperty(pool, (count) => {
    events += count;
  });
  const seed = Number(values.seed);
  const path = values.path === undefined ? {} : { path: values.path };
  await fc.assert(property, { numRuns: Number(values.plays), seed, ...path });
  console.log(`seed ${seed}: the database agreed with the model after each of ${events} events`);
} finally {
  await close();
  await embedded.stop();
  await rm(folder, { recursive: true, force: true });
}

async function prepare(): Promise<void> {
  const client = await pool.connect();
  try {
    await migrate(
      client,
      MIGRATIONS_FOLDER,
      () => new Date(),
      () => undefined,
    );
  } finally {
    client.release();
  }
}
