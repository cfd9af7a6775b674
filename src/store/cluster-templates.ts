/** The tables of templates, one for clusters and one for their groups of nodes. */
import type { ClusterTemplate, TemplateKind } from "../domain/cluster-template.ts";
import { type Database, execute, query } from "./database.ts";
import { CHANGED_AT, type MarkerTable, OBJECT_FIELDS, type ObjectField } from "./marker-table.ts";

const TABLES = { cluster: "cluster_template", "node-group": "node_group_template" } as const;

const COLUMNS = `t.project_id, t.name, t.description, t.plugin_name, t.plugin_version, t.details, t.is_public,
  t.is_protected, t.created_at, t.updated_at`;

export type ClusterTemplateField = ObjectField | "description" | "pluginName" | "pluginVersion" | "updatedAt";

export function clusterTemplates(kind: TemplateKind): MarkerTable<ClusterTemplateField> {
  return {
    name: `${kind}-template`,
    from: `${TABLES[kind]} t`,
    keyedName: "name",
    columns: COLUMNS,
    fields: {
      ...OBJECT_FIELDS,
      description: { sql: "t.description", type: "text" },
      pluginName: { sql: "t.plugin_name", type: "text" },
      pluginVersion: { sql: "t.plugin_version", type: "text" },
      updatedAt: CHANGED_AT,
    },
  };
}

export interface ClusterTemplateRow {
  readonly id: string;
  readonly sort_value: string;
  readonly project_id: string;
  readonly name: string;
  readonly description: string | null;
  readonly plugin_name: string;
  readonly plugin_version: string;
  readonly details: ClusterTemplate["details"];
  readonly is_public: boolean | null;
  readonly is_protected: boolean | null;
  readonly created_at: Date;
  readonly updated_at: Date | null;
}

/** A template that the project may see. */
export async function findClusterTemplate(
  db: Database,
  kind: TemplateKind,
  projectId: string,
  id: string,
): Promise<ClusterTemplate | undefined> {
  const rows = await query<ClusterTemplateRow>(
    db,
    `find-${kind}-template`,
    `select t.id, ${COLUMNS} from ${TABLES[kind]} t where t.id = $2 and (t.project_id = $1 or t.is_public)`,
    [projectId, id],
  );
  return rows.map(clusterTemplateFromRow)[0];
}

/** As `findClusterTemplate`, kept from others until the transaction ends. */
export async function lockClusterTemplate(
  db: Database,
  kind: TemplateKind,
  projectId: string,
  id: string,
): Promise<ClusterTemplate | undefined> {
  const rows = await query<ClusterTemplateRow>(
    db,
    `lock-${kind}-template`,
    `select t.id, ${COLUMNS} from ${TABLES[kind]} t
     where t.id = $2 and (t.project_id = $1 or t.is_public) for update`,
    [projectId, id],
  );
  return rows.map(clusterTemplateFromRow)[0];
}

/** Those of `ids` that are templates of groups the project may see; none is deleted before the transaction ends. */
export async function holdNodeGroupTemplates(
  db: Database,
  projectId: string,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await query<{ readonly id: string }>(
    db,
    "hold-node-group-templates",
    `select t.id from node_group_template t
     where t.id = any($2::uuid[]) and (t.project_id = $1 or t.is_public) order by t.id for key share`,
    [projectId, ids],
  );
  return rows.map(({ id }) => id);
}

/** How many templates of clusters, of any project, name the group of nodes: its id as the API writes it. */
export async function countTemplatesOfGroup(db: Database, writtenId: string): Promise<number> {
  const group = JSON.stringify({ node_groups: [{ node_group_template_id: writtenId }] });
  const rows = await query<{ readonly count: number }>(
    db,
    "count-templates-of-group",
    "select count(*) as count from cluster_template where details @> $1::jsonb",
    [group],
  );
  return rows[0]?.count ?? 0;
}

/** Adds a template; false when the project has one of its name. */
export async function insertClusterTemplate(
  db: Database,
  kind: TemplateKind,
  template: ClusterTemplate,
): Promise<boolean> {
  const inserted = await execute(
    db,
    `insert-${kind}-template`,
    `insert into ${TABLES[kind]}
       (project_id, id, name, description, plugin_name, plugin_version, details, is_public, is_protected, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (project_id, name) do nothing`,
    [
      template.projectId,
      template.id,
      template.name,
      template.description,
      template.pluginName,
      template.pluginVersion,
      JSON.stringify(template.details),
      template.isPublic,
      template.isProtected,
      template.createdAt,
    ],
  );
  return inserted === 1;
}

/** Writes everything. Breaks the unique key when the name is taken. */
export async function updateClusterTemplate(
  db: Database,
  kind: TemplateKind,
  template: ClusterTemplate,
): Promise<void> {
  await execute(
    db,
    `update-${kind}-template`,
    `update ${TABLES[kind]} set name = $3, description = $4, plugin_name = $5, plugin_version = $6, details = $7,
       is_public = $8, is_protected = $9, updated_at = $10
     where project_id = $1 and id = $2`,
    [
      template.projectId,
      template.id,
      template.name,
      template.description,
      template.pluginName,
      template.pluginVersion,
      JSON.stringify(template.details),
      template.isPublic,
      template.isProtected,
      template.updatedAt,
    ],
  );
}

export async function deleteClusterTemplate(
  db: Database,
  kind: TemplateKind,
  { projectId, id }: ClusterTemplate,
): Promise<void> {
  await execute(
    db,
    `delete-${kind}-template`,
    `delete from ${TABLES[kind]} where project_id = $1 and id = $2`,
    [projectId, id],
  );
}

export function clusterTemplateFromRow(row: Omit<ClusterTemplateRow, "sort_value">): ClusterTemplate {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    pluginName: row.plugin_name,
    pluginVersion: row.plugin_version,
    details: row.details,
    isPublic: row.is_public,
    isProtected: row.is_protected,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
