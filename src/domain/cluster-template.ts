/** Templates of clusters and of their groups of nodes: kept as they were given, to register clusters from. */
import { Fault } from "./fault.ts";
import type { Plugin } from "./plugin.ts";
import type { SharedObject } from "./shared-object.ts";

export type TemplateKind = "cluster" | "node-group";

export interface ClusterTemplate extends SharedObject {
  readonly description: string | null;
  readonly pluginName: string;
  readonly pluginVersion: string;
  /** What else was given, in the words of the API: nothing here reads it but the references to groups of nodes. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly updatedAt: Date | null;
}

/** Raises `reference-invalid` where there is no such plug-in, or not of the version. */
export function checkPlugin(
  plugins: readonly Plugin[],
  { pluginName, pluginVersion }: Pick<ClusterTemplate, "pluginName" | "pluginVersion">,
): Plugin {
  const plugin = plugins.find(({ name }) => name === pluginName);
  if (plugin === undefined)
    throw new Fault("invalid", "reference-invalid", `plugin_name: there is no plug-in "${pluginName}"`);
  if (plugin.version === pluginVersion) return plugin;
  const problem = `there is no version "${pluginVersion}" of ${pluginName}, but ${plugin.version}`;
  throw new Fault("invalid", "reference-invalid", problem);
}

/** Raises `reference-invalid` for a process that no service of the plug-in has. */
export function checkProcesses({ name, processes }: Plugin, wanted: readonly string[]): void {
  const known = Object.values(processes).flat();
  const unknown = wanted.find((process) => !known.includes(process));
  if (unknown !== undefined)
    throw new Fault("invalid", "reference-invalid", `node_processes: ${name} has no "${unknown}"`);
}

/** The templates of groups of nodes that a cluster's template is made of, as it names them. */
export function referredGroups({ node_groups: groups }: ClusterTemplate["details"]): string[] {
  if (!Array.isArray(groups)) return [];
  return groups.flatMap((group: { readonly node_group_template_id?: string | null }) =>
    typeof group.node_group_template_id === "string" ? [group.node_group_template_id] : [],
  );
}
