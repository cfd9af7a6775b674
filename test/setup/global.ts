/** Before and after a whole test run: a folder for its embedded PostgreSQL, which the first test that needs it starts. */
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { TestProject } from "vitest/node";
import { openEmbedded } from "../../src/store/embedded.ts";
import { exists, findText } from "../../src/store/file-system.ts";
import { isAlive } from "../../src/store/process-table.ts";
import "./postgres.ts";

const PREFIX = "azalai-test-run-";

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const run = `azalai_test_${randomBytes(4).toString("hex")}`;
  const url = process.env.AZALAI_TEST_DATABASE_URL;
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  await chmod(folder, 0o711); // the database's own user has to enter
  await writeFile(join(folder, "owner"), String(process.pid));
  project.provide("postgres", { run, folder, ...(url && { url }) });
  return async () => {
    if (url) await dropDatabases(url, run);
    await removeRun(folder);
  };
}

/** What runs that were killed left behind: their servers outlive them, as they should. */
async function removeLeftovers(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  for (const name of names) {
    const folder = join(tmpdir(), name);
    const owner = await findText(join(folder, "owner"));
    if (owner !== undefined && !isAlive(Number(owner))) await removeRun(folder);
  }
}

async function removeRun(folder: string): Promise<void> {
  const home = join(folder, "postgres");
  if (await exists(join(home, "cluster"))) {
    const server = await openEmbedded(home, () => undefined);
    await server.stop();
  }
  await rm(folder, { recursive: true, force: true });
}

async function dropDatabases(url: string, run: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  const wanted = "select datname from pg_database where starts_with(datname, $1)";
  const { rows } = await client.query<{ datname: string }>(wanted, [run]);
  for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`);
  await client.end();
}
