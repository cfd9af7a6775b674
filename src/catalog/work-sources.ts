/** What an attempt at a node needs of the catalogue: scripts, connections, variables, looked up as they are now. */
import { Fault } from "../domain/fault.ts";
import { filesOf, pathOfResource, type Resource } from "../domain/resource.ts";
import { findVersionedJob } from "../store/job-versions.ts";
import { findNamedResources } from "../store/resources.ts";
import { findScript } from "../store/scripts.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { loadCalendar } from "./calendars.ts";
import { loadCluster } from "./clusters.ts";
import { type ConnectionDeps, loadConnection } from "./connections.ts";
import { loadEnvironment } from "./workspaces.ts";

/** The functions of `WorkSources` (engine/sources.ts) that read a workspace's objects. */
export function createCatalogSources(deps: ConnectionDeps) {
  return {
    loadScript: async (owner: WorkspaceKey, name: string) => {
      const script = await findScript(deps.pool, owner, name);
      if (script === undefined) return undefined;
      const { database } = script.document;
      return {
        name,
        type: script.type,
        content: script.content,
        ...(typeof database === "string" && database !== "" && { database }),
      };
    },
    loadMigration: async (owner: WorkspaceKey, jobName: string) => {
      const stored = await findVersionedJob(deps.pool, owner, jobName);
      if (stored === undefined) return undefined;
      const [node, ...others] = stored.definition.nodes;
      if (node?.type === "DataMigration" && others.length === 0) return node.properties;
      const why = `Job "${jobName}" is no job of one node of type DataMigration.`;
      throw new Fault("invalid", "reference-invalid", why);
    },
    loadResourceFiles: async (owner: WorkspaceKey, named: string) => {
      const resource = chosenResource(named, await findNamedResources(deps.pool, owner, [named]));
      return resource && filesOf(resource);
    },
    loadConnection: async (owner: WorkspaceKey, name: string) => {
      const connection = await loadConnection(deps, owner, name);
      if (connection === undefined) return undefined;
      const { type, config, warehouse } = connection;
      return { name, type, config, warehouse };
    },
    loadCluster: (owner: WorkspaceKey, named: string | undefined) => loadCluster(deps, owner, named),
    loadEnvironment: (owner: WorkspaceKey) => loadEnvironment(deps.pool, owner),
    loadCalendar: (owner: WorkspaceKey, name: string) => loadCalendar(deps.pool, owner, name),
  };
}

/** Of several that have the name, the one in the root; a path means one alone. */
function chosenResource(named: string, found: readonly Resource[]): Resource | undefined {
  const exact = found.find((resource) => pathOfResource(resource) === named || resource.directory === "/");
  if (exact !== undefined || found.length < 2) return exact ?? found[0];
  const paths = found.map(pathOfResource).join(", ");
  throw new Fault("invalid", "reference-invalid", `Several resources are called "${named}": ${paths}.`);
}
