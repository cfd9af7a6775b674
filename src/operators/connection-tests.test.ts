/** Tries of connections against real servers: a PostgreSQL, DuckDB, and addresses where nobody answers. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { NO_SOURCES } from "../../test/setup/no-sources.ts";
import { type OperatorWorld, operatorWorld } from "../../test/setup/operators.ts";
import { testDatabase } from "../../test/setup/postgres.ts";
import { startProxy } from "../../test/setup/proxy.ts";
import type { Connection, ConnectionConfig, ConnectionType } from "../domain/connection.ts";
import { createClusterAdapters } from "./cluster-adapters.ts";
import { createConnectionTest } from "./connection-tests.ts";
import { createOperators } from "./registry.ts";
import type { OperatorSettings } from "./settings.ts";

let world: OperatorWorld;
beforeAll(async () => {
  world = await operatorWorld();
});
afterAll(() => world.close());

interface Options {
  readonly settings?: Partial<OperatorSettings>;
  readonly warehouse?: boolean;
  readonly localCommandsAllowed?: boolean;
  readonly signal?: AbortSignal;
  readonly timeMs?: number;
}

/** A busy machine takes its time. */
const PATIENCE_MS = 120_000;

async function tryOut(type: ConnectionType, config: ConnectionConfig, options: Options = {}) {
  const { settings = {}, warehouse = false, localCommandsAllowed = true } = options;
  const all = { ...world.settings, allowedAddresses: ["loopback"], ...settings };
  const at = new Date();
  const connection: Connection = {
    ...{ projectId: "project-a", workspaceId: "default", id: 1, name: "c", description: null, type, config },
    ...{ warehouse, createdAt: at, createdBy: "x", updatedAt: at, updatedBy: "x" },
  };
  const deps = {
    settings: all,
    operators: createOperators(all, world.runner, createClusterAdapters(all)),
    buckets: NO_SOURCES.buckets,
    localCommandsAllowed: async () => localCommandsAllowed,
    now: () => at,
  };
  const testConnection = createConnectionTest(deps, options.timeMs ?? PATIENCE_MS);
  return await testConnection(connection, options.signal ?? new AbortController().signal);
}

async function postgres() {
  const { connection } = await testDatabase();
  const { user, password, database } = connection;
  const { port } = (await startProxy(connection)).connection;
  return { ip: "127.0.0.1", port, userName: user, password, database };
}

test("a PostgreSQL that lets in is named with its user and database", async () => {
  const config = await postgres();
  const result = await tryOut("RDS", config);
  expect(result).toEqual({
    ok: true,
    detail: expect.stringMatching(/^PostgreSQL \d+[.]\d+.*, as "\w+" in the database "\w+"$/),
  });
  expect(JSON.stringify(result)).toContain(config.database);
  expect((await tryOut("DWS", config)).ok).toBe(true);
});

test("a wrong password, a missing database and a missing address are told with the reason", async () => {
  const config = await postgres();
  const reason = async (changes: ConnectionConfig, options?: Options) => {
    const result = await tryOut("RDS", { ...config, ...changes }, options);
    return result.ok ? "it was let in" : result.reason;
  };
  expect(await reason({ database: "none_such" })).toContain('database "none_such" does not exist');
  expect(await reason({ userName: "none_such", password: "none_such" })).not.toBe("it was let in");
  expect(await reason({ ip: "" })).toContain("has no address");
  expect(await reason({ port: 1 })).toContain("ECONNREFUSED");
  expect(await reason({ ip: "169.254.169.254" })).toContain("may not be reached");
  expect(await reason({}, { settings: { allowedAddresses: [] } })).toContain("loopback");
  expect(await reason({ driverName: "oracle.jdbc.OracleDriver" })).toContain("cannot dial");
});

test("a secret in the words of the other side is covered", async () => {
  const config = await postgres();
  const result = await tryOut("RDS", { ...config, database: "of-canary-word", password: "canary-word" });
  expect(result.ok).toBe(false);
  expect(JSON.stringify(result)).not.toContain("canary-word");
});

test("the service's own database is not tried", async () => {
  const config = await postgres();
  const ownDatabase = { host: "127.0.0.1", port: config.port, database: config.database };
  const result = await tryOut("RDS", config, { settings: { ownDatabase } });
  expect(result).toEqual({ ok: false, reason: "The connection leads to the service's own database." });
});

test("who takes the call and says nothing is given up after a while, and as soon as the client goes away", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = new AbortController();
  server.once("connection", (socket) => {
    socket.on("error", () => undefined);
    client.abort();
  });
  const result = await tryOut("RDS", { ip: "127.0.0.1", port }, { signal: client.signal });
  expect(result.ok).toBe(false);
  expect(await tryOut("RDS", { ip: "127.0.0.1", port }, { timeMs: 20 })).toEqual({
    ok: false,
    reason: "no answer within 0.02 s",
  });
});

test("the warehouse is tried with its own log-in, and missed where there is none", async () => {
  const { connection } = await testDatabase();
  const warehouse = async () => connection;
  expect((await tryOut("RDS", {}, { warehouse: true, settings: { warehouse } })).ok).toBe(true);
  expect(await tryOut("RDS", {}, { warehouse: true })).toMatchObject({ ok: false });
});

test("DLI is the server's own DuckDB, where commands may run", async () => {
  expect(await tryOut("DLI", {})).toEqual({
    ok: true,
    detail: expect.stringMatching(/^DuckDB of this server, \[\["v/),
  });
  expect(await tryOut("DLI", {}, { localCommandsAllowed: false })).toEqual({
    ok: false,
    reason: "The administrator does not let this project run DLISQL nodes on the server.",
  });
});

test("what this server has no driver for is refused by its type", async () => {
  for (const type of ["CloudTable"] as const)
    expect(await tryOut(type, { clusterName: "c", ip: "127.0.0.1" })).toEqual({
      ok: false,
      reason: `This server cannot dial "c" of type ${type}.`,
    });
});
