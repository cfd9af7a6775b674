/** The project table. */
import { Fault } from "../domain/fault.ts";
import type { Project } from "../domain/project.ts";
import { orFault, REFERENCED } from "./constraints.ts";
import { type Database, execute, query } from "./database.ts";

export interface ProjectFilter {
  readonly name?: string;
  readonly enabled?: boolean;
  /** Only projects in which this user has a role. */
  readonly memberId?: string;
}

const COLUMNS = "p.id, p.name, p.description, p.enabled, p.local_commands, p.created_at";

interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  readonly local_commands: boolean;
  readonly created_at: Date;
}

/** Projects by name, at most `limit`. */
export async function listProjects(db: Database, filter: ProjectFilter, limit: number): Promise<Project[]> {
  const rows = await query<ProjectRow>(
    db,
    "list-projects",
    `select ${COLUMNS} from project p
     where ($1::text is null or p.name = $1)
       and ($2::boolean is null or p.enabled = $2)
       and ($3::uuid is null or exists (
         select from role_assignment r where r.project_id = p.id and r.user_id = $3))
     order by p.name, p.id limit $4`,
    [filter.name, filter.enabled, filter.memberId, limit],
  );
  return rows.map(projectFromRow);
}

export async function findProject(db: Database, id: string): Promise<Project | undefined> {
  const rows = await query<ProjectRow>(
    db,
    "find-project",
    `select ${COLUMNS} from project p where p.id = $1`,
    [id],
  );
  return rows.map(projectFromRow)[0];
}

/** What bounds the project's nodes: its place in the range of numeric users, and whether they may run commands here. */
export async function findProjectLimits(
  db: Database,
  id: string,
): Promise<{ readonly userSlot: number; readonly localCommands: boolean } | undefined> {
  const rows = await query<{ user_slot: number; local_commands: boolean }>(
    db,
    "find-project-limits",
    "select user_slot, local_commands from project where id = $1",
    [id],
  );
  return rows.map((row) => ({ userSlot: row.user_slot, localCommands: row.local_commands }))[0];
}

/** Adds a project; false when its id or name is taken. */
export async function insertProject(db: Database, project: Project): Promise<boolean> {
  const { id, name, description, enabled, localCommands, createdAt } = project;
  const inserted = await execute(
    db,
    "insert-project",
    `insert into project (id, name, description, enabled, local_commands, created_at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [id, name, description, enabled, localCommands, createdAt],
  );
  return inserted === 1;
}

/** Writes a project's changeable members; a name that is taken raises the database's own error. */
export async function updateProject(db: Database, project: Project): Promise<void> {
  await execute(
    db,
    "update-project",
    "update project set name = $2, description = $3, enabled = $4, local_commands = $5 where id = $1",
    [project.id, project.name, project.description, project.enabled, project.localCommands],
  );
}

/**
 * Removes a project with everything in it, in the caller's transaction. Raises `object-in-use` while another project uses
 * something public of it.
 */
export async function deleteProject(db: Database, id: string): Promise<void> {
  // Each cascade is checked for itself, so what refers to others goes first.
  await orFault(deleteInOrder(db, id), REFERENCED, (cause) => {
    const message = "another project uses something public of this one";
    return new Fault("conflict", "object-in-use", message, { cause });
  });
}

async function deleteInOrder(db: Database, id: string): Promise<void> {
  await execute(db, "delete-project-runs", "delete from job_execution where project_id = $1", [id]);
  await execute(db, "delete-project-templates", "delete from job_template where project_id = $1", [id]);
  await execute(db, "delete-project", "delete from project where id = $1", [id]);
}

function projectFromRow({
  local_commands: localCommands,
  created_at: createdAt,
  ...same
}: ProjectRow): Project {
  return { ...same, localCommands, createdAt };
}
