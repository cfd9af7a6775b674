/** The paths of the data-processing API: what may be left out, added or doubled, and whose project a path names. */

import { isVendorPath } from "./vendor-fault-wire.ts";

/** First words after the project. Source: sahara-v1.1. */
const RESOURCES = [
  "jobs",
  "job-executions",
  "job-binaries",
  "job-binary-internals",
  "data-sources",
  "job-types",
  "plugins",
  "clusters",
  "cluster-templates",
  "node-group-templates",
  "job-exes",
  "cluster_infos",
  "run-job-flow",
];
/** What the oldest version has. Source: sahara-v1.1 1. */
const V1_0_RESOURCES = ["plugins", "clusters", "cluster-templates", "node-group-templates"];
/** Stands for the project in a path that names none; no uuid, so the caller's own project counts. */
const NO_PROJECT = "-";

const PROJECT = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const V1 = /^\/v1\.[01]\/./;
const STORED_FILE_BY_NAME = /\/job-binary-internals\/(?![0-9a-f-]{36}\.json$)[^/]*$/;

/** Whether a path is this API's to answer or refuse; the bare version is for discovery. */
export function ownsPath(path: string): boolean {
  return V1.test(path) || isVendorPath(path);
}

/**
 * The path to route: with a project, without `.json` and doubled slashes. A final slash leads nowhere, so it is doubled
 * where the router would take it for an empty id. A stored file's name may end in `.json`.
 */
export function rewritePath(path: string): string {
  if (!V1.test(path)) return path;
  const single = path.replace(/\/{2,}/g, "/");
  const plain = STORED_FILE_BY_NAME.test(single) ? single : single.replace(/\.json$/, "");
  const [, version, ...rest] = plain.split("/");
  const named = RESOURCES.includes(rest[0] ?? "") ? [NO_PROJECT, ...rest] : rest;
  if (version === "v1.0" && !V1_0_RESOURCES.includes(named[1] ?? "")) return path;
  const whole = `/v1.1/${named.join("/")}`;
  return whole.endsWith("/") ? `${whole}/` : whole;
}

/** The project that the path names, as ids are written inside; undefined for a text that is no uuid (sahara-v1.1 1). */
export function projectOf(params: Readonly<Record<string, string>>): string | undefined {
  const named = params.project_id ?? "";
  return PROJECT.test(named) ? named.replaceAll("-", "").toLowerCase() : undefined;
}
