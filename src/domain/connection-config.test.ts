/** Rules of a connection's configuration, by its type. */
import { expect, test } from "vitest";
import { CONNECTION_TYPES, type ConnectionConfig, type ConnectionType } from "./connection.ts";
import { checkConfig, readBrokers } from "./connection-config.ts";
import { kindOf } from "./connection-kind.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/** The least that a type needs. */
const LEAST: Readonly<Partial<Record<ConnectionType, ConnectionConfig>>> = {
  Kafka: { brokers: "b" },
  S3: { endpoint: "https://s3.example.com" },
};

test.each([
  ["DWS", { clusterName: "c", userName: "u", password: "p", sslEnable: false, kmsKey: "k", agentName: "a" }],
  ["SparkSQL", { clusterName: "c", connectionMethod: "agent", userName: "u", password: "p" }],
  ["HIVE", { clusterName: "c", connectionMethod: "direct" }],
  ["RDS", { ip: "h", port: "65535", driverName: "org.postgresql.Driver", sslEnable: "True", more: 5 }],
  ["CloudTable", { clusterName: "c" }],
  ["HOST", { ip: "h", port: 1, keyLocation: "obs://b/key" }],
  ["DLI", {}],
  ["Kafka", { brokers: "a:1, [::1]:65535,c", saslMechanism: "SCRAM-SHA-512", caCertificate: PEM }],
  [
    "S3",
    { endpoint: "http://h:1/x", accessKey: "a", secretKey: "s", intervalSeconds: 1, pathStyle: "false" },
  ],
  ["S3", { endpoint: "https://h", intervalSeconds: "86400", caCertificate: "", accessKey: "" }],
] as const)("a configuration of type %s is legal: %j", (type, config) => {
  expect(checkConfig(type, config)).toEqual([]);
});

test.each([
  ["RDS", { sslEnable: "yes" }, "config.sslEnable must be true or false"],
  ["DWS", { sslEnable: 1 }, "config.sslEnable must be true or false"],
  ["Hive", { connectionMethod: "Agent" }, "config.connectionMethod must be one of agent, direct"],
  ["Kafka", { brokers: "" }, "config.brokers must be host:port, …: it names no brokers"],
  ["Kafka", { brokers: "a:1,b:65536" }, 'config.brokers must be host:port, …: "b:65536" is no broker'],
  ["Kafka", { brokers: "a:0" }, 'config.brokers must be host:port, …: "a:0" is no broker'],
  [
    "Kafka",
    { saslMechanism: "x" },
    "config.saslMechanism must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
  ],
  ["Kafka", { caCertificate: "x" }, "config.caCertificate must be a certificate as PEM text"],
  ["S3", { endpoint: "" }, "config.endpoint must be an address such as https://s3.example.com"],
  ["S3", { endpoint: "ftp://h" }, "config.endpoint must be an address such as https://s3.example.com"],
  ["S3", { endpoint: "https://u@h" }, "config.endpoint must be an address such as https://s3.example.com"],
  ["S3", { endpoint: "https://h?x" }, "config.endpoint must be an address such as https://s3.example.com"],
  ["S3", { accessKey: "a" }, "config.accessKey and secretKey must be given both, or neither"],
  ["S3", { intervalSeconds: 0 }, "config.intervalSeconds must be a whole number from 1 to 86400"],
  ["S3", { intervalSeconds: 86_401 }, "config.intervalSeconds must be a whole number from 1 to 86400"],
  ["S3", { pathStyle: "path" }, "config.pathStyle must be true or false"],
  ["HOST", { port: 0 }, "config.port must be a whole number from 1 to 65535"],
  ["HOST", { password: 5 }, "config.password must be a text"],
  ["HOST", { ip: ["h"] }, "config.ip must be a text, a number or a boolean"],
  ["DLI", { note: "x".repeat(4097) }, "config.note must be at most 4096 characters"],
] as const)("a configuration of type %s is refused: %j", (type, config, problem) => {
  expect(checkConfig(type, { ...LEAST[type], ...config })).toEqual([problem]);
});

test("every problem of the members is told at once", () => {
  const config = { brokers: "", saslMechanism: "x", sslEnable: "x", caCertificate: "x" };
  expect(checkConfig("Kafka", config)).toHaveLength(4);
  expect(checkConfig("RDS", { port: 0, password: 1 })).toHaveLength(2);
});

test("a hundred members are taken, one more is not", () => {
  const members = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, 1]));
  expect(checkConfig("RDS", members(100))).toEqual([]);
  expect(checkConfig("RDS", members(101))).toEqual(["config: must have at most 100 members"]);
});

test("brokers without a port have Kafka's", () => {
  expect(readBrokers({ brokers: "a, [::1]:1" })).toEqual({
    value: [
      { host: "a", port: 9092 },
      { host: "::1", port: 1 },
    ],
  });
});

test("what a connection leads to follows from its type, and of a database from its driver or port", () => {
  const kinds = CONNECTION_TYPES.map((type) => [type, kindOf(type, {})]);
  expect(Object.fromEntries(kinds)).toEqual({
    DWS: "postgres",
    DLI: "duckdb",
    SparkSQL: "hive",
    HIVE: "hive",
    Hive: "hive",
    RDS: "postgres",
    CloudTable: "other",
    HOST: "host",
    Kafka: "kafka",
    S3: "s3",
  });
  for (const [config, kind] of [
    [{ driverName: "com.mysql.jdbc.Driver" }, "mysql"],
    [{ driverName: "org.mariadb.jdbc.Driver", port: 5432 }, "mysql"],
    [{ driverName: "oracle.jdbc.OracleDriver" }, "other"],
    [{ driverName: "org.postgresql.Driver", port: 3306 }, "postgres"],
    [{ port: "3306" }, "mysql"],
    [{ port: 3307 }, "postgres"],
  ] as const)
    expect(kindOf("RDS", config), JSON.stringify(config)).toBe(kind);
});
