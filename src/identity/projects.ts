/** Projects: made, changed and removed by an administrator. */
import { Fault, missing } from "../domain/fault.ts";
import type { Project } from "../domain/project.ts";
import type { Database } from "../store/database.ts";
import {
  deleteProject as deleteProjectRow,
  findProject,
  insertProject,
  listProjects,
  updateProject as updateProjectRow,
} from "../store/projects.ts";
import { deleteTokensOfProject } from "../store/tokens.ts";
import { changeKeepingAnAdministrator, checkProjectName, DESCRIPTION_MAX } from "./administration.ts";
import type { Identity } from "./identity.ts";
import { createId } from "./ids.ts";

export interface ProjectChange {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly localCommands?: boolean | undefined;
}

/** A new project. Faults: `request-invalid`, `project-exists`. */
export async function createProject(
  identity: Identity,
  made: ProjectChange & { readonly name: string },
): Promise<Project> {
  const project: Project = {
    id: createId(),
    name: made.name,
    description: made.description ?? "",
    enabled: made.enabled ?? true,
    localCommands: made.localCommands ?? true,
    createdAt: identity.now(),
  };
  checkProject(project);
  if (!(await insertProject(identity.pool, project))) throw nameTaken(project.name);
  return project;
}

/** The project; fault `project-missing`. */
export async function getProject(db: Database, id: string): Promise<Project> {
  return (await findProject(db, id)) ?? missing("project-missing", `Could not find project: ${id}.`);
}

/** Changes what is given. Disabling ends the project's tokens. Faults: those of get and create, `object-protected`. */
export async function updateProject(identity: Identity, id: string, wanted: ProjectChange): Promise<Project> {
  return await changeKeepingAnAdministrator(identity, async (db) => {
    const before = await getProject(db, id);
    const project: Project = {
      ...before,
      name: wanted.name ?? before.name,
      description: wanted.description ?? before.description,
      enabled: wanted.enabled ?? before.enabled,
      localCommands: wanted.localCommands ?? before.localCommands,
    };
    checkProject(project);
    await checkNameIsFree(db, project);
    await updateProjectRow(db, project);
    if (!project.enabled) await deleteTokensOfProject(db, id);
    return project;
  });
}

/** Removes a project and all that is in it. Faults: `project-missing`, `object-protected`, `object-in-use`. */
export async function deleteProject(identity: Identity, id: string): Promise<void> {
  await changeKeepingAnAdministrator(identity, async (db) => {
    await getProject(db, id);
    await deleteProjectRow(db, id);
  });
}

async function checkNameIsFree(db: Database, project: Project): Promise<void> {
  const [holder] = await listProjects(db, { name: project.name }, 1);
  if (holder !== undefined && holder.id !== project.id) throw nameTaken(project.name);
}

function checkProject(project: Project): void {
  checkProjectName(project.name);
  if (project.description.length > DESCRIPTION_MAX) {
    throw new Fault("invalid", "request-invalid", `a description has at most ${DESCRIPTION_MAX} characters`);
  }
}

function nameTaken(name: string): Fault {
  return new Fault("conflict", "project-exists", `a project named ${name} exists`);
}
