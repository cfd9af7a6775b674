/** A data source: a named place that jobs read or write, and which places and credentials are legal. */
import { Fault } from "./fault.ts";
import type { SharedObject } from "./shared-object.ts";

export const DATA_SOURCE_TYPES = ["swift", "hdfs", "maprfs", "manila", "s3", "obs"] as const;
export type DataSourceType = (typeof DATA_SOURCE_TYPES)[number];

export interface DataSource extends SharedObject {
  readonly description: string | null;
  readonly type: DataSourceType;
  readonly url: string;
  readonly updatedAt: Date | null;
}

/** Write-only. */
export type DataSourceCredentials = Readonly<Record<string, unknown>>;

/** An address with what its data source, or its binary, says of who may use it. */
export interface CredentialedPlace {
  readonly url: string;
  readonly credentials: DataSourceCredentials;
}

/** Random characters in all placeholders of one address together. */
const RANDOM_MAX = 1024;
const S3_TEXT_KEYS = ["accesskey", "secretkey", "endpoint"];
const S3_FLAG_KEYS = ["bucket_in_path", "ssl"];
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const PLACEHOLDER = /%RANDSTR\((-?\d+)\)%/g;

/**
 * Raises `data-source-invalid` for a wrong placeholder or an address that the type does not take,
 * `data-source-credentials-invalid` for credentials that the type needs. Source: sahara-v1.1 7, mrs-v1.1 6.
 */
export function checkDataSource(
  type: DataSourceType,
  url: string,
  credentials: DataSourceCredentials | undefined,
): void {
  const problem =
    checkPlaceholders(url) ?? (url === "" ? "it is empty" : checkPlace(type, parsePlace(url), url));
  if (problem !== undefined) throw new Fault("invalid", "data-source-invalid", `url: ${problem}`);
  if (type === "swift") checkSwiftCredentials(credentials);
  if ((type === "s3" || type === "obs") && credentials !== undefined) checkS3Credentials(credentials);
}

/** The members of a connection to the endpoint that S3 credentials lead to; undefined where they name none. */
export function endpointMembers(
  credentials: DataSourceCredentials,
): Readonly<Record<string, string>> | undefined {
  const [endpoint, accessKey, secretKey] = ["endpoint", "accesskey", "secretkey"].map((key) =>
    typeof credentials[key] === "string" ? credentials[key] : "",
  );
  if (!endpoint || accessKey === undefined || secretKey === undefined) return undefined;
  const scheme = credentials.ssl === false ? "http" : "https";
  return {
    endpoint: /^https?:\/\//.test(endpoint) ? endpoint : `${scheme}://${endpoint}`,
    accessKey,
    secretKey,
    pathStyle: String(credentials.bucket_in_path ?? true),
  };
}

/** The address of one run: `%JOB_EXEC_ID%` is the run's id, each `%RANDSTR(n)%` n letters from `randomLetters`. */
export function resolvePlaceholders(
  url: string,
  executionId: string,
  randomLetters: (count: number) => string,
): string {
  return url
    .replaceAll("%JOB_EXEC_ID%", executionId)
    .replace(PLACEHOLDER, (_, count: string) => randomLetters(Number(count)));
}

interface Place {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
}

function checkPlaceholders(url: string): string | undefined {
  const counts = [...url.matchAll(PLACEHOLDER)].map(([, count]) => Number(count));
  if (counts.some((count) => count <= 0)) return "%RANDSTR(n)% needs a number above 0";
  const sum = counts.reduce((total, count) => total + count, 0);
  return sum > RANDOM_MAX ? `%RANDSTR(n)% takes at most ${RANDOM_MAX} in all` : undefined;
}

function checkPlace(type: DataSourceType, { scheme, host, path }: Place, url: string): string | undefined {
  switch (type) {
    case "hdfs":
      if (scheme === "") return undefined;
      return scheme === "hdfs" && host !== "" ? undefined : "HDFS takes hdfs://<host>/<path> or a path";
    case "maprfs":
      return scheme === "" || scheme === "maprfs" ? undefined : "MapR-FS takes maprfs:// or a path";
    case "swift":
      return checkSwiftPlace({ scheme, host, path });
    case "s3":
    case "obs":
      return ["s3", "s3a", "obs"].includes(scheme) && host !== "" && path.length > 1
        ? undefined
        : `"${url}" is not s3://<bucket>/<key>, s3a://… or obs://…`;
    case "manila":
      return scheme === "manila" && UUID.test(host) && path !== ""
        ? undefined
        : "Manila takes manila://<uuid>/<path>";
    default:
      return type satisfies never;
  }
}

/** Dots in the container's part end it as `.sahara` alone. */
function checkSwiftPlace({ scheme, host, path }: Place): string | undefined {
  if (scheme !== "swift" || host === "" || path.length <= 1)
    return "Swift takes swift://<container>/<object>";
  const container = host.endsWith(".sahara") ? host.slice(0, -".sahara".length) : host;
  return container.includes(".") ? "a dot in the container may only begin its end .sahara" : undefined;
}

function checkSwiftCredentials(credentials: DataSourceCredentials | undefined): void {
  for (const key of ["user", "password"])
    if (credentials?.[key] === undefined)
      throw new Fault(
        "invalid",
        "data-source-credentials-invalid",
        `credentials: Swift needs ${key} in them`,
      );
}

function checkS3Credentials(credentials: DataSourceCredentials): void {
  const unknown = Object.keys(credentials).filter((key) => ![...S3_TEXT_KEYS, ...S3_FLAG_KEYS].includes(key));
  const problem =
    unknown.length > 0
      ? `unknown: ${unknown.join(", ")}`
      : S3_FLAG_KEYS.filter((key) => key in credentials && typeof credentials[key] !== "boolean")
          .map((key) => `${key} must be true or false`)
          .join("; ");
  if (problem !== "") throw new Fault("invalid", "data-source-invalid", `credentials: ${problem}`);
}

function parsePlace(url: string): Place {
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/]*))?(.*)$/s.exec(url);
  return { scheme: (match?.[1] ?? "").toLowerCase(), host: match?.[2] ?? "", path: match?.[3] ?? "" };
}
