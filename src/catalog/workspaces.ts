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
import { type Database, type DatabasePool, transaction } from "../store/database.ts";
import {
  insertWorkspace,
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
  if (await workspaceExists(db, key)) return;
  if (!deps.workspacesOnFirstUse && key.workspaceId !== DEFAULT_WORKSPACE) throw unknownWorkspace();
  if (await insertWorkspace(db, key, { now: deps.now(), limit: WORKSPACES_MAX })) return;
  throw new Fault("conflict", "workspace-limit", `a project has at most ${WORKSPACES_MAX} workspaces`);
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
