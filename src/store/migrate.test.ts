import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "../../test/setup/postgres.ts";
import type { Observation } from "../domain/observation.ts";
import { MIGRATIONS_FOLDER, migrate } from "./migrate.ts";

const NOON = new Date("2026-01-02T12:00:00Z");
const now = () => NOON;

/** A folder of migrations and a database without any; `migrateAll` runs on a connection of its own. */
async function setup(files: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), "azalai-migrations-"));
  const { pool, connection } = await testDatabase();
  await pool.query("drop schema public cascade");
  await pool.query("create schema public");
  onTestFinished(() => rm(folder, { recursive: true }));
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const observed: Observation[] = [];
  const migrateAll = async () => {
    const client = new Client(connection);
    await client.connect();
    try {
      await migrate(client, folder, now, (observation) => observed.push(observation));
    } finally {
      await client.end();
    }
  };
  const rows = async (text: string) => (await pool.query(text)).rows;
  return { folder, write, migrateAll, observed, rows };
}

const TWO = {
  "0001-things.sql": "create table thing (n int); insert into thing values (1);",
  "0002-more.sql": "insert into thing select n + 1 from thing;",
};

test("migrations are applied in order, once, with their time and checksum", async () => {
  const { migrateAll, observed, rows } = await setup(TWO);
  await migrateAll();
  await migrateAll();
  expect(await rows("select n from thing order by n")).toEqual([{ n: 1 }, { n: 2 }]);
  expect(
    await rows("select number, name, length(checksum), applied_at from schema_migration order by number"),
  ).toEqual([
    { number: 1, name: "0001-things", length: 64, applied_at: NOON },
    { number: 2, name: "0002-more", length: 64, applied_at: NOON },
  ]);
  expect(observed).toMatchObject([
    { event: "migration-applied", name: "0001-things" },
    { event: "migration-applied", name: "0002-more" },
  ]);
});

test("only what is new is applied", async () => {
  const { migrateAll, observed, rows, write } = await setup(TWO);
  await migrateAll();
  await write("0003-last.sql", "insert into thing values (3);");
  await migrateAll();
  expect(await rows("select count(*)::int as n from thing")).toEqual([{ n: 3 }]);
  expect(observed).toHaveLength(3);
});

test("servers that start at once apply each migration once", async () => {
  const { migrateAll, observed, rows } = await setup(TWO);
  await Promise.all(Array.from({ length: 6 }, migrateAll));
  expect(await rows("select count(*)::int as n from thing")).toEqual([{ n: 2 }]);
  expect(observed).toHaveLength(2);
});

test("a migration that fails leaves nothing of itself, and those before it stay", async () => {
  const { migrateAll, rows, write } = await setup(TWO);
  await write("0003-bad.sql", "create table half (n int); insert into missing values (1);");
  await expect(migrateAll()).rejects.toMatchObject({
    code: "server-unavailable",
    message: expect.stringContaining("0003-bad failed and was undone"),
  });
  expect(await rows("select to_regclass('half') as half, count(*)::int as n from schema_migration")).toEqual([
    { half: null, n: 2 },
  ]);
  await write("0003-bad.sql", "create table half (n int);");
  await migrateAll();
  expect(await rows("select count(*)::int as n from schema_migration")).toEqual([{ n: 3 }]);
});

test("a database of a newer release is refused, untouched", async () => {
  const { folder, migrateAll, rows } = await setup(TWO);
  await migrateAll();
  await rm(join(folder, "0002-more.sql"));
  await expect(migrateAll()).rejects.toMatchObject({
    kind: "unavailable",
    code: "server-unavailable",
    message:
      "the database is newer than this release: it has migration 0002-more, this release ends with number 1",
  });
  expect(await rows("select count(*)::int as n from thing")).toEqual([{ n: 2 }]);
});

test("a migration that was edited after it was applied is refused", async () => {
  const { migrateAll, write } = await setup(TWO);
  await migrateAll();
  await write("0001-things.sql", "create table thing (n bigint);");
  await expect(migrateAll()).rejects.toThrow("migration 0001-things was applied with another text");
});

test("a gap, a double number or an odd name in the files is refused before anything is applied", async () => {
  for (const odd of ["0004-gap.sql", "0002-again.sql", "third.sql"]) {
    const { migrateAll, rows } = await setup({ ...TWO, [odd]: "select 1" });
    await expect(migrateAll()).rejects.toThrow("is out of order");
    expect(await rows("select to_regclass('thing') as thing")).toEqual([{ thing: null }]);
  }
});

test("a test's database has every migration of this release", async () => {
  const { pool } = await testDatabase();
  const { rows } = await pool.query("select name from schema_migration order by number");
  const files = (await readdir(MIGRATIONS_FOLDER)).sort();
  expect(rows.map(({ name }) => `${name}.sql`)).toEqual(files);
});
