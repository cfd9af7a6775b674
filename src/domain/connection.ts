/** A connection: where a system is and how to log in to it, what of it is secret, and what a try at it finds. */

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

/** What a try at a connection found: who answered, or why nobody of use did. */
export type ConnectionTestResult =
  | { readonly ok: true; readonly detail: string }
  | { readonly ok: false; readonly reason: string };

/** Dials a connection, whose secrets are in clear, and logs in; settles within seconds and never rejects. */
export type TestConnection = (connection: Connection, signal: AbortSignal) => Promise<ConnectionTestResult>;

/** What a secret is shown as, and what keeps the stored one when it comes back. Source: dataarts-factory 4.12. */
export const SECRET_MASK = "*********";

const CONNECTION_NAME = /^[A-Za-z0-9_-]{1,100}$/;
const SECRET_NAME = /pass(word|wd|phrase)|secret|token|private_?key|^(access|api)_?key$|credential/i;

/** Whether a member of a configuration is kept sealed and never shown. `kmsKey` and `keyLocation` only name a key. */
export function isSecretMember(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** What is wrong with a connection's name; undefined when nothing is. */
export function checkConnectionName(name: string): string | undefined {
  if (CONNECTION_NAME.test(name)) return undefined;
  return "name: must be 1 to 100 letters, digits, hyphens or underscores";
}
