/** Directories as jobs, scripts and resources name them: there is no table of their own. */
import type { DirectoryCategory, NamedDirectory } from "../domain/directory.ts";
import type { JobKind } from "../domain/job.ts";
import type { Page } from "../domain/page.ts";
import { type Database, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** An object of a directory. */
export interface DirectoryElement {
  /** As its own list shows it. */
  readonly id: string;
  readonly name: string;
  readonly owner: string | null;
  /** Of jobs alone. */
  readonly kind: JobKind | null;
  readonly singleNode: boolean | null;
}

/** The objects of a workspace, each with its directory. */
const OBJECTS: Readonly<Record<DirectoryCategory, string>> = {
  job: `select id::text, name, owner, kind, single_node, directory from job
    where project_id = $1 and workspace_id = $2 and kind in ('batch', 'real-time')`,
  script: `select id::text, name, coalesce(document->>'owner', created_by) as owner, null::text as kind,
      null::boolean as single_node, coalesce(document->>'directory', '/') as directory from script
    where project_id = $1 and workspace_id = $2`,
  resource: `select id::text, name, created_by as owner, null::text as kind, null::boolean as single_node, directory
    from resource where project_id = $1 and workspace_id = $2`,
};

/** The directories that objects name, the first `most` of them; counted are objects whose name has the part in it. */
export async function listDirectories(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  category: DirectoryCategory,
  { nameContains, most }: { readonly nameContains: string; readonly most: number },
): Promise<NamedDirectory[]> {
  return await query<NamedDirectory>(
    db,
    `list-${category}-directories`,
    `select directory as spelling, count(*) filter (where strpos(name, $3) > 0) as count
     from (${OBJECTS[category]}) o group by directory order by directory collate "C" limit $4`,
    [projectId, workspaceId, nameContains, most],
  );
}

/** The objects of directories with these spellings, by name. */
export async function listDirectoryElements(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  category: DirectoryCategory,
  {
    spellings,
    nameContains,
    page,
  }: { readonly spellings: readonly string[]; readonly nameContains: string; readonly page: Page },
): Promise<DirectoryElement[]> {
  return await query<DirectoryElement>(
    db,
    `list-${category}-elements`,
    `select id, name, owner, kind, single_node as "singleNode" from (${OBJECTS[category]}) o
     where directory = any ($4) and strpos(name, $3) > 0
     order by name collate "C", id offset $5 limit $6`,
    [projectId, workspaceId, nameContains, spellings, page.offset, page.limit],
  );
}
