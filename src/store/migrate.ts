/** Brings the database's schema to this release: numbered SQL files, forward only, each applied once. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { Fault } from "../domain/fault.ts";
import type { Observe } from "../domain/observation.ts";

/** The service's own migrations. */
export const MIGRATIONS_FOLDER = join(import.meta.dirname, "migrations");

interface Migration {
  readonly number: number;
  /** e.g. `0001-identity`. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the text, hexadecimal. */
  readonly checksum: string;
}

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/** Any number will do, as long as every release uses the same: the letters "azalai" in ASCII. */
const LOCK = 0x617a616c6169;

const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;

/**
 * Applies the files of `folder` that the database has not seen, in their order, each in a transaction; servers that
 * start at once wait for each other. `client` is one connection, not a pool: a lock of its session guards the work.
 * @throws Fault `server-unavailable` where the database is of a newer release, or an applied file has changed since;
 * nothing is written then.
 */
export async function migrate(
  client: ClientBase,
  folder: string,
  now: () => Date,
  observe: Observe,
): Promise<void> {
  const migrations = await readMigrations(folder);
  await client.query("set statement_timeout = 0"); // a wait for the lock, or a large table's change, takes its time
  await client.query("select pg_advisory_lock($1)", [LOCK]);
  try {
    const applied = await readApplied(client);
    checkHistory(migrations, applied);
    for (const migration of migrations.slice(applied.length)) await apply(client, migration, now, observe);
  } finally {
    await client.query("select pg_advisory_unlock($1)", [LOCK]);
    await client.query("reset statement_timeout");
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  return await Promise.all(names.map((name, index) => readMigration(folder, name, index + 1)));
}

async function readMigration(folder: string, file: string, expected: number): Promise<Migration> {
  const number = Number(FILE_NAME.exec(file)?.[1]);
  if (number !== expected)
    throw refusal(
      `migration ${file} is out of order: expected ${String(expected).padStart(4, "0")}-name.sql`,
    );
  const text = await readFile(join(folder, file), "utf8");
  return {
    number,
    name: file.slice(0, -".sql".length),
    text,
    checksum: createHash("sha256").update(text).digest("hex"),
  };
}

async function readApplied(client: ClientBase): Promise<Applied[]> {
  await client.query(`create table if not exists schema_migration (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null
  )`);
  const { rows } = await client.query<Applied>(
    "select number, name, checksum from schema_migration order by number",
  );
  return rows;
}

function checkHistory(migrations: readonly Migration[], applied: readonly Applied[]): void {
  for (const { number, name, checksum } of applied) {
    const ours = migrations[number - 1];
    if (ours === undefined) {
      throw refusal(
        `the database is newer than this release: it has migration ${name}, this release ends with number ${migrations.length}`,
      );
    }
    if (ours.checksum !== checksum) {
      throw refusal(
        `migration ${name} was applied with another text than this release's ${ours.name}; a released migration is never edited`,
      );
    }
  }
}

async function apply(
  client: ClientBase,
  migration: Migration,
  now: () => Date,
  observe: Observe,
): Promise<void> {
  const { number, name, text, checksum } = migration;
  const startedAt = performance.now();
  try {
    await client.query("begin");
    await client.query(text);
    await client.query(
      "insert into schema_migration (number, name, checksum, applied_at) values ($1, $2, $3, $4)",
      [number, name, checksum, now()],
    );
    await client.query("commit");
  } catch (cause) {
    await client.query("rollback");
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Fault(
      "unavailable",
      "server-unavailable",
      `migration ${name} failed and was undone: ${reason}`,
      { cause },
    );
  }
  observe({ event: "migration-applied", name, milliseconds: Math.round(performance.now() - startedAt) });
}

function refusal(message: string): Fault {
  return new Fault("unavailable", "server-unavailable", message);
}
