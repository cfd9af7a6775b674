/** Which jobs' nodes use which resources, as their present versions say. */
import { type Database, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** A job that uses a resource. */
export interface ResourceUse {
  readonly resourceId: string;
  readonly jobId: number;
  readonly jobName: string;
  readonly version: number;
  readonly savedBy: string;
}

/** Of more, the newest jobs are given. */
const USES_MAX = 100;

/** The uses of these resources; a node says a resource's name, its directory and name, or its file. */
export async function listResourceUses(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  resourceIds: readonly string[],
): Promise<ResourceUse[]> {
  return await query<ResourceUse>(
    db,
    "list-resource-uses",
    `select r.id as "resourceId", j.id as "jobId", j.name as "jobName", j.version, j.updated_by as "savedBy"
     from resource r
     cross join lateral (
       select array['resource/' || r.name, 'resource/' || rtrim(r.directory, '/') || '/' || r.name, 'resource/' || r.location]
     ) w (words)
     cross join lateral (
       select j.id, j.name, j.version, j.updated_by from job j
       where j.project_id = $1 and j.workspace_id = $2 and j.kind <> 'node' and j.uses <> '{}' and j.uses && w.words
         and list_keys(j.project_id, j.workspace_id, j.uses) && list_keys($1, $2, w.words)
       order by j.id desc limit ${USES_MAX}
     ) j
     where r.project_id = $1 and r.workspace_id = $2 and r.id = any ($3::uuid[])
     order by r.id, j.id desc`,
    [projectId, workspaceId, resourceIds],
  );
}
