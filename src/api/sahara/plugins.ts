/** Routes of the plug-in catalogue. */
import { Type } from "typebox";
import { Fault, missing } from "../../domain/fault.ts";
import type { Plugin } from "../../domain/plugin.ts";
import { type CallerRequest, json, type Route } from "../route.ts";
import type { ApiVersion } from "./api-version.ts";
import { CLOSED, decodeBody } from "./object-wire.ts";
import { jsonRoutesOf } from "./resource.ts";

const ENABLED = { status: true, mutable: false, description: "Ready for use." };

const Labels = Type.Record(Type.String(), Type.Object({ status: Type.Boolean() }, CLOSED));
/** Body of PATCH `/plugins/{name}`: labels of the plug-in, and of its versions. */
const PluginPatch = Type.Object(
  {
    plugin_labels: Type.Optional(Labels),
    version_labels: Type.Optional(Type.Record(Type.String(), Labels)),
  },
  CLOSED,
);

export function pluginRoutes(
  { plugins }: { readonly plugins: readonly Plugin[] },
  version: ApiVersion,
): Route[] {
  const jsonRoute = jsonRoutesOf(version);
  const find = ({ params }: CallerRequest) =>
    plugins.find(({ name }) => name === params.name) ??
    missing("plugin-missing", `there is no plug-in ${params.name}`);
  return [
    jsonRoute("GET", "/plugins", "reader", async () => json(200, { plugins: plugins.map(encodePlugin) })),
    jsonRoute("GET", "/plugins/:name", "reader", async (request) =>
      json(200, { plugin: encodePlugin(find(request)) }),
    ),
    jsonRoute("GET", "/plugins/:name/:version", "reader", async (request) => {
      const plugin = find(request);
      if (request.params.version !== plugin.version)
        missing("plugin-missing", `there is no plug-in ${plugin.name} ${request.params.version}`);
      return json(200, { plugin: encodePluginVersion(plugin) });
    }),
    jsonRoute("PATCH", "/plugins/:name", "admin", async (request) => {
      const plugin = find(request);
      const { plugin_labels: ofPlugin = {}, version_labels: ofVersions = {} } = decodeBody(
        PluginPatch,
        request.body,
      );
      checkLabels(ofPlugin);
      for (const [name, labels] of Object.entries(ofVersions)) {
        if (name !== plugin.version) missing("plugin-missing", `there is no plug-in ${plugin.name} ${name}`);
        checkLabels(labels);
      }
      return json(202, { plugin: encodePlugin(plugin) });
    }),
  ];
}

/** Every plug-in is enabled, and none can be switched off: only what is so already is taken. */
function checkLabels(labels: Readonly<Record<string, { readonly status: boolean }>>): void {
  for (const [name, { status }] of Object.entries(labels)) {
    if (name !== "enabled") throw new Fault("invalid", "request-invalid", `there is no label "${name}"`);
    if (status !== ENABLED.status)
      throw new Fault("invalid", "operation-unsupported", `the label "${name}" cannot be changed`);
  }
}

function encodePlugin({ name, title, description, version }: Plugin) {
  return {
    name,
    title,
    description,
    versions: [version],
    plugin_labels: { enabled: ENABLED },
    version_labels: { [version]: { enabled: ENABLED } },
  };
}

function encodePluginVersion(plugin: Plugin) {
  return { ...encodePlugin(plugin), configs: [], node_processes: plugin.processes, required_image_tags: [] };
}
