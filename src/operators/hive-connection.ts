/** Where a connection to Hive or Spark SQL leads: the address is checked before it is dialled, the way to log in is chosen. */
import { connect as dial, isIP } from "node:net";
import { connect as dialTls } from "node:tls";
import { readCertificate, readHiveLogin, readSwitch, textOf } from "../domain/connection-config.ts";
import { Fault } from "../domain/fault.ts";
import type { AddressGuard } from "./address-guard.ts";
import { hostOf, required } from "./connection-members.ts";
import type { EnginePlace } from "./local-engine.ts";
import type { WorkCluster, WorkConnection } from "./operator.ts";
import type { SqlLimits } from "./settings.ts";
import type { ThriftTarget } from "./thrift-line.ts";

export type HiveTarget = ThriftTarget & { readonly user: string };

type HiveLimits = Pick<SqlLimits, "connectTimeoutMs" | "readBytesMax">;

const PORT = 10_000;
/** Beside the values of an answer stands what they are. */
const REPLY_BYTES_MORE = 1024 * 1024;

/** Faults: as of the guard's `resolve`; `connection-invalid` for a connection without an address. */
export async function hiveTarget(
  limits: HiveLimits,
  guard: AddressGuard,
  connection: Pick<WorkConnection, "name" | "config">,
): Promise<HiveTarget> {
  const { config } = connection;
  const login = required(readHiveLogin(config));
  if (login === "kerberos")
    throw new Fault(
      "unsupported",
      "engine-missing",
      `The connection "${connection.name}" asks for Kerberos, which this server does not have.`,
    );
  const host = hostOf(connection);
  const { address } = await guard.resolve(host);
  const place = { host: address, port: Number(textOf(config, "port") || PORT) };
  const ca = required(readCertificate(config));
  const tls = required(readSwitch(config, "sslEnable", false)) && {
    ...place,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    rejectUnauthorized: textOf(config, "sslMode") !== "require",
  };
  const user = textOf(config, "userName");
  return {
    ...targetOf(limits, user),
    dial: () =>
      tls === false
        ? { socket: dial(place), ready: "connect" }
        : { socket: dialTls(tls), ready: "secureConnect" },
    ...(login !== "nosasl" && { login: { user, password: textOf(config, "password") } }),
  };
}

/** The service of a cluster as a connection. Fault `cluster-service-missing` where the cluster has none of the kind. */
export function hiveOf({ name, services: { hive } }: WorkCluster): Pick<WorkConnection, "name" | "config"> {
  if (hive === undefined)
    throw new Fault("invalid", "cluster-service-missing", `The cluster "${name}" has no service hive.`);
  const { host, port, auth = "none", user = "", password = "", tls = false } = hive;
  return { name, config: { ip: host, port, auth, userName: user, password, sslEnable: tls } };
}

/** Of a server on this machine that is our own: at the loopback address, behind a secret. */
export function localHiveTarget(
  limits: HiveLimits,
  { port, secret }: Pick<EnginePlace, "port" | "secret">,
): HiveTarget {
  return {
    ...targetOf(limits, "azalai"),
    dial: () => ({ socket: dial({ host: "127.0.0.1", port }), ready: "connect" }),
    login: { user: "azalai", password: secret },
  };
}

function targetOf({ connectTimeoutMs, readBytesMax }: HiveLimits, user: string) {
  return { user, connectTimeoutMs, replyBytesMax: readBytesMax + REPLY_BYTES_MORE };
}
