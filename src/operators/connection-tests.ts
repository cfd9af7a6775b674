/** Tries connections: dials what they lead to and logs in, by the ways by which nodes and events would. */
import { randomUUID } from "node:crypto";
import type { Connection, TestConnection } from "../domain/connection.ts";
import { type ConnectionKind, kindOf } from "../domain/connection-kind.ts";
import { Fault } from "../domain/fault.ts";
import { createSecretMask } from "../domain/secret-mask.ts";
import { createAddressGuard } from "./address-guard.ts";
import { probeHive } from "./hive-probe.ts";
import { createBrokerConnections, explained, loadKafka } from "./kafka-connection.ts";
import { loadMysql, mysqlTarget } from "./mysql-connection.ts";
import { openMysqlSession } from "./mysql-session.ts";
import type { Buckets, Operator } from "./operator.ts";
import { orAborted } from "./or-aborted.ts";
import { type PostgresSettings, postgresConfig } from "./postgres-connection.ts";
import { openPostgresSession } from "./postgres-session.ts";
import { createEndpointTest } from "./s3-bucket.ts";
import { loadSsh, sshTarget } from "./ssh-connection.ts";
import { openSshSession } from "./ssh-session.ts";

export interface ConnectionTestDeps {
  readonly settings: PostgresSettings;
  readonly operators: readonly Operator[];
  readonly buckets: (projectId: string) => Buckets;
  readonly localCommandsAllowed: (projectId: string) => Promise<boolean>;
  readonly now: () => Date;
}

/** Gives what is worth telling of the other side; rejects where it is of no use. */
type Test = (connection: Connection, signal: AbortSignal) => Promise<string>;

const TEST_MS = 10_000;

/** Each try is given up after `timeMs`. */
export function createConnectionTest(deps: ConnectionTestDeps, timeMs = TEST_MS): TestConnection {
  const { allowedAddresses } = deps.settings;
  const tests: Readonly<Partial<Record<ConnectionKind, Test>>> = {
    postgres: createPostgresTest(deps.settings),
    mysql: createMysqlTest(deps.settings),
    host: createHostTest(deps),
    kafka: createKafkaTest(allowedAddresses),
    s3: createEndpointTest({ allowedAddresses, now: deps.now }),
    duckdb: createDuckdbTest(deps),
    hive: async (connection, signal) => (await probeHive(deps.settings, connection, signal)).detail,
  };
  return async (connection, signal) => {
    const test = tests[kindOf(connection.type, connection.config)] ?? refuseTest;
    const time = AbortSignal.timeout(timeMs);
    const bounded = AbortSignal.any([signal, time]);
    try {
      return { ok: true, detail: await orAborted(test(connection, bounded), bounded) };
    } catch (error) {
      const reason = time.aborted ? `no answer within ${timeMs / 1000} s` : messageOf(error);
      return { ok: false, reason: createSecretMask(connection.config)?.cover(reason) ?? reason };
    }
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const refuseTest: Test = async ({ name, type }) => {
  throw new Fault("unsupported", "engine-missing", `This server cannot dial "${name}" of type ${type}.`);
};

function createPostgresTest(settings: PostgresSettings): Test {
  const guard = createAddressGuard(settings.allowedAddresses);
  return async (connection, signal) => {
    const config = await postgresConfig(settings, guard, connection);
    const session = await openPostgresSession(
      { ...config, application_name: "azalai connection test", statement_timeout: TEST_MS },
      signal,
    );
    // A server that has let us in and then says nothing.
    const abandon = () => session.client.connection.stream.destroy();
    signal.addEventListener("abort", abandon, { once: true });
    try {
      const { rows } = await session.client.query<{ version: string; user: string; database: string }>(
        `select current_setting('server_version') as version, current_user as "user", current_database() as database`,
      );
      const { version = "", user = "", database = "" } = rows[0] ?? {};
      return `PostgreSQL ${version}, as "${user}" in the database "${database}"`;
    } finally {
      signal.removeEventListener("abort", abandon);
      await session.close();
    }
  };
}

function createMysqlTest({ allowedAddresses, sql }: PostgresSettings): Test {
  const guard = createAddressGuard(allowedAddresses);
  return async (connection, signal) => {
    const target = await mysqlTarget(sql, guard, connection);
    const session = await openMysqlSession(await loadMysql(), target, signal);
    signal.addEventListener("abort", session.abandon, { once: true });
    try {
      const [version = "", user = "", database] = await session.firstRow(
        "select version(), current_user(), database()",
      );
      const product = /mariadb/i.test(version ?? "") ? "MariaDB" : "MySQL";
      const place = database === null ? "without a database" : `in the database "${database}"`;
      return `${product} ${version}, as "${user}" ${place}`;
    } finally {
      signal.removeEventListener("abort", session.abandon);
      await session.close();
    }
  };
}

function createHostTest({ settings, buckets, localCommandsAllowed }: ConnectionTestDeps): Test {
  const guard = createAddressGuard(settings.allowedAddresses);
  return async (connection, signal) => {
    if (connection.name === "local") {
      if (await localCommandsAllowed(connection.projectId)) return "this server itself";
      throw new Fault("forbidden", "reference-invalid", "This project may run no commands on the server.");
    }
    const target = await sshTarget(guard, connection, buckets(connection.projectId));
    const session = await openSshSession(await loadSsh(), target, signal);
    try {
      if (await session.succeeds("/bin/sh -c true"))
        return `an SSH host, as "${target.user}"; its key is ${session.hostKey}`;
      throw new Fault(
        "unavailable",
        "server-unavailable",
        "The host lets in, but runs no commands of /bin/sh.",
      );
    } finally {
      session.close();
    }
  };
}

function createKafkaTest(allowedAddresses: readonly string[]): Test {
  const guard = createAddressGuard(allowedAddresses);
  return async (connection) => {
    const kafka = await loadKafka();
    const connections = createBrokerConnections(kafka, guard, connection);
    try {
      const { brokers } = await kafka.metadataV12.api.async(await connections.first(), [], false, false);
      return `a Kafka cluster with ${brokers.length} ${brokers.length === 1 ? "broker" : "brokers"}`;
    } catch (error) {
      throw explained(kafka, error);
    } finally {
      await connections.close();
    }
  };
}

/** The engine that stands in for the service of the vendor: started as for a node, asked for its version. */
function createDuckdbTest({ operators, buckets, localCommandsAllowed }: ConnectionTestDeps): Test {
  return async (connection, signal) => {
    const duckdb = operators.find(({ types }) => types.includes("DLISQL"));
    if (duckdb === undefined) return await refuseTest(connection, signal);
    const { name: nodeName, projectId, workspaceId } = connection;
    const work = {
      ...{ projectId, workspaceId, instanceId: 0, nodeName, type: "DLISQL", attempt: 1 },
      idempotencyKey: `connection-test-${randomUUID()}`,
      properties: { statement: "select version()" },
      lateProperties: async () => ({}),
      ...{ files: [], args: [], environment: {}, outputForm: "rows" as const },
      localCommandsAllowed: await localCommandsAllowed(projectId),
    };
    const outcome = await duckdb.run(work, {
      signal,
      log: () => undefined,
      background: false,
      buckets: buckets(projectId),
      children: { open: () => refuse() },
      submissions: { open: () => refuse() },
      publish: () => refuse(),
    });
    if (outcome.state === "succeeded") return `DuckDB of this server, ${outcome.output ?? ""}`;
    throw new Fault("unavailable", "engine-missing", outcome.message ?? "DuckDB was stopped");
  };
}

function refuse(): never {
  throw new RangeError("a test runs no other jobs, hands nothing over to clusters and publishes nothing");
}
