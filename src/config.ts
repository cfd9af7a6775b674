/** The process's settings: flags and environment turned into one frozen Config, or a list of what is wrong with them. */
import { homedir } from "node:os";
import { join, relative, resolve } from "node:path";
import { isMailAddress } from "./domain/topic.ts";
import { isZone } from "./domain/zone.ts";

export const SERVER_ROLES = ["api", "scheduler", "worker"] as const;
export type ServerRole = (typeof SERVER_ROLES)[number];

/** Source of names and defaults: product 2, "Contract". */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** Absent: the embedded PostgreSQL under the data folder. */
  readonly databaseUrl?: string;
  readonly roles: readonly ServerRole[];
  readonly projectId?: string;
  readonly adminPassword?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly masterKey?: string;
  /** Absent: made at the first start, and kept in the data folder. */
  readonly metricsToken?: string;
  readonly publicUrl?: string;
  readonly timeZone: string;
  readonly region: string;
  readonly factoryPageMax: number;
  readonly workspacesOnFirstUse: boolean;
  /** Jobs that a project may have; 0: as many as it likes. */
  readonly factoryJobsMax: number;
  readonly tokenHours: number;
  readonly logLevel: string;
  readonly localCommands: boolean;
  /** Private or loopback addresses (CIDR or host names) that users' nodes may dial. */
  readonly allowedPrivateAddresses: readonly string[];
  readonly processSlots: number;
  readonly remoteSlots: number;
  readonly streamSlots: number;
  /** How long this server counts as alive after its last beat, and how often it beats. */
  readonly leaseSeconds: number;
  readonly beatSeconds: number;
  /** How long a server that stops waits for what it runs, before it hands it to others. */
  readonly drainSeconds: number;
  /** Requests that are answered at a time. */
  readonly requestsMax: number;
  /** Whether a pooler stands before the database; absent: found out. */
  readonly databasePooled?: boolean;
  /** Largest upload of a job binary's bytes. */
  readonly uploadBytesMax: number;
  /** Largest package that is imported. */
  readonly packageBytesMax: number;
  /** How long a period of the history lasts: history is dropped by whole periods. */
  readonly historyPeriodDays: number;
  /** Where spans are sent, as OTLP over HTTP; absent: nowhere. */
  readonly traces?: { readonly url: string; readonly serviceName: string };
  /** Through which server notices are mailed; absent: none are. */
  readonly mail?: MailSettings;
  /** Spark programs that run on this server at a time. */
  readonly localWorkSlots: number;
  /** Whether the data-processing API offers the plug-in that takes every type, for tests of clients. */
  readonly fakePlugin: boolean;
  readonly localEngines: LocalEngineSettings;
  readonly demo: boolean;
}

/** Engines that this server fetches and starts on its own machine (docs/local-engines.md). */
interface LocalEngineSettings {
  readonly allowed: boolean;
  /** Where their software lies; every user of the machine may read it. */
  readonly softwareDir: string;
  /** So many run at a time on this machine. */
  readonly most: number;
  readonly idleMinutes: number;
}

/** The server that takes mail, and in whose name it is sent. */
interface MailSettings {
  readonly host: string;
  readonly port: number;
  /** `at-once`: TLS from the first byte; else whether it must be begun with STARTTLS, may be, or is not. */
  readonly tls: "at-once" | "required" | "offered" | "never";
  readonly login?: { readonly user: string; readonly password: string };
  readonly from: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type Flags = Partial<
  Record<"host" | "port" | "dataDir" | "databaseUrl" | "roles" | "publicUrl", string>
> & {
  readonly demo?: boolean;
};

/** The environment of this process: the only place that reads it. */
export function processEnvironment(): Environment {
  return process.env;
}

/** Reads flags first, then environment, then defaults; gives every problem at once. */
export function readConfig(
  flags: Flags,
  environment: Environment,
): { config: Config } | { problems: string[] } {
  const problems: string[] = [];
  const text = (flag: string | undefined, name: string): string | undefined =>
    flag ?? (environment[name] || undefined);
  const reader = createReader(environment, problems);
  const { whole, flag } = reader;
  const roles = readRoles(text(flags.roles, "AZALAI_ROLES"), problems);
  const timeZone = environment.AZALAI_TIME_ZONE || "UTC";
  if (!isZone(timeZone)) problems.push(`AZALAI_TIME_ZONE: "${timeZone}" is not a time zone`);
  const config: Config = {
    host: text(flags.host, "AZALAI_HOST") ?? "127.0.0.1",
    port: whole("AZALAI_PORT", 0, 65535, 8790, flags.port),
    dataDir: resolve(text(flags.dataDir, "AZALAI_DATA_DIR") ?? ".azalai"),
    ...optional("databaseUrl", text(flags.databaseUrl, "AZALAI_DATABASE_URL")),
    roles,
    ...readFirst(environment, problems),
    ...optional("masterKey", environment.AZALAI_MASTER_KEY || undefined),
    ...optional("metricsToken", environment.AZALAI_METRICS_TOKEN || undefined),
    ...optional("publicUrl", text(flags.publicUrl, "AZALAI_PUBLIC_URL")?.replace(/\/+$/, "")),
    timeZone,
    region: environment.AZALAI_REGION || "RegionOne",
    factoryPageMax: whole("AZALAI_FACTORY_PAGE_MAX", 100, 1000, 100),
    factoryJobsMax: whole("AZALAI_FACTORY_JOBS_MAX", 0, 10_000_000, 0),
    workspacesOnFirstUse: flag("AZALAI_WORKSPACES_ON_FIRST_USE", true),
    tokenHours: whole("AZALAI_TOKEN_HOURS", 1, 24, 1),
    logLevel: environment.AZALAI_LOG_LEVEL || "info",
    localCommands: flag("AZALAI_LOCAL_COMMANDS", true),
    allowedPrivateAddresses: (environment.AZALAI_ALLOWED_PRIVATE_ADDRESSES ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean),
    processSlots: whole("AZALAI_PROCESS_SLOTS", 1, 1000, 16),
    remoteSlots: whole("AZALAI_REMOTE_SLOTS", 1, 100_000, 2_000),
    streamSlots: whole("AZALAI_STREAM_SLOTS", 1, 1000, 32),
    ...readTogether(reader, environment, problems),
    uploadBytesMax: whole("AZALAI_UPLOAD_BYTES_MAX", 1, 2 ** 40, 2 ** 30),
    packageBytesMax: whole("AZALAI_PACKAGE_BYTES_MAX", 1, 2 ** 32, 2 ** 28),
    historyPeriodDays: whole("AZALAI_HISTORY_PERIOD_DAYS", 1, 366, 7),
    ...optional("traces", readTraces(environment)),
    ...optional("mail", readMail(environment, problems)),
    localWorkSlots: whole("AZALAI_LOCAL_WORK_SLOTS", 1, 100, 2),
    fakePlugin: flag("AZALAI_FAKE_PLUGIN", false),
    localEngines: readLocalEngines(reader, environment),
    demo: flags.demo ?? false,
  };
  if (!relative(config.dataDir, config.localEngines.softwareDir).startsWith(".."))
    problems.push("AZALAI_ENGINES_DIR must not lie in the data folder, which is hidden from nodes");
  return problems.length > 0 ? { problems } : { config: Object.freeze(config) };
}

function readLocalEngines({ whole, flag }: Reader, environment: Environment): LocalEngineSettings {
  return {
    allowed: flag("AZALAI_LOCAL_ENGINES", true),
    softwareDir: resolve(environment.AZALAI_ENGINES_DIR || defaultEnginesDir()),
    most: whole("AZALAI_LOCAL_ENGINES_MAX", 1, 100, 2),
    idleMinutes: whole("AZALAI_LOCAL_IDLE_MINUTES", 1, 10_080, 15),
  };
}

/** Outside of the data folder and of root's home: the users that run nodes can read neither. */
function defaultEnginesDir(): string {
  return process.getuid?.() === 0 ? "/var/cache/azalai/engines" : join(homedir(), ".cache/azalai/engines");
}

/** What the clients of package indexes need of an environment: where they look and through what, and no secret of ours. */
const CLIENT_VARIABLE =
  /^(PATH|HOME|LANG|LC_ALL|JAVA_HOME|(https?|no|all)_proxy|PIP_\w+|MAVEN_(OPTS|ARGS)|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE)$/i;

/** The part of an environment that `pip` and `mvn` are given. */
export function packageClientEnvironment(environment: Environment): Readonly<Record<string, string>> {
  const known = Object.entries(environment).filter(([name]) => CLIENT_VARIABLE.test(name));
  return Object.fromEntries(known.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

type First = "projectId" | "adminPassword" | "accessKey" | "secretKey";

/** What the first start on a database makes the first project and user of. */
function readFirst(environment: Environment, problems: string[]): Pick<Config, First> {
  if ((environment.AZALAI_ACCESS_KEY === undefined) !== (environment.AZALAI_SECRET_KEY === undefined))
    problems.push("AZALAI_ACCESS_KEY and AZALAI_SECRET_KEY must be given together");
  return {
    ...optional("projectId", readProjectId(environment.AZALAI_PROJECT_ID, problems)),
    ...optional("adminPassword", environment.AZALAI_ADMIN_PASSWORD || undefined),
    ...optional("accessKey", environment.AZALAI_ACCESS_KEY || undefined),
    ...optional("secretKey", environment.AZALAI_SECRET_KEY || undefined),
  };
}

interface Reader {
  /** A whole number from `least` to `most`; `given` by a flag goes before the setting `name`. */
  readonly whole: (name: string, least: number, most: number, fallback: number, given?: string) => number;
  readonly flag: (name: string, fallback: boolean) => boolean;
}

function createReader(environment: Environment, problems: string[]): Reader {
  return {
    whole: (name, least, most, fallback, given) => {
      const value = given ?? (environment[name] || undefined);
      if (value === undefined) return fallback;
      const number = Number(value);
      if (/^\d+$/.test(value) && number >= least && number <= most) return number;
      const called = given === undefined ? name : name.replace("AZALAI_", "--").toLowerCase();
      problems.push(`${called} must be a whole number from ${least} to ${most}, not "${value}"`);
      return fallback;
    },
    flag: (name, fallback) => {
      const value = environment[name];
      if (value === undefined || value === "") return fallback;
      if (value === "true" || value === "1") return true;
      if (value === "false" || value === "0") return false;
      problems.push(`${name} must be true or false, not "${value}"`);
      return fallback;
    },
  };
}

type Together = "leaseSeconds" | "beatSeconds" | "drainSeconds" | "requestsMax" | "databasePooled";

/** How this server gets on with others on its database, and with what is asked of it (docs/several-servers.md). */
function readTogether(
  { whole, flag }: Reader,
  environment: Environment,
  problems: string[],
): Pick<Config, Together> {
  const leaseSeconds = whole("AZALAI_LEASE_SECONDS", 3, 300, 30);
  const third = Math.max(1, Math.floor(leaseSeconds / 3));
  const beatSeconds = whole("AZALAI_BEAT_SECONDS", 1, 100, third);
  if (beatSeconds * 2 > leaseSeconds)
    problems.push("AZALAI_BEAT_SECONDS must be at most half of AZALAI_LEASE_SECONDS");
  return {
    leaseSeconds,
    beatSeconds,
    drainSeconds: whole("AZALAI_DRAIN_SECONDS", 0, 3600, 10),
    requestsMax: whole("AZALAI_REQUESTS_MAX", 1, 100_000, 256),
    ...(environment.AZALAI_DATABASE_POOLED && { databasePooled: flag("AZALAI_DATABASE_POOLED", false) }),
  };
}

/** Where the command line finds a server, and as whom it asks. Absent members come from `credentials.json`. */
export interface ClientConfig {
  /** Without a final slash. */
  readonly url?: string;
  /** Where a server on this machine listens unless told otherwise. */
  readonly localUrl: string;
  readonly username?: string;
  readonly password?: string;
  /** Name or id. */
  readonly project?: string;
  readonly token?: string;
  readonly workspace?: string;
  /** Holds `credentials.json`. */
  readonly dataDir: string;
}

export type ClientFlags = Partial<
  Record<"url" | "username" | "password" | "project" | "token" | "workspace" | "dataDir", string>
>;

/** Settings of the command line as a client; flags first, then environment. */
export function readClientConfig(
  flags: ClientFlags,
  environment: Environment,
): { config: ClientConfig } | { problems: string[] } {
  const text = (flag: string | undefined, name: string): string | undefined =>
    flag ?? (environment[name] || undefined);
  const url = text(flags.url, "AZALAI_URL")?.replace(/\/+$/, "");
  if (url !== undefined && !/^https?:\/\/[^/]/.test(url))
    return { problems: [`AZALAI_URL must be an http or https address, not "${url}"`] };
  const host = environment.AZALAI_HOST || "127.0.0.1";
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const config: ClientConfig = {
    ...optional("url", url),
    localUrl: `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${environment.AZALAI_PORT || "8790"}`,
    ...optional("username", text(flags.username, "AZALAI_USERNAME")),
    ...optional("password", text(flags.password, "AZALAI_PASSWORD")),
    ...optional("project", text(flags.project, "AZALAI_PROJECT")),
    ...optional("token", text(flags.token, "AZALAI_TOKEN")),
    ...optional("workspace", text(flags.workspace, "AZALAI_WORKSPACE")),
    dataDir: resolve(text(flags.dataDir, "AZALAI_DATA_DIR") ?? ".azalai"),
  };
  return { config: Object.freeze(config) };
}

function optional<K extends string, Value>(key: K, value: Value | undefined): { [P in K]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: Value };
}

/** OpenTelemetry's own names. Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter". */
function readTraces(environment: Environment): Config["traces"] {
  const base = environment.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, "");
  const url = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || (base ? `${base}/v1/traces` : undefined);
  return url === undefined ? undefined : { url, serviceName: environment.OTEL_SERVICE_NAME || "azalai" };
}

const STARTTLS = ["required", "offered", "never"] as const;

/** Both settings of mail, or neither. A password is never part of a problem. */
function readMail(environment: Environment, problems: string[]): MailSettings | undefined {
  const url = environment.AZALAI_SMTP_URL || undefined;
  const from = environment.AZALAI_MAIL_FROM || undefined;
  if (url === undefined && from === undefined) return undefined;
  if (url === undefined || from === undefined) {
    problems.push("AZALAI_SMTP_URL and AZALAI_MAIL_FROM must be given together");
    return undefined;
  }
  if (!isMailAddress(from)) problems.push("AZALAI_MAIL_FROM must be a mail address, and nothing else");
  const server = readMailServer(url, problems);
  return server === undefined ? undefined : { ...server, from };
}

/** With a log-in, TLS is asked for unless the address says otherwise: the password must not be overheard. */
function readMailServer(text: string, problems: string[]): Omit<MailSettings, "from"> | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^smtps?:$/.test(url.protocol) || url.hostname === "") {
    problems.push(
      "AZALAI_SMTP_URL must be smtp://host:port or smtps://host:port, or with user:password@host",
    );
    return undefined;
  }
  const login = url.username === "" ? undefined : loginOf(url);
  const word = url.searchParams.get("starttls") ?? (login === undefined ? "offered" : "required");
  const starttls = STARTTLS.find((known) => known === word);
  if (starttls === undefined)
    problems.push(`AZALAI_SMTP_URL: starttls must be one of ${STARTTLS.join(", ")}`);
  const atOnce = url.protocol === "smtps:";
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port) || (atOnce ? 465 : 587),
    tls: atOnce ? "at-once" : (starttls ?? "required"),
    ...optional("login", login),
  };
}

function loginOf(url: URL): MailSettings["login"] {
  return { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
}

function readRoles(text: string | undefined, problems: string[]): ServerRole[] {
  if (text === undefined) return [...SERVER_ROLES];
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  for (const name of names)
    if (!SERVER_ROLES.some((role) => role === name))
      problems.push(`roles: "${name}" is not one of ${SERVER_ROLES.join(", ")}`);
  if (names.length === 0) problems.push("roles: at least one is needed");
  return SERVER_ROLES.filter((role) => names.includes(role));
}

function readProjectId(text: string | undefined, problems: string[]): string | undefined {
  if (text === undefined || text === "") return undefined;
  const id = text.replaceAll("-", "").toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(id)) problems.push("AZALAI_PROJECT_ID must be 32 hexadecimal digits");
  return id;
}
