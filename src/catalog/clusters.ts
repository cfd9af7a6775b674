/** The clusters that a project may run on: the built-in one. */
import { type Cluster, LOCAL_CLUSTER_ID, localCluster } from "../domain/cluster.ts";

/** The cluster, when the project may see it. */
export function findCluster(projectId: string, id: string | undefined): Cluster | undefined {
  return id === LOCAL_CLUSTER_ID ? localCluster(projectId) : undefined;
}
