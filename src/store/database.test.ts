import { readFile } from "node:fs/promises";
import { Client } from "pg";
import { expect, test } from "vitest";
import { testDatabase, testServer } from "../../test/setup/postgres.ts";
import { Fault } from "../domain/fault.ts";
import { isOutage, openDatabase, query, transaction } from "./database.ts";

test("a uuid is read as 32 hex digits, an int8 as a number, an instant as a Date, a date as text", async () => {
  const { pool } = await testDatabase();
  const text = `select '0123ABCD-0000-4000-8000-00000000000f'::uuid as id, 9007199254740991::int8 as big,
    timestamptz '2001-04-01 01:30:00.25-08' as at, date '2001-04-01' as day, '{"a":[1]}'::jsonb as document,
    array['0123abcd-0000-4000-8000-00000000000f'::uuid, null] as ids, '{1,2}'::int8[] as bigs`;
  expect(await query(pool, "types", text)).toEqual([
    {
      id: "0123abcd000040008000" + "00000000000f",
      big: 9007199254740991,
      at: new Date("2001-04-01T09:30:00.250Z"),
      day: "2001-04-01",
      document: { a: [1] },
      ids: ["0123abcd00004000800000000000000f", undefined],
      bigs: [1, 2],
    },
  ]);
});

test("instants are read the same whatever the session's zone is", async () => {
  const { pool } = await testDatabase();
  const read = (zone: string) =>
    transaction(pool, async (db) => {
      await db.query({ text: `set local time zone '${zone}'` });
      return await query<{ at: Date }>(db, "at", "select timestamptz '2001-04-01 09:30:00.123456Z' as at");
    });
  const [inUtc, elsewhere] = [await read("UTC"), await read("Asia/Kolkata")];
  expect(inUtc[0]?.at.toISOString()).toBe("2001-04-01T09:30:00.123Z");
  expect(elsewhere).toEqual(inUtc);
});

test("an int8 that a number cannot hold is an error, not another number", async () => {
  const { pool } = await testDatabase();
  await expect(query(pool, "too-big", "select 9007199254740993::int8 as big")).rejects.toThrow(
    "does not fit",
  );
});

test("the parsers are this pool's only", async () => {
  const { pool, connection } = await testDatabase();
  const { Client } = await import("pg");
  const plain = new Client(connection);
  await plain.connect();
  const { rows } = await plain.query("select 5::int8 as n");
  await plain.end();
  expect(rows).toEqual([{ n: "5" }]);
  expect(await query(pool, "five", "select 5::int8 as n")).toEqual([{ n: 5 }]);
});

test("a transaction that fails leaves nothing behind", async () => {
  const { pool } = await testDatabase();
  await pool.query("create table t (n int primary key)");
  const failing = transaction(pool, async (db) => {
    await query(db, "insert", "insert into t values ($1)", [1]);
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await query(pool, "all", "select n from t")).toEqual([]);
});

test("an error that was caught inside a transaction does not pass for a commit", async () => {
  const { pool } = await testDatabase();
  await pool.query("create table t (n int primary key)");
  const failing = transaction(pool, async (db) => {
    await query(db, "insert", "insert into t values ($1)", [1]);
    await query(db, "insert", "insert into t values ($1)", [1]).catch(() => undefined);
  });
  await expect(failing).rejects.toThrow("its error was caught");
});

test("transactions that collide are done again until each has had its turn", async () => {
  const { pool } = await testDatabase();
  await pool.query("create table t (n int); insert into t values (0)");
  const increment = () =>
    transaction(
      pool,
      async (db) => {
        const [row] = await query<{ n: number }>(db, "read", "select n from t");
        await query(db, "write", "update t set n = $1", [(row?.n ?? 0) + 1]);
      },
      { isolation: "serializable", attemptsMax: 50 },
    );
  await Promise.all(Array.from({ length: 6 }, increment));
  expect(await query(pool, "read", "select n from t")).toEqual([{ n: 6 }]);
});

test("without tries left, the collision is the caller's to see", async () => {
  const { pool } = await testDatabase();
  const collide = async () => {
    throw Object.assign(new Error("could not serialize"), { code: "40001" });
  };
  await expect(transaction(pool, collide, { attemptsMax: 2 })).rejects.toThrow("could not serialize");
});

test("a statement that takes too long is cancelled", async () => {
  const { connection } = await testDatabase();
  const { pool, close } = await openDatabase(connection, () => undefined, { statementTimeoutMs: 50 });
  await expect(query(pool, "slow", "select pg_sleep(60)")).rejects.toThrow("statement timeout");
  await close();
});

test("a pool whose idle connection breaks tells so and goes on", async () => {
  const { connection, pool: other } = await testDatabase();
  const { promise: lost, resolve } = Promise.withResolvers<string>();
  const { pool, close } = await openDatabase(connection, ({ event }) => resolve(event), {
    connectionsMax: 1,
  });
  const [mine] = await query<{ pid: number }>(pool, "pid", "select pg_backend_pid() as pid");
  await query(other, "end", "select pg_terminate_backend($1)", [mine?.pid]);
  expect(await lost).toBe("database-connection-lost");
  expect(await query(pool, "one", "select 1 as n")).toEqual([{ n: 1 }]);
  await close();
});

test("what fails because the database is away is told apart from what fails by itself", async () => {
  const { connection, pool: other } = await testDatabase();
  const { pool, close } = await openDatabase(connection, () => undefined, { connectionsMax: 1 });
  const [mine] = await query<{ pid: number }>(pool, "pid", "select pg_backend_pid() as pid");
  const ended = query(pool, "sleep", "select pg_sleep(60)").catch((error: unknown) => error);
  await query(other, "end", "select pg_terminate_backend($1)", [mine?.pid]);
  expect(isOutage(await ended)).toBe(true);
  const wrong = await query(pool, "wrong", "select 1 / 0").catch((error: unknown) => error);
  expect(isOutage(wrong)).toBe(false);
  await close();
  const nowhere = new Client({ ...connection, host: "/nowhere" });
  expect(isOutage(await nowhere.connect().catch((error: unknown) => error))).toBe(true);
  expect(isOutage(await readFile("/nowhere").catch((error: unknown) => error))).toBe(false);
});

test("a database that cannot be reached is a fault that says so", async () => {
  const server = await testServer();
  const opening = openDatabase({ ...server, password: "wrong" }, () => undefined);
  const fault = await opening.catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(Fault);
  expect(fault).toMatchObject({ kind: "unavailable", code: "server-unavailable" });
});

test("a PostgreSQL older than 15 is refused by its version", async () => {
  const { pool, connection } = await testDatabase();
  const role = `${connection.database}_old`;
  // For this role the server calls itself another version; everything else about it is real.
  await pool.query(`create schema old;
    create function old.current_setting(name text) returns text language sql as
      $$ select case name when 'server_version' then '14.11' else '140011' end $$;
    create role ${role} login password 'old';
    alter role ${role} set search_path = old, pg_catalog;
    grant usage on schema old to ${role}`);
  const opening = openDatabase({ ...connection, user: role, password: "old" }, () => undefined);
  await expect(opening).rejects.toMatchObject({
    code: "server-unavailable",
    message: "the database is PostgreSQL 14.11; Azalai needs 15 or newer",
  });
  await pool.query(`drop schema old cascade; drop role ${role}`);
});
