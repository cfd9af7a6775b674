/** The script table. */
import type { Page } from "../domain/page.ts";
import type { Script, ScriptType } from "../domain/script.ts";
import { type Database, execute, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** What a save writes. */
export interface ScriptWrite {
  readonly content: string;
  /** JSON text of the other members as they came. */
  readonly document: string;
  /** Of the name, the document and the content (domain/text-marks.ts). */
  readonly marks: string;
  readonly by: string;
  readonly at: Date;
}

const COLUMNS = `project_id, workspace_id, id, name, type, version, document,
  created_at, created_by, updated_at, updated_by`;

/** A script without its text. */
export type ScriptHead = Omit<Script, "content">;

/** One page of a workspace's scripts, newest first, and how many there are in all; `nameContains` heeds case. */
export async function listScripts(
  db: Database,
  key: WorkspaceKey,
  nameContains: string,
  page: Page,
): Promise<{ scripts: Script[]; total: number }> {
  const { rows, total } = await listRows<ScriptRow>(db, key, {
    name: "list-scripts",
    columns: `${COLUMNS}, content`,
    nameContains,
    page,
  });
  return { scripts: rows.map(scriptFromRow), total };
}

/** As `listScripts`, where nobody wants the texts. */
export async function listScriptHeads(
  db: Database,
  key: WorkspaceKey,
  nameContains: string,
  page: Page,
): Promise<{ scripts: ScriptHead[]; total: number }> {
  const { rows, total } = await listRows<HeadRow>(db, key, {
    name: "list-script-heads",
    columns: COLUMNS,
    nameContains,
    page,
  });
  return { scripts: rows.map(headFromRow), total };
}

async function listRows<Row extends object>(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  {
    name,
    columns,
    nameContains,
    page,
  }: {
    readonly name: string;
    readonly columns: string;
    readonly nameContains: string;
    readonly page: Page;
  },
): Promise<{ rows: readonly Row[]; total: number }> {
  const matching = "from script where project_id = $1 and workspace_id = $2 and strpos(name, $3) > 0";
  const values = [projectId, workspaceId, nameContains];
  const [total, rows] = await Promise.all([
    query<{ total: number }>(db, "count-scripts", `select count(*) as total ${matching}`, values),
    query<Row>(db, name, `select ${columns} ${matching} order by id desc offset $4 limit $5`, [
      ...values,
      page.offset,
      page.limit,
    ]),
  ]);
  return { rows, total: total[0]?.total ?? 0 };
}

export async function findScript(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<Script | undefined> {
  const rows = await query<ScriptRow>(
    db,
    "find-script",
    `select ${COLUMNS}, content from script where project_id = $1 and workspace_id = $2 and name = $3`,
    [projectId, workspaceId, name],
  );
  return rows.map(scriptFromRow)[0];
}

/** The scripts of these names, by name; those that are not there are left out. */
export async function listScriptsNamed(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  names: readonly string[],
): Promise<Script[]> {
  const rows = await query<ScriptRow>(
    db,
    "list-scripts-named",
    `select ${COLUMNS}, content from script where project_id = $1 and workspace_id = $2 and name = any ($3)
     order by name`,
    [projectId, workspaceId, names],
  );
  return rows.map(scriptFromRow);
}

/** Adds a script as its version 1; false when the name is taken. */
export async function insertScript(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  {
    name,
    type,
    content,
    document,
    marks,
    by,
    at,
  }: ScriptWrite & { readonly name: string; readonly type: ScriptType },
): Promise<boolean> {
  const inserted = await execute(
    db,
    "insert-script",
    `insert into script (project_id, workspace_id, name, type, content, document,
                         created_at, created_by, updated_at, updated_by, marks)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8, $9)
     on conflict (project_id, workspace_id, name) do nothing`,
    [projectId, workspaceId, name, type, content, document, at, by, marks],
  );
  return inserted === 1;
}

/** Saves the next version of a script; false where there is none of that name. */
export async function updateScript(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
  { content, document, marks, by, at }: ScriptWrite,
): Promise<boolean> {
  const updated = await execute(
    db,
    "update-script",
    `update script set content = $4, document = $5, version = version + 1, updated_at = $6, updated_by = $7, marks = $8
     where project_id = $1 and workspace_id = $2 and name = $3`,
    [projectId, workspaceId, name, content, document, at, by, marks],
  );
  return updated === 1;
}

/** Removes a script; false where there is none of that name. */
export async function deleteScript(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-script",
    "delete from script where project_id = $1 and workspace_id = $2 and name = $3",
    [projectId, workspaceId, name],
  );
  return deleted === 1;
}

interface HeadRow {
  readonly project_id: string;
  readonly workspace_id: string;
  readonly id: number;
  readonly name: string;
  readonly type: ScriptType;
  readonly version: number;
  readonly document: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
  readonly created_by: string;
  readonly updated_at: Date;
  readonly updated_by: string;
}

interface ScriptRow extends HeadRow {
  readonly content: string;
}

function scriptFromRow(row: ScriptRow): Script {
  return { ...headFromRow(row), content: row.content };
}

function headFromRow(row: HeadRow): ScriptHead {
  return {
    projectId: row.project_id,
    workspaceId: row.workspace_id,
    id: row.id,
    name: row.name,
    type: row.type,
    version: row.version,
    document: row.document,
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
    updatedBy: row.updated_by,
  };
}
