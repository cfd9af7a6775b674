import { type ChildProcess, spawn } from "node:child_process";
import { chmod, chown, lstat, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import type { DatabaseConnection } from "./database.ts";
import { type EmbeddedPostgres, openEmbedded } from "./embedded.ts";
import { ensureOwnedDatabase, type OwnedDatabase } from "./owned-database.ts";
import { commandLineOf, isAlive } from "./process-table.ts";

const asRoot = process.getuid?.() === 0;
const silent = () => undefined;

/** A data folder that goes after the test, with the server that may still run in it. */
async function setup(longName = ""): Promise<{ parent: string; folder: string }> {
  const parent = await mkdtemp(join(tmpdir(), `azalai-embedded-${longName}`));
  await chmod(parent, 0o711);
  const folder = join(parent, "postgres");
  onTestFinished(async () => {
    const pid = await postmasterOf(folder);
    if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGQUIT");
    while (pid !== undefined && (await commandLineOf(pid)) !== "") await nextTurn();
    await rm(parent, { recursive: true, force: true });
  });
  return { parent, folder };
}

async function postmasterOf(folder: string): Promise<number | undefined> {
  const file = await readFile(join(folder, "cluster", "data", "postmaster.pid"), "utf8").catch(() => "");
  return Number.parseInt(file, 10) || undefined;
}

const nextTurn = () => new Promise((resume) => setImmediate(resume));

async function ask(connection: DatabaseConnection, statement: string): Promise<unknown[]> {
  const client = new Client(connection);
  client.on("error", silent);
  await client.connect();
  try {
    return (await client.query({ text: statement, rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

/** Opens the server from a process of its own, which says what it found and lives on until it is killed. */
function openElsewhere(folder: string, identity: { uid?: number; gid?: number } = {}): ChildProcess {
  const module = new URL("./embedded.ts", import.meta.url);
  const script = `import { openEmbedded } from ${JSON.stringify(module.href)};
    try {
      const server = await openEmbedded(${JSON.stringify(folder)}, () => undefined);
      console.log(JSON.stringify({ ...server, user: process.getuid() }));
    } catch (error) { console.log(JSON.stringify({ fault: error.message })); process.exit(1); }
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: "/",
    env: { PATH: process.env.PATH, HOME: "/nonexistent" },
    stdio: ["ignore", "pipe", "inherit"],
    ...identity,
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function firstLine(child: ChildProcess): Promise<EmbeddedPostgres & { user: number; fault?: string }> {
  for await (const line of child.stdout ?? []) return JSON.parse(String(line));
  throw new Error("the process ended without a word");
}

async function killAndWait(child: ChildProcess): Promise<void> {
  const ended = new Promise((settle) => child.once("exit", settle));
  child.kill("SIGKILL");
  await ended;
}

test("a server is made at the first start, stopped, and found as it was at the second", async () => {
  const { folder } = await setup();
  const first = await openEmbedded(folder, silent);
  expect(first.adopted).toBe(false);
  await ask(first.connection, "create table kept as select 42 as n");
  await first.stop();
  expect(await commandLineOf(first.pid)).toBe("");
  const second = await openEmbedded(folder, silent);
  expect(second.adopted).toBe(false);
  expect(second.connection.password).toBe(first.connection.password);
  expect(await ask(second.connection, "select n from kept")).toEqual([42]);
});

test("the server outlives a killed service and is adopted by the next", async () => {
  const { folder } = await setup();
  const service = openElsewhere(folder);
  const first = await firstLine(service);
  await ask(first.connection, "create table kept as select 1 as n");
  await killAndWait(service);
  const observed: unknown[] = [];
  const second = await openEmbedded(folder, (observation) => observed.push(observation));
  expect(second).toMatchObject({ adopted: true, pid: first.pid, connection: first.connection });
  expect(observed).toEqual([{ event: "database-started", folder, adopted: true }]);
  expect(await ask(second.connection, "select n from kept")).toEqual([1]);
});

test("a killed server is started again and has everything that was committed", async () => {
  const { folder } = await setup();
  const first = await openEmbedded(folder, silent);
  await ask(first.connection, "create table kept as select 7 as n");
  process.kill(first.pid, "SIGKILL");
  const second = await openEmbedded(folder, silent);
  expect(second.adopted).toBe(false);
  expect(second.pid).not.toBe(first.pid);
  expect(await ask(second.connection, "select n from kept")).toEqual([7]);
});

test("a server that was killed while it is open is revived at the same address, and stopped at the end", async () => {
  const { folder } = await setup();
  const observed: unknown[] = [];
  const opened = await openEmbedded(folder, (observation) => observed.push(observation));
  await opened.revive();
  process.kill(opened.pid, "SIGKILL");
  await Promise.all([opened.revive(), opened.revive()]);
  expect(await ask(opened.connection, "select 3")).toEqual([3]);
  expect(observed).toHaveLength(2);
  await opened.stop();
  expect(await ask(opened.connection, "select 3").catch(String)).toMatch("ENOENT");
});

test("a stale file that names another living process does not keep the server from starting", async () => {
  const { folder } = await setup();
  const first = await openEmbedded(folder, silent);
  const file = join(folder, "cluster", "data", "postmaster.pid");
  const content = await readFile(file, "utf8");
  await first.stop();
  await writeFile(file, content.replace(/^\d+/, String(process.pid)), { mode: 0o600 });
  const { uid, gid } = await stat(folder);
  await chown(file, uid, gid);
  const second = await openEmbedded(folder, silent);
  expect(await ask(second.connection, "select 1")).toEqual([1]);
});

test("processes that open the same new folder at once share one server", async () => {
  const { folder } = await setup();
  const services = [openElsewhere(folder), openElsewhere(folder), openElsewhere(folder)];
  const opened = await Promise.all(services.map(firstLine));
  expect(new Set(opened.map(({ pid }) => pid)).size).toBe(1);
  expect(new Set(opened.map(({ connection }) => connection.password)).size).toBe(1);
  expect(opened.filter(({ adopted }) => !adopted)).toHaveLength(1);
  expect((await readdir(folder)).filter((name) => name.startsWith("cluster"))).toEqual(["cluster"]);
});

test("whoever stops first leaves the server to the other", async () => {
  const { folder } = await setup();
  const service = openElsewhere(folder);
  await firstLine(service);
  const mine = await openEmbedded(folder, silent);
  await mine.stop();
  expect(await ask(mine.connection, "select 1")).toEqual([1]);
  await killAndWait(service);
  const last = await openEmbedded(folder, silent);
  await last.stop();
  expect(await commandLineOf(last.pid)).toBe("");
});

test("the socket asks for the password, and there is no other way in", async () => {
  const { folder } = await setup();
  const { connection } = await openEmbedded(folder, silent);
  await expect(ask({ ...connection, password: "wrong" }, "select 1")).rejects.toMatchObject({
    code: "28P01",
  });
  expect(await ask(connection, "show listen_addresses")).toEqual([""]);
  expect(await ask(connection, "show fsync")).toEqual(["on"]);
  expect(await ask(connection, "select distinct auth_method from pg_hba_file_rules order by 1")).toEqual([
    "reject",
    "scram-sha-256",
  ]);
});

test("nobody but its owner can enter the folder, its socket's or read the password", async () => {
  const { folder } = await setup();
  await openEmbedded(folder, silent);
  const mode = async (...names: string[]) => ((await lstat(join(folder, ...names))).mode & 0o777).toString(8);
  expect(await mode()).toBe("700");
  expect(await mode("socket")).toBe("700");
  expect(await mode("cluster", "password")).toBe("600");
  expect(await mode("server.log")).toBe("600");
});

test("a folder whose path is too long for a socket gets its socket elsewhere", async () => {
  const { folder } = await setup("long-".repeat(24));
  const { connection, stop } = await openEmbedded(folder, silent);
  expect(connection.host.startsWith(folder)).toBe(false);
  expect((await lstat(connection.host)).mode & 0o777).toBe(0o700);
  expect(await ask(connection, "select 1")).toEqual([1]);
  await stop();
  await rm(connection.host, { recursive: true });
});

test("names in any script have trigrams", async () => {
  const { folder } = await setup();
  const { connection } = await openEmbedded(folder, silent);
  await ask(connection, "create extension pg_trgm");
  expect(await ask(connection, "select cardinality(show_trgm('每日作业'))")).toEqual([5]);
});

test.runIf(asRoot)(
  "under a folder that only root can enter, the server runs in a user namespace",
  async () => {
    const { parent, folder } = await setup();
    await chmod(parent, 0o700);
    const { connection, stop } = await openEmbedded(folder, silent);
    expect((await stat(folder)).uid).toBe(0);
    expect(await ask(connection, "select 1")).toEqual([1]);
    await stop();
    const again = await openEmbedded(folder, silent);
    expect(await ask(again.connection, "select 1")).toEqual([1]);
  },
);

test.runIf(asRoot)("a plain user's server runs as that user, who cannot open another's", async () => {
  const { parent, folder } = await setup();
  await chown(parent, 64_001, 64_001);
  const opened = await firstLine(openElsewhere(folder, { uid: 64_001, gid: 64_001 }));
  expect(opened).toMatchObject({ adopted: false, user: 64_001 });
  expect((await stat(folder)).uid).toBe(64_001);
  expect(await ask(opened.connection, "select 1")).toEqual([1]);
  const stranger = await firstLine(openElsewhere(folder, { uid: 64_002, gid: 64_002 }));
  expect(stranger.fault).toContain("belongs to user 64001");
});

test.runIf(asRoot)("a folder that cannot be made is a fault that names it", async () => {
  const { folder } = await setup();
  const { fault } = await firstLine(openElsewhere(folder, { uid: 64_001, gid: 64_001 }));
  expect(fault).toMatch(/the database's folder .* cannot be used: EACCES/);
});

test("data of another major version is refused by name", async () => {
  const { folder } = await setup();
  const { stop } = await openEmbedded(folder, silent);
  await stop();
  await writeFile(join(folder, "cluster", "data", "PG_VERSION"), "17\n");
  await expect(openEmbedded(folder, silent)).rejects.toMatchObject({
    code: "server-unavailable",
    message: expect.stringMatching(/is of PostgreSQL 17, this release brings 18/),
  });
});

test("a server that cannot start says why", async () => {
  const { folder } = await setup();
  const opening = openEmbedded(folder, silent, { settings: { shared_buffers: "much" } });
  await expect(opening).rejects.toMatchObject({
    code: "server-unavailable",
    message: expect.stringContaining("shared_buffers"),
  });
});

const warehouse: OwnedDatabase = {
  name: "warehouse",
  password: "first'",
  connectionsMax: 2,
  statementTimeoutMs: 200,
  temporaryFilesMaxBytes: 1024 * 1024,
};

test("a role that owns a database can do all there, and enter no other", async () => {
  const { folder } = await setup();
  const server = (await openEmbedded(folder, silent)).connection;
  const owner = await ensureOwnedDatabase(server, warehouse);
  await ask(owner, "create schema staging");
  await ask(owner, "create table staging.t as select 1 as n");
  for (const database of ["azalai", "postgres", "template1"]) {
    await expect(ask({ ...owner, database }, "select 1")).rejects.toMatchObject({ code: "42501" });
  }
  for (const forbidden of [
    "create role r",
    "create database d",
    "copy (select 1) to program 'true'",
    "select pg_read_file('PG_VERSION')",
  ]) {
    await expect(ask(owner, forbidden)).rejects.toMatchObject({ code: "42501" });
  }
});

test("the role's statements, connections and temporary files are bounded", async () => {
  const { folder } = await setup();
  const server = (await openEmbedded(folder, silent)).connection;
  const owner = await ensureOwnedDatabase(server, warehouse);
  await expect(ask(owner, "select pg_sleep(60)")).rejects.toMatchObject({ code: "57014" });
  await expect(
    ask(
      owner,
      "set work_mem = '64kB'; select count(*) from (select g from generate_series(1, 500000) g order by g::text) s",
    ),
  ).rejects.toMatchObject({ code: "53400" });
  await expect(ask(owner, "set temp_file_limit = -1")).rejects.toMatchObject({ code: "42501" });
  const clients = [new Client(owner), new Client(owner)];
  await Promise.all(clients.map((client) => client.connect()));
  await expect(ask(owner, "select 1")).rejects.toMatchObject({ code: "53300" });
  await Promise.all(clients.map((client) => client.end()));
});

test("a second call keeps the data and sets the new password", async () => {
  const { folder } = await setup();
  const server = (await openEmbedded(folder, silent)).connection;
  const before = await ensureOwnedDatabase(server, warehouse);
  await ask(before, "create table kept as select 5 as n");
  const after = await ensureOwnedDatabase(server, { ...warehouse, password: "second" });
  expect(await ask(after, "select n from kept")).toEqual([5]);
  await expect(ask(before, "select 1")).rejects.toMatchObject({ code: "28P01" });
});
