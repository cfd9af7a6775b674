/** Which workspaces and projects run their nodes on a cluster by default: known beforehand, since lanes hang on it. */
import { LOCAL_CLUSTER_ID, LOCAL_CLUSTER_NAME } from "../domain/cluster.ts";
import type { Observe } from "../domain/observation.ts";
import { listClusterDefaults } from "../store/cluster-defaults.ts";
import type { Database } from "../store/database.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface ClusterChoices {
  /** Undefined where nobody has chosen; where the choice is a moment old, it may be the one before. */
  readonly of: (owner: { readonly projectId: string; readonly workspaceId: string }) => string | undefined;
  readonly loop: Loop;
}

const READ_EACH_MS = 5_000;

export function createClusterChoices(pool: Database, observe: Observe): ClusterChoices {
  let chosen: ReadonlyMap<string, string> = new Map();
  const read = async (): Promise<number> => {
    const all = await listClusterDefaults(pool);
    chosen = new Map(
      all.map(({ projectId, workspaceId, clusterId }) => [
        keyOf(projectId, workspaceId),
        clusterId === LOCAL_CLUSTER_ID ? LOCAL_CLUSTER_NAME : clusterId,
      ]),
    );
    return READ_EACH_MS;
  };
  return {
    of: ({ projectId, workspaceId }) =>
      chosen.get(keyOf(projectId, workspaceId)) ?? chosen.get(keyOf(projectId, null)),
    loop: createLoop("cluster-choices", read, observe),
  };
}

function keyOf(projectId: string, workspaceId: string | null): string {
  return `${projectId}/${workspaceId ?? ""}`;
}
