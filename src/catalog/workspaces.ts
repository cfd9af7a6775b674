/** Workspaces: when one comes into being, when an unknown one is refused, and its environment. */
import { Fault, invalid } from "../domain/fault.ts";
import { checkNamedValues } from "../domain/job.ts";
import {
  DEFAULT_WORKSPACE,
  ENVIRONMENT_DESCRIPTION_MAX,
  ENVIRONMENT_VALUE_MAX,
  ENVIRONMENT_VARIABLES_MAX,
  type EnvironmentVariable,
  isWorkspaceId,
  WORKSPACES_MAX,
} from "../domain/project.ts";
import type { Caller } from "../domain/user.ts";
import { insertAct } from "../store/audit.ts";
import { orFault, REFERENCED } from "../store/constraints.ts";
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import {
  deleteWorkspace,
  describeWorkspace,
  insertWorkspace,
  keepWorkspace,
  listEnvironment,
  replaceEnvironment,
  type WorkspaceKey,
  workspaceExists,
} from "../store/workspaces.ts";

export interface WorkspaceDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  /** Whether the first write to a workspace makes it (dataarts-factory 2). */
  readonly workspacesOnFirstUse: boolean;
}

/**
 * For reads and for changes of what must be there: raises `workspace-missing` for an unknown workspace, unless
 * workspaces come into being on first use; then an unknown one reads as an empty one. The default one always exists.
 */
export async function checkWorkspace(db: Database, deps: WorkspaceDeps, key: WorkspaceKey): Promise<void> {
  if (!isWorkspaceId(key.workspaceId)) throw unknownWorkspace();
  if (deps.workspacesOnFirstUse || key.workspaceId === DEFAULT_WORKSPACE) return;
  if (!(await workspaceExists(db, key))) throw unknownWorkspace();
}

/**
 * For creations, in their transaction: the workspace is there afterwards. Raises `workspace-missing` where it may not
 * come into being, `workspace-limit` where the project has 1,000 of them.
 */
export async function ensureWorkspace(db: Database, deps: WorkspaceDeps, key: WorkspaceKey): Promise<void> {
  if (!isWorkspaceId(key.workspaceId)) throw unknownWorkspace();
  if (await keepWorkspace(db, key)) return;
  if (!deps.workspacesOnFirstUse && key.workspaceId !== DEFAULT_WORKSPACE) throw unknownWorkspace();
  if (await insertWorkspace(db, key, { now: deps.now(), limit: WORKSPACES_MAX })) return;
  throw tooManyWorkspaces();
}

function tooManyWorkspaces(): Fault {
  return new Fault("conflict", "workspace-limit", `a project has at most ${WORKSPACES_MAX} workspaces`);
}

/**
 * Makes a workspace before anything lies in it.
 * @throws Fault `workspace-exists`; `request-invalid` for an id that none can bear; `workspace-limit`.
 */
export async function createWorkspace(
  deps: WorkspaceDeps,
  { projectId, userName: by }: Caller,
  { id, description }: { readonly id: string; readonly description: string },
): Promise<void> {
  if (!isWorkspaceId(id))
    invalid("request-invalid", ["id: must be 1 to 128 letters, digits, Chinese characters, -, _ or ."]);
  const key = { projectId, workspaceId: id };
  const now = deps.now();
  await transaction(deps.pool, async (db) => {
    if (await workspaceExists(db, key))
      throw new Fault("conflict", "workspace-exists", `there is a workspace "${id}" already`);
    if (!(await insertWorkspace(db, key, { now, limit: WORKSPACES_MAX }))) throw tooManyWorkspaces();
    await describeWorkspace(db, key, { description, by });
    await insertAct(db, { projectId, at: now, by, act: "create", object: { kind: "workspace", id } });
  });
}

/**
 * Deletes a workspace in which nothing lies, with its variables and members.
 * @throws Fault `workspace-missing`; `object-protected` for the default one; `object-in-use`.
 */
export async function removeWorkspace(
  deps: WorkspaceDeps,
  { projectId, userName: by }: Caller,
  id: string,
): Promise<void> {
  if (id === DEFAULT_WORKSPACE)
    throw new Fault("conflict", "object-protected", "the default workspace is always there");
  await transaction(deps.pool, async (db) => {
    const deleting = deleteWorkspace(db, { projectId, workspaceId: id });
    const inUse = (cause: unknown) =>
      new Fault("conflict", "object-in-use", "there is something in the workspace", { cause });
    if (!(await orFault(deleting, REFERENCED, inUse))) throw unknownWorkspace();
    await insertAct(db, { projectId, at: deps.now(), by, act: "delete", object: { kind: "workspace", id } });
  });
}

/** The workspace's variables by name, as expressions read them. */
export async function loadEnvironment(
  db: Database,
  key: WorkspaceKey,
): Promise<Readonly<Record<string, string>>> {
  const variables = await listEnvironment(db, key);
  return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}

/** Puts `variables` in place of the workspace's. Raises `request-invalid` with every problem. */
export async function saveEnvironment(
  deps: WorkspaceDeps,
  key: WorkspaceKey,
  variables: readonly EnvironmentVariable[],
): Promise<void> {
  const problems = checkEnvironment(variables);
  if (problems.length > 0) invalid("request-invalid", problems);
  await transaction(deps.pool, async (db) => {
    await ensureWorkspace(db, deps, key);
    await replaceEnvironment(db, key, variables);
  });
}

function checkEnvironment(variables: readonly EnvironmentVariable[]): string[] {
  const problems = checkNamedValues(variables, ENVIRONMENT_VALUE_MAX);
  if (variables.length > ENVIRONMENT_VARIABLES_MAX)
    problems.push(`params: a workspace has at most ${ENVIRONMENT_VARIABLES_MAX} variables`);
  for (const { name, description } of variables) {
    if (description.length > ENVIRONMENT_DESCRIPTION_MAX)
      problems.push(
        `params: the description of "${name}" is longer than ${ENVIRONMENT_DESCRIPTION_MAX} characters`,
      );
  }
  return problems;
}

function unknownWorkspace(): Fault {
  return new Fault("not-found", "workspace-missing", "the workspace does not exist");
}
