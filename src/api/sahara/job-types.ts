/** The catalogue of job types and plug-ins: what may be made, and with which settings. Source: sahara-v1.1 9. */
import { LOCAL_PLUGIN } from "../../domain/cluster.ts";
import { missing } from "../../domain/fault.ts";
import { mappingTypesOf } from "../../domain/interface-argument.ts";
import { JAVA_OPTIONS, MAIN_CLASS } from "../../domain/job-configs.ts";
import { type JobType, LISTED_JOB_TYPES } from "../../domain/job-type.ts";
import { firstOf, json, type Query, type Route } from "../route.ts";
import { jsonRoute } from "./resource.ts";

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

const ENABLED = { status: true, mutable: false, description: "Ready for use." };

export function jobTypeRoutes(): Route[] {
  return [
    jsonRoute("GET", "/job-types", "reader", async ({ query }) =>
      json(200, { job_types: listJobTypes(query) }),
    ),
    jsonRoute("GET", "/plugins", "reader", async () => json(200, { plugins: [encodePlugin()] })),
    jsonRoute("GET", "/plugins/:name", "reader", async ({ params }) => {
      if (params.name !== LOCAL_PLUGIN.name) missing("plugin-missing", `there is no plug-in ${params.name}`);
      return json(200, { plugin: encodePlugin() });
    }),
    jsonRoute("GET", "/plugins/:name/:version", "reader", async ({ params: { name, version } }) => {
      if (name !== LOCAL_PLUGIN.name || version !== LOCAL_PLUGIN.version)
        missing("plugin-missing", `there is no plug-in ${name} ${version}`);
      return json(200, { plugin: encodePluginVersion() });
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

/** Filters may be repeated, and types come in the order asked for; unknown parameters are passed over. */
function listJobTypes(query: Query) {
  const values = (name: string) => [query[name] ?? []].flat();
  const wanted = (name: string, value: string) => values(name).length === 0 || values(name).includes(value);
  if (!wanted("plugin", LOCAL_PLUGIN.name) || !wanted("version", LOCAL_PLUGIN.version)) return [];
  const asked = [...new Set(values("type"))];
  const types = asked.length === 0 ? LISTED_JOB_TYPES : asked.flatMap((name) => findListedType(name) ?? []);
  const withHints = firstOf(query, "hints")?.toLowerCase() === "true";
  const { name, title, description, version } = LOCAL_PLUGIN;
  return types.map((type) => ({
    name: type,
    plugins: [
      {
        name,
        title,
        description,
        versions: { [version]: withHints ? { job_config: encodeConfigHints(type) } : {} },
      },
    ],
  }));
}

function encodePlugin() {
  const { name, title, description, version } = LOCAL_PLUGIN;
  return {
    name,
    title,
    description,
    versions: [version],
    plugin_labels: { enabled: ENABLED },
    version_labels: { [version]: { enabled: ENABLED } },
  };
}

function encodePluginVersion() {
  return {
    ...encodePlugin(),
    configs: [],
    node_processes: { [LOCAL_PLUGIN.name]: ["worker"] },
    required_image_tags: [],
  };
}
