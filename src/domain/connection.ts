/** A connection: where a system is and how to log in to it; what of it is secret, and what makes one legal. */

/** Kinds of connections, as the wire names them. Source: dataarts-factory 4.12. */
export const CONNECTION_TYPES = [
  "DWS",
  "DLI",
  "SparkSQL",
  "HIVE",
  "Hive",
  "RDS",
  "CloudTable",
  "HOST",
  // Beside the vendor's: what a job reads through that starts on messages of a topic, or on files of an endpoint.
  "Kafka",
  "S3",
] as const;
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

/** Members of a configuration by name, each a text, a number or a boolean. */
export type ConnectionConfig = Readonly<Record<string, unknown>>;

/** A connection without its secrets. */
export interface Connection {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly id: number;
  /** Unique in its workspace; 1 to 100 letters, digits, `-`, `_`. */
  readonly name: string;
  readonly type: ConnectionType;
  readonly description: string | null;
  /** With `SECRET_MASK` in place of each secret. */
  readonly config: ConnectionConfig;
  /** The connection into the embedded server's `warehouse`, which the product makes itself. */
  readonly warehouse: boolean;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

/** What a secret is shown as, and what keeps the stored one when it comes back. Source: dataarts-factory 4.12. */
export const SECRET_MASK = "*********";

/** Most characters of one text in a configuration. */
const CONFIG_TEXT_MAX = 4096;
const CONFIG_MEMBERS_MAX = 100;
const CONNECTION_NAME = /^[A-Za-z0-9_-]{1,100}$/;
const SECRET_NAME = /pass(word|wd|phrase)|secret|token|private_?key|^(access|api)_?key$|credential/i;
const PORT_MAX = 65_535;

export function isConnectionType(type: string): type is ConnectionType {
  return CONNECTION_TYPES.some((known) => known === type);
}

/** Whether a member of a configuration is kept sealed and never shown. `kmsKey` and `keyLocation` only name a key. */
export function isSecretMember(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** What is wrong with a connection's name; undefined when nothing is. */
export function checkConnectionName(name: string): string | undefined {
  if (CONNECTION_NAME.test(name)) return undefined;
  return "name: must be 1 to 100 letters, digits, hyphens or underscores";
}

/** Everything that is wrong with a configuration, its secrets included; empty when it is legal. */
export function checkConfig(config: ConnectionConfig): string[] {
  const members = Object.entries(config);
  const problems: string[] = [];
  if (members.length > CONFIG_MEMBERS_MAX)
    problems.push(`config: must have at most ${CONFIG_MEMBERS_MAX} members`);
  for (const [name, value] of members) {
    const problem = checkMember(name, value);
    if (problem !== undefined) problems.push(`config.${name}: ${problem}`);
  }
  return problems;
}

/** Whether a DWS connection says where it leads: a cluster or an address. */
export function hasAddress(config: ConnectionConfig): boolean {
  return isGiven(config.clusterName) || isGiven(config.ip);
}

function checkMember(name: string, value: unknown): string | undefined {
  if (name === "port") return checkPort(value);
  if (isSecretMember(name) && typeof value !== "string") return "must be a text";
  if (!["string", "number", "boolean"].includes(typeof value)) return "must be a text, a number or a boolean";
  if (typeof value === "string" && value.length > CONFIG_TEXT_MAX)
    return `must be at most ${CONFIG_TEXT_MAX} characters`;
  return undefined;
}

function checkPort(value: unknown): string | undefined {
  const port = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= PORT_MAX) return undefined;
  return `must be a whole number from 1 to ${PORT_MAX}`;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== "";
}
