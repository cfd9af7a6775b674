/** The API's two versions: where each lies, what they call the same things, and the header that asks for one. Source: sahara-v1.1 10. */
import { Fault } from "../../domain/fault.ts";
import type { RouteRequest } from "../route.ts";

/** Where a kind of object lies, and under which key one of it, or many, stand in a body. */
interface Words {
  readonly path: string;
  readonly one: string;
  readonly many: string;
}

type Encoded = Readonly<Record<string, unknown>>;

export interface ApiVersion {
  /** Before the path of every route. */
  readonly base: string;
  readonly templates: Words;
  readonly runs: Words;
  /** The member that names the version of a cluster's plug-in. */
  readonly pluginVersion: "hadoop_version" | "plugin_version";
  /** How a binary, a data source or a template of clusters is changed. */
  readonly change: "PUT" | "PATCH";
  /** Whether a name in the query that a list does not know is refused by a name of its own. */
  readonly strictQueries: boolean;
  /** An object as the older version writes it, in this version's words. */
  readonly encode: (object: Encoded) => Encoded;
  /** Raises `api-version-invalid` or `api-version-unsupported` for a header that asks for another. */
  readonly check: (headers: RouteRequest["headers"]) => void;
  /** On every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The only one there is below the second version. */
export const MICROVERSION = "2.0";
const HEADER = "openstack-api-version";
const SERVICE = "data-processing";
/** Members whose elements are written in the version's words too. */
const NESTED = ["mains", "libs", "interface", "node_groups"];

export const V1_1: ApiVersion = {
  base: "/v1.1/:project_id",
  templates: { path: "/jobs", one: "job", many: "jobs" },
  runs: { path: "/job-executions", one: "job_execution", many: "job_executions" },
  pluginVersion: "hadoop_version",
  change: "PUT",
  strictQueries: false,
  encode: (object) => object,
  check: () => undefined,
  headers: {},
};

export const V2: ApiVersion = {
  base: "/v2/:project_id",
  templates: { path: "/job-templates", one: "job_template", many: "job_templates" },
  runs: { path: "/jobs", one: "job", many: "jobs" },
  pluginVersion: "plugin_version",
  change: "PATCH",
  strictQueries: true,
  encode: encodeV2,
  check: checkMicroversion,
  headers: { [HEADER]: `${SERVICE} ${MICROVERSION}`, vary: HEADER },
};

function encodeV2(object: Encoded): Encoded {
  const members = Object.entries(object).flatMap(([name, value]): [string, unknown][] => {
    if (name === "tenant_id") return [];
    if (name === "hadoop_version") return [["plugin_version", value]];
    return [[name, NESTED.includes(name) && Array.isArray(value) ? value.map(encodeV2) : value]];
  });
  return Object.fromEntries(members);
}

/** Several services' versions may stand in one header, each after the service's name. */
function checkMicroversion(headers: RouteRequest["headers"]): void {
  const wanted = String(headers[HEADER] ?? "")
    .split(",")
    .map((part) => part.trim().split(/\s+/))
    .find(([service]) => service?.toLowerCase() === SERVICE);
  if (wanted === undefined) return;
  const [, version = "", ...rest] = wanted;
  if (rest.length > 0 || !/^(?:latest|\d+\.\d+)$/.test(version))
    throw new Fault("invalid", "api-version-invalid", `"${wanted.slice(1).join(" ")}" is no version`);
  if (version !== "latest" && version !== MICROVERSION)
    throw new Fault("unsupported", "api-version-unsupported", `version ${version} is not served`);
}
