/** The rules of a connection's configuration, and its members read by them: at a save, and again when it is dialled. */
import { isBucketName } from "./bucket.ts";
import { type ConnectionConfig, type ConnectionType, isSecretMember } from "./connection.ts";

/** What members say, or the rule that they break, e.g. `port must be …`. */
export type Read<Value> = { readonly value: Value } | { readonly problem: string };

/** Reads members of a configuration; one that is absent or empty has its default. */
type Reader<Value> = (config: ConnectionConfig) => Read<Value>;

export interface Broker {
  readonly host: string;
  readonly port: number;
}

/** A key by which a host is known: whole, or by its fingerprint, which does not say of what kind it is. */
export type HostKey =
  | { readonly type: string; readonly blob: string }
  | { readonly type?: undefined; readonly fingerprint: string };

/** A pair of keys of an S3 endpoint. */
export interface KeyPair {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Most characters of one text in a configuration. */
const CONFIG_TEXT_MAX = 4096;
const CONFIG_MEMBERS_MAX = 100;
const PORT_MAX = 65_535;
const BROKER_PORT = 9092;
const INTERVAL_SECONDS = 30;
const INTERVAL_SECONDS_MAX = 86_400;
const SASL_MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
const HIVE_LOGINS = ["none", "ldap", "custom", "nosasl", "kerberos"] as const;
const CONNECTION_METHODS = ["agent", "direct"] as const;
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;
const PUBLIC_KEY = /^((?:ssh|ecdsa|sk)-[a-z0-9@.-]+) +([A-Za-z0-9+/]{40,}={0,2})(?: .*)?$/;
const CERTIFICATE = /^-----BEGIN CERTIFICATE-----$/m;

/** `brokers`: at least one. */
export function readBrokers(config: ConnectionConfig): Read<readonly Broker[]> {
  const texts = textOf(config, "brokers")
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "");
  if (texts.length === 0) return { problem: "brokers must be host:port, …: it names no brokers" };
  const brokers: Broker[] = [];
  for (const text of texts) {
    const [, host, digits] = /^(\[[^\]]+\]|[^:\s]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
    const port = Number(digits ?? BROKER_PORT);
    if (host === undefined || !isPort(port))
      return { problem: `brokers must be host:port, …: "${text}" is no broker` };
    brokers.push({ host: host.replace(/^\[|\]$/g, ""), port });
  }
  return { value: brokers };
}

export function readSaslMechanism(config: ConnectionConfig): Read<(typeof SASL_MECHANISMS)[number]> {
  return readWord(config, "saslMechanism", SASL_MECHANISMS, "PLAIN");
}

/**
 * `auth`: how a HiveServer2 lets in, as its `hive.server2.authentication` says. Where the member is absent, `none`: a name and a
 * password that are checked or not.
 */
export function readHiveLogin(config: ConnectionConfig): Read<(typeof HIVE_LOGINS)[number]> {
  return readWord({ auth: textOf(config, "auth").toLowerCase() }, "auth", HIVE_LOGINS, "none");
}

/** `endpoint`: of an S3 service, without user and query. */
export function readEndpoint(config: ConnectionConfig): Read<URL> {
  const text = textOf(config, "endpoint").trim();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.search === "" && url.username === "")
    return { value: url };
  return { problem: "endpoint must be an address such as https://s3.example.com" };
}

/** `accessKey` and `secretKey`; undefined where neither is given. */
export function readKeyPair(config: ConnectionConfig): Read<KeyPair | undefined> {
  const [accessKey, secretKey] = [textOf(config, "accessKey"), textOf(config, "secretKey")];
  if ((accessKey === "") !== (secretKey === ""))
    return { problem: "accessKey and secretKey must be given both, or neither" };
  return { value: accessKey === "" ? undefined : { accessKey, secretKey } };
}

/** `buckets`: those of an S3 endpoint that `obs://bucket/key` means in the project, parted by commas. */
export function readBuckets(config: ConnectionConfig): Read<readonly string[]> {
  const names = textOf(config, "buckets")
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  const wrong = names.find((name) => !isBucketName(name));
  if (wrong !== undefined) return { problem: `buckets must be names of buckets, …: "${wrong}" is none` };
  return { value: [...new Set(names)] };
}

/** `intervalSeconds`: between two listings of a folder. */
export function readIntervalSeconds(config: ConnectionConfig): Read<number> {
  const seconds = Number(textOf(config, "intervalSeconds") || INTERVAL_SECONDS);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= INTERVAL_SECONDS_MAX) return { value: seconds };
  return { problem: `intervalSeconds must be a whole number from 1 to ${INTERVAL_SECONDS_MAX}` };
}

/** `caCertificate`: what the other side's certificate must be signed by, as PEM. */
export function readCertificate(config: ConnectionConfig): Read<string | undefined> {
  const text = textOf(config, "caCertificate");
  if (text === "") return { value: undefined };
  return CERTIFICATE.test(text)
    ? { value: text }
    : { problem: "caCertificate must be a certificate as PEM text" };
}

/** `hostKey`: the keys that a host may show, each on a line of its own; none where the member is absent. */
export function readHostKeys(config: ConnectionConfig): Read<readonly HostKey[]> {
  const lines = textOf(config, "hostKey")
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const keys: HostKey[] = [];
  for (const line of lines) {
    const [, type, blob] = PUBLIC_KEY.exec(line) ?? [];
    if (FINGERPRINT.test(line)) keys.push({ fingerprint: line });
    else if (type !== undefined && blob !== undefined) keys.push({ type, blob });
    else
      return {
        problem: "hostKey must be SHA256:… or ssh-ed25519 AAAA… as OpenSSH writes a host's public key",
      };
  }
  return { value: keys };
}

/** A switch, written as a truth value or as its name. */
export function readSwitch(config: ConnectionConfig, name: string, fallback: boolean): Read<boolean> {
  const text = textOf(config, name).toLowerCase();
  if (text === "") return { value: fallback };
  if (text === "true" || text === "false") return { value: text === "true" };
  return { problem: `${name} must be true or false` };
}

const readTls: Reader<boolean> = (config) => readSwitch(config, "sslEnable", false);
const readPathStyle: Reader<boolean> = (config) => readSwitch(config, "pathStyle", true);
const readMethod: Reader<string> = (config) =>
  readWord(config, "connectionMethod", CONNECTION_METHODS, "agent");

const HIVE_READERS: readonly Reader<unknown>[] = [readMethod, readHiveLogin, readTls, readCertificate];

/** What must be readable of a connection of a type. Where a DWS one leads has a refusal of its own: `hasAddress`. */
const READERS: Readonly<Record<ConnectionType, readonly Reader<unknown>[]>> = {
  DWS: [readTls, readCertificate],
  DLI: [],
  SparkSQL: HIVE_READERS,
  HIVE: HIVE_READERS,
  Hive: HIVE_READERS,
  RDS: [readTls, readCertificate],
  CloudTable: [],
  HOST: [readHostKeys],
  Kafka: [readBrokers, readTls, readSaslMechanism, readCertificate],
  S3: [readEndpoint, readKeyPair, readBuckets, readPathStyle, readIntervalSeconds, readCertificate],
};

/** Everything that is wrong with a configuration, its secrets included; empty when it is legal. */
export function checkConfig(type: ConnectionType, config: ConnectionConfig): string[] {
  const members = Object.entries(config);
  if (members.length > CONFIG_MEMBERS_MAX) return [`config: must have at most ${CONFIG_MEMBERS_MAX} members`];
  const problems = members.flatMap(([name, value]) => checkMember(name, value) ?? []);
  for (const read of problems.length > 0 ? [] : READERS[type]) {
    const found = read(config);
    if ("problem" in found) problems.push(`config.${found.problem}`);
  }
  return problems;
}

/** Whether a DWS connection says where it leads: a cluster or an address. */
export function hasAddress(config: ConnectionConfig): boolean {
  return textOf(config, "clusterName") !== "" || textOf(config, "ip") !== "";
}

/** The member as a text; empty where it is not given. */
export function textOf(config: ConnectionConfig, name: string): string {
  const value = config[name];
  return value === undefined || value === null ? "" : String(value);
}

function checkMember(name: string, value: unknown): string | undefined {
  const problem = problemOf(name, value);
  return problem === undefined ? undefined : `config.${name} ${problem}`;
}

function problemOf(name: string, value: unknown): string | undefined {
  if (name === "port") return isPort(value) ? undefined : `must be a whole number from 1 to ${PORT_MAX}`;
  if (isSecretMember(name) && typeof value !== "string") return "must be a text";
  if (!["string", "number", "boolean"].includes(typeof value)) return "must be a text, a number or a boolean";
  return typeof value === "string" && value.length > CONFIG_TEXT_MAX
    ? `must be at most ${CONFIG_TEXT_MAX} characters`
    : undefined;
}

function isPort(value: unknown): boolean {
  const port = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= PORT_MAX;
}

function readWord<Word extends string>(
  config: ConnectionConfig,
  name: string,
  words: readonly Word[],
  fallback: Word,
): Read<Word> {
  const text = textOf(config, name);
  const word = text === "" ? fallback : words.find((known) => known === text);
  return word === undefined ? { problem: `${name} must be one of ${words.join(", ")}` } : { value: word };
}
