/** Connections to Kafka's brokers: each address is checked before it is dialled, the advertised ones too. */
import { isIP } from "node:net";
import type { Connection, ConnectionOptions } from "@platformatic/kafka";
import {
  type Broker,
  readBrokers,
  readCertificate,
  readSaslMechanism,
  readSwitch,
} from "../domain/connection-config.ts";
import { Fault } from "../domain/fault.ts";
import type { AddressGuard } from "./address-guard.ts";
import { refuseConnection, required } from "./connection-members.ts";
import type { WorkConnection } from "./operator.ts";

/** The client's package, which is loaded when a topic is first opened: it is an optional one. */
export type KafkaPackage = typeof import("@platformatic/kafka");

/** Connections of one reader, one for each broker. */
export interface BrokerConnections {
  /** To the first broker of the connection's own list that answers. */
  readonly first: () => Promise<Connection>;
  /** To a broker that the cluster advertises. Faults as of the guard's `resolve`. */
  readonly to: (broker: Broker) => Promise<Connection>;
  readonly close: () => Promise<void>;
}

const CLIENT = "azalai";
const CONNECT_TIMEOUT_MS = 5_000;
/** Longer than any wait for messages. */
const REQUEST_TIMEOUT_MS = 15_000;

/** @throws Fault `reference-invalid` for a connection that leads to no Kafka cluster, or an address that is refused. */
export function createBrokerConnections(
  kafka: KafkaPackage,
  guard: AddressGuard,
  connection: WorkConnection,
): BrokerConnections {
  const { name, type, config } = connection;
  if (type !== "Kafka") refuseConnection(`The connection "${name}" is of type ${type}, not Kafka.`);
  const brokers = required(readBrokers(config));
  const open = new Map<string, Promise<Connection>>();

  async function dial({ host, port }: Broker): Promise<Connection> {
    const { address } = await guard.resolve(host);
    const dialled = new kafka.Connection(CLIENT, optionsOf(connection, host));
    // What fails is told by the call that was under way; without a listener it would end the process.
    dialled.on("error", () => undefined);
    await dialled.connect(address, port);
    return dialled;
  }

  function to(broker: Broker): Promise<Connection> {
    const key = `${broker.host}:${broker.port}`;
    const known = open.get(key);
    if (known !== undefined) return known;
    const dialled = dial(broker);
    open.set(key, dialled);
    return dialled;
  }

  return {
    to,
    first: async () => {
      const failures: unknown[] = [];
      for (const broker of brokers) {
        try {
          return await to(broker);
        } catch (error) {
          if (error instanceof Fault && error.kind === "invalid") throw error;
          failures.push(error);
        }
      }
      const reasons = new Set(failures.map(reasonOf));
      throw new Fault(
        "unavailable",
        "server-unavailable",
        `No broker can be used: ${[...reasons].join("; ")}`,
      );
    },
    close: async () => {
      const settled = await Promise.allSettled(open.values());
      open.clear();
      await Promise.allSettled(
        settled.map((result) => (result.status === "fulfilled" ? result.value.close() : undefined)),
      );
    },
  };
}

/** The client wraps what happened: the innermost error says it. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}

/**
 * `sslEnable`, `caCertificate`, `userName`, `password`, `saslMechanism` of the connection; the name is what a
 * certificate is held to.
 */
function optionsOf({ config }: WorkConnection, host: string): ConnectionOptions {
  const { userName, password } = config;
  const mechanism = required(readSaslMechanism(config));
  const ca = required(readCertificate(config));
  return {
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    ...(required(readSwitch(config, "sslEnable", false)) && {
      tls: ca === undefined ? {} : { ca },
      ...(isIP(host) === 0 && { tlsServerName: host }),
    }),
    ...(typeof userName === "string" &&
      userName !== "" && { sasl: { mechanism, username: userName, password: String(password ?? "") } }),
  };
}

/** @throws Fault `engine-missing` where the package is not installed. */
export async function loadKafka(): Promise<KafkaPackage> {
  try {
    return await import("@platformatic/kafka");
  } catch (cause) {
    const message = "The package @platformatic/kafka is not installed on this server: npm install brings it.";
    throw new Fault("unavailable", "engine-missing", message, { cause });
  }
}

/** What the client tells of a cluster's refusals is in their causes. */
export function explained(kafka: KafkaPackage, error: unknown): unknown {
  if (!(error instanceof kafka.MultipleErrors)) return error;
  const reasons = new Set(error.errors.map((one) => (one instanceof Error ? one.message : String(one))));
  return new Fault("unavailable", "server-unavailable", [...reasons].join("; "), { cause: error });
}
