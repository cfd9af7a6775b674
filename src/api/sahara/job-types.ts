/** The catalogue of job types: what may be made, and with which settings. Source: sahara-v1.1 9. */
import { mappingTypesOf } from "../../domain/interface-argument.ts";
import { JAVA_OPTIONS, MAIN_CLASS } from "../../domain/job-configs.ts";
import { type JobType, LISTED_JOB_TYPES } from "../../domain/job-type.ts";
import type { Plugin } from "../../domain/plugin.ts";
import { firstOf, json, type Query, type Route } from "../route.ts";
import type { ApiVersion } from "./api-version.ts";
import { checkQuery } from "./list-query.ts";
import { jsonRoutesOf } from "./resource.ts";

interface ConfigHint {
  readonly name: string;
  readonly value: string;
  readonly description: string;
}

const MAIN_CLASS_HINT: ConfigHint = { name: MAIN_CLASS, value: "", description: "The class to run" };
const HINTS: Partial<Record<JobType, readonly ConfigHint[]>> = {
  Java: [MAIN_CLASS_HINT, { name: JAVA_OPTIONS, value: "", description: "Java's own options" }],
  Spark: [MAIN_CLASS_HINT],
  "MapReduce.Streaming": [
    { name: "edp.streaming.mapper", value: "", description: "The mapper's command" },
    { name: "edp.streaming.reducer", value: "", description: "The reducer's command" },
  ],
};
/** Storm takes configs in its hints, though not through an interface. */
const ARGS_HINTS: readonly JobType[] = ["Java", "Spark", "Storm", "Storm.Pyleus", "Pig", "Shell"];

/** Filters of the second version: the reference's names, and those that its client sends. */
const FILTERS_V2 = ["type", "hints", "plugin", "version", "plugin_name", "plugin_version"];

export function jobTypeRoutes(
  { plugins }: { readonly plugins: readonly Plugin[] },
  version: ApiVersion,
): Route[] {
  return [
    jsonRoutesOf(version)("GET", "/job-types", "reader", async ({ query }) => {
      if (version.strictQueries) checkQuery(query, FILTERS_V2);
      return json(200, { job_types: listJobTypes(plugins, query) });
    }),
  ];
}

/** The listed type of this name; case counts. */
export function findListedType(name: string): JobType | undefined {
  return LISTED_JOB_TYPES.find((type) => type === name);
}

/** `configs` for all; `params` and `args` for the types that take them. */
export function encodeConfigHints(type: JobType) {
  return {
    configs: HINTS[type] ?? [],
    ...(mappingTypesOf(type).includes("params") && { params: {} }),
    ...(ARGS_HINTS.includes(type) && { args: [] }),
  };
}

/** Filters may be repeated, and types come in the order asked for; the first version passes over unknown parameters. */
function listJobTypes(plugins: readonly Plugin[], query: Query) {
  const valuesOf = (...names: string[]) => names.flatMap((name) => query[name] ?? []);
  const wanted = (values: readonly string[], value: string) => values.length === 0 || values.includes(value);
  const offered = plugins.filter(
    ({ name, version }) =>
      wanted(valuesOf("plugin", "plugin_name"), name) &&
      wanted(valuesOf("version", "plugin_version"), version),
  );
  const asked = [...new Set(valuesOf("type"))];
  const types = asked.length === 0 ? LISTED_JOB_TYPES : asked.flatMap((name) => findListedType(name) ?? []);
  const withHints = firstOf(query, "hints")?.toLowerCase() === "true";
  return types.flatMap((type) => {
    const runners = offered.filter(({ runs }) => runs.includes(type));
    if (runners.length === 0) return [];
    const hints = withHints ? { job_config: encodeConfigHints(type) } : {};
    return [{ name: type, plugins: runners.map((plugin) => encodeRunner(plugin, hints)) }];
  });
}

function encodeRunner({ name, title, description, version }: Plugin, hints: object) {
  return { name, title, description, versions: { [version]: hints } };
}
