/** The paths of the data-processing API: what may be left out, added or doubled, and whose project a path names. */

/** What the oldest version has, and all others. Source: sahara-v1.1 1. */
const CLUSTER_RESOURCES = ["plugins", "clusters", "cluster-templates", "node-group-templates", "images"];
const SHARED_RESOURCES = [...CLUSTER_RESOURCES, "jobs", "job-binaries", "data-sources", "job-types"];
const VENDOR_RESOURCES = ["job-exes", "cluster_infos", "run-job-flow"];
/** First words after the project, by version. Source: sahara-v1.1, mrs-v1.1. */
const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  "v1.0": CLUSTER_RESOURCES,
  "v1.1": [...SHARED_RESOURCES, "job-executions", "job-binary-internals", ...VENDOR_RESOURCES],
  v2: [...SHARED_RESOURCES, "job-templates"],
};
/** Stands for the project in a path that names none; no uuid, so the caller's own project counts. */
const NO_PROJECT = "-";

const PROJECT = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const V1 = /^\/v1\.[01]\/./;
/** The other API of this prefix has a word of its own after the project. */
const V2 = /^\/v2\/(?!\/*[^/]+\/+factory(?:\/|$))./;
const STORED_FILE_BY_NAME = /\/job-binary-internals\/(?![0-9a-f-]{36}\.json$)[^/]*$/;

/** Whether a path is this API's to answer or refuse; the bare version is for discovery. */
export function ownsPath(path: string): boolean {
  return V1.test(path) || V2.test(path);
}

/**
 * The path to route: with a project, without `.json` and doubled slashes. A final slash leads nowhere, so it is doubled
 * where the router would take it for an empty id. A stored file's name may end in `.json`.
 */
export function rewritePath(path: string): string {
  if (!ownsPath(path)) return path;
  const single = path.replace(/\/{2,}/g, "/");
  const plain = STORED_FILE_BY_NAME.test(single) ? single : single.replace(/\.json$/, "");
  const [, version = "", ...rest] = plain.split("/");
  const resources = RESOURCES[version] ?? [];
  // The oldest version's paths without a project name their resource as the next one's do.
  const named = (RESOURCES[version === "v1.0" ? "v1.1" : version] ?? []).includes(rest[0] ?? "")
    ? [NO_PROJECT, ...rest]
    : rest;
  if (version === "v1.0" && !resources.includes(named[1] ?? "")) return path;
  const whole = `/${version === "v1.0" ? "v1.1" : version}/${named.join("/")}`;
  return whole.endsWith("/") ? `${whole}/` : whole;
}

/** The project that the path names, as ids are written inside; undefined for a text that is no uuid (sahara-v1.1 1). */
export function projectOf(params: Readonly<Record<string, string>>): string | undefined {
  const named = params.project_id ?? "";
  return PROJECT.test(named) ? named.replaceAll("-", "").toLowerCase() : undefined;
}
