/** The resource table. */
import type { Page } from "../domain/page.ts";
import type { Resource, ResourceContent, ResourcePackage, ResourceType } from "../domain/resource.ts";
import { UNIQUE } from "./constraints.ts";
import { type Database, execute, query } from "./database.ts";
import { hasCode } from "./file-system.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** What a save writes. */
export interface ResourceWrite extends ResourceContent {
  readonly by: string;
  readonly at: Date;
}

const COLUMNS = `project_id, workspace_id, id, name, type, directory, location, description, depend_files,
  depend_packages, created_at, created_by, updated_at, updated_by`;

/** One page of a workspace's resources, newest first, and how many there are in all; `nameContains` heeds case. */
export async function listResources(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  nameContains: string,
  page: Page,
): Promise<{ resources: Resource[]; total: number }> {
  const [total, rows] = await Promise.all([
    query<{ total: number }>(
      db,
      "count-resources",
      "select count(*) as total from resource where project_id = $1 and workspace_id = $2 and strpos(name, $3) > 0",
      [projectId, workspaceId, nameContains],
    ),
    query<ResourceRow>(
      db,
      "list-resources",
      `select ${COLUMNS} from resource where project_id = $1 and workspace_id = $2 and strpos(name, $3) > 0
       order by created_at desc, id desc offset $4 limit $5`,
      [projectId, workspaceId, nameContains, page.offset, page.limit],
    ),
  ]);
  return { resources: rows.map(resourceFromRow), total: total[0]?.total ?? 0 };
}

export async function findResource(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  id: string,
): Promise<Resource | undefined> {
  const rows = await query<ResourceRow>(
    db,
    "find-resource",
    `select ${COLUMNS} from resource where project_id = $1 and workspace_id = $2 and id = $3`,
    [projectId, workspaceId, id],
  );
  return rows.map(resourceFromRow)[0];
}

/** The workspace's resources that have one of `named` as their name, or as their path; in the order of their paths. */
export async function findNamedResources(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  named: readonly string[],
): Promise<Resource[]> {
  const rows = await query<ResourceRow>(
    db,
    "find-named-resources",
    `select ${COLUMNS} from resource
     where project_id = $1 and workspace_id = $2
       and (name = any($3) or location = any($3) or rtrim(directory, '/') || '/' || name = any($3))
     order by name, directory`,
    [projectId, workspaceId, named],
  );
  return rows.map(resourceFromRow);
}

/** The directory's resource of that name. */
export async function findResourceInDirectory(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { directory, name }: Pick<Resource, "directory" | "name">,
): Promise<Resource | undefined> {
  const rows = await query<ResourceRow>(
    db,
    "find-resource-in-directory",
    `select ${COLUMNS} from resource where project_id = $1 and workspace_id = $2 and directory = $3 and name = $4`,
    [projectId, workspaceId, directory, name],
  );
  return rows.map(resourceFromRow)[0];
}

/** Adds a resource; false when its directory has one of the name. */
export async function insertResource(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  write: ResourceWrite & Pick<Resource, "id" | "type" | "directory">,
): Promise<boolean> {
  const inserted = await execute(
    db,
    "insert-resource",
    `insert into resource (project_id, workspace_id, id, name, type, directory, location, description, depend_files,
                           depend_packages, created_at, created_by, updated_at, updated_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $11, $12)
     on conflict (project_id, workspace_id, directory, name) do nothing`,
    [projectId, workspaceId, write.id, write.name, write.type, write.directory, ...valuesOf(write)],
  );
  return inserted === 1;
}

/** Replaces what a save may: `missing` where there is none of the id, `name-taken` where its directory has the name. */
export async function updateResource(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  id: string,
  write: ResourceWrite,
): Promise<"saved" | "missing" | "name-taken"> {
  try {
    const updated = await execute(
      db,
      "update-resource",
      `update resource set name = $4, location = $5, description = $6, depend_files = $7, depend_packages = $8,
         updated_at = $9, updated_by = $10
       where project_id = $1 and workspace_id = $2 and id = $3`,
      [projectId, workspaceId, id, write.name, ...valuesOf(write)],
    );
    return updated === 1 ? "saved" : "missing";
  } catch (error) {
    // The one unique rule that an update can break.
    if (hasCode(error, [UNIQUE])) return "name-taken";
    throw error;
  }
}

/** Removes a resource; false where there is none of that id. */
export async function deleteResource(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  id: string,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-resource",
    "delete from resource where project_id = $1 and workspace_id = $2 and id = $3",
    [projectId, workspaceId, id],
  );
  return deleted === 1;
}

function valuesOf({ location, description, dependFiles, dependPackages, at, by }: ResourceWrite) {
  return [location, description ?? null, dependFiles, JSON.stringify(dependPackages), at, by];
}

interface ResourceRow {
  readonly project_id: string;
  readonly workspace_id: string;
  readonly id: string;
  readonly name: string;
  readonly type: ResourceType;
  readonly directory: string;
  readonly location: string;
  readonly description: string | null;
  readonly depend_files: readonly string[];
  readonly depend_packages: readonly ResourcePackage[];
  readonly created_at: Date;
  readonly created_by: string;
  readonly updated_at: Date;
  readonly updated_by: string;
}

function resourceFromRow(row: ResourceRow): Resource {
  return {
    projectId: row.project_id,
    workspaceId: row.workspace_id,
    id: row.id,
    name: row.name,
    type: row.type,
    directory: row.directory,
    location: row.location,
    ...(row.description !== null && { description: row.description }),
    dependFiles: row.depend_files,
    dependPackages: row.depend_packages,
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  };
}
