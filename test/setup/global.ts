/** Before and after a whole test run: a folder for its embedded PostgreSQL, which the first test that needs it starts. */
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { TestProject } from "vitest/node";
import { openEmbedded } from "../../src/store/embedded.ts";
import { exists } from "../../src/store/file-system.ts";
import "./postgres.ts";

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = `azalai_test_${randomBytes(4).toString("hex")}`;
  const url = process.env.AZALAI_TEST_DATABASE_URL;
  const folder = await mkdtemp(join(tmpdir(), "azalai-test-"));
  await chmod(folder, 0o711); // the database's own user has to enter
  project.provide("postgres", { run, folder, ...(url && { url }) });
  return async () => {
    if (url) await dropDatabases(url, run);
    else await stopServer(join(folder, "postgres"));
    await rm(folder, { recursive: true, force: true });
  };
}

async function stopServer(folder: string): Promise<void> {
  if (!(await exists(join(folder, "cluster")))) return; // no test wanted it
  const server = await openEmbedded(folder, () => undefined);
  await server.stop();
}

async function dropDatabases(url: string, run: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    "select datname from pg_database where starts_with(datname, $1)",
    [run],
  );
  for (const { datname } of rows) await client.query(`drop database ${datname} with (force)`);
  await client.end();
}
