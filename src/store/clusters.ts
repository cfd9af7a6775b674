/** Lists of clusters and of their templates: the built-in cluster as a table of one row, and tables without any. */
import { type Cluster, LOCAL_CLUSTER_ID, localCluster } from "../domain/cluster.ts";
import type { MarkerTable } from "./marker-table.ts";

export type ClusterField =
  | "id"
  | "name"
  | "description"
  | "pluginName"
  | "pluginVersion"
  | "status"
  | "isPublic"
  | "isProtected";
export type ClusterTemplateField = Exclude<ClusterField, "status"> | "createdAt" | "updatedAt";

/** Of no project and public: so every project sees it. */
const NOBODY = "00000000000000000000000000000000";

const { name, description, pluginName, pluginVersion, status }: Cluster = localCluster(NOBODY);

const COMMON = {
  id: { sql: "t.id", type: "uuid" },
  name: { sql: "t.name", type: "text" },
  description: { sql: "t.description", type: "text" },
  pluginName: { sql: "t.plugin_name", type: "text" },
  pluginVersion: { sql: "t.plugin_version", type: "text" },
  isPublic: { sql: "t.is_public", type: "boolean" },
  isProtected: { sql: "t.is_protected", type: "boolean" },
} as const;

export const CLUSTERS: MarkerTable<ClusterField> = {
  name: "cluster",
  from: `(select '${LOCAL_CLUSTER_ID}'::uuid as id, '${NOBODY}'::uuid as project_id, true as is_public,
    true as is_protected, '${name}'::text collate "C" as name, '${description}'::text as description,
    '${pluginName}'::text as plugin_name, '${pluginVersion}'::text as plugin_version, '${status}'::text as status) t`,
  columns: "t.name",
  fields: { ...COMMON, status: { sql: "t.status", type: "text" } },
};

/** Both of cluster templates and of node group templates: this service keeps none. */
export const CLUSTER_TEMPLATES: MarkerTable<ClusterTemplateField> = {
  name: "cluster-template",
  from: `(select id, project_id, is_public, is_protected, name, ''::text as description, ''::text as plugin_name,
    ''::text as plugin_version, created_at, updated_at from stored_file where false) t`,
  columns: "t.name",
  fields: {
    ...COMMON,
    createdAt: { sql: "t.created_at", type: "timestamptz" },
    updatedAt: { sql: "t.updated_at", type: "timestamptz" },
  },
};
