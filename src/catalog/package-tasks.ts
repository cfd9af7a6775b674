/** Imports of packages as tasks: asked for, carried out in their turn, looked at. */
import { Fault } from "../domain/fault.ts";
import type { PackageImport } from "../domain/package.ts";
import { TASKS_OPEN_MAX, type Task, type TaskLine } from "../domain/task.ts";
import { type Caller, roleIn } from "../domain/user.ts";
import { insertAct } from "../store/audit.ts";
import { transaction } from "../store/database.ts";
import { findTask, insertTask, listTaskLines, type TaskKind } from "../store/system-tasks.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import type { ConnectionDeps } from "./connections.ts";
import { inStorage, type PackageReader } from "./package-contents.ts";
import { sealImport } from "./package-secrets.ts";
import { checkWorkspace, ensureWorkspace, type WorkspaceDeps } from "./workspaces.ts";

export interface PackageTaskDeps extends ConnectionDeps, Pick<PackageReader, "buckets"> {
  /** A fresh id of 32 hexadecimal digits. */
  readonly newId: () => string;
  /** Called when there is a task to carry out. */
  readonly taskAdded: () => void;
}

/**
 * Adds the task of an import and gives its id. What is wrong with the package itself is found by the task. Faults:
 * `storage-path-invalid`, `storage-file-unreadable` where there is no such file, `server-busy` where the project has too
 * many tasks under way, those of `ensureWorkspace`.
 */
export async function addImport(
  deps: PackageTaskDeps,
  caller: Caller,
  workspaceId: string,
  { kind, request }: { readonly kind: TaskKind; readonly request: PackageImport },
): Promise<string> {
  const { projectId, userName: by } = caller;
  const { path } = request;
  const content = await inStorage(path, () => deps.buckets(projectId).open(path));
  content.destroy();
  const id = deps.newId();
  const at = deps.now();
  const { request: plain, secretsSealed } = sealImport(deps.masterKeys, id, request);
  await transaction(deps.pool, async (db) => {
    await ensureWorkspace(db, deps, { projectId, workspaceId });
    const task = {
      projectId,
      workspaceId,
      id,
      kind,
      name: `Import ${path}`,
      request: { ...plain, hiddenWorkspaces: hiddenFrom(caller) },
      secretsSealed,
      by,
      at,
    };
    if (!(await insertTask(db, task, TASKS_OPEN_MAX)))
      throw new Fault("unavailable", "server-busy", `${TASKS_OPEN_MAX} tasks of the project are under way`);
    await insertAct(db, {
      projectId,
      at,
      by,
      act: "import",
      object: { kind: "task", id },
      detail: { kind, path, workspaceId },
    });
  });
  deps.taskAdded();
  return id;
}

/** The workspaces that are closed to the caller. */
function hiddenFrom(caller: Caller): string[] {
  return [...caller.workspaceRoles.keys()].filter((id) => roleIn(caller, id) === undefined);
}

/** The task of that id with its lines. Faults: `task-missing`, `workspace-missing`. */
export async function getTask(
  deps: WorkspaceDeps,
  key: WorkspaceKey,
  id: string,
): Promise<{ readonly task: Task; readonly lines: readonly TaskLine[] }> {
  await checkWorkspace(deps.pool, deps, key);
  const plain = id.replaceAll("-", "").toLowerCase();
  const task = /^[0-9a-f]{32}$/.test(plain) ? await findTask(deps.pool, key, plain) : undefined;
  if (task === undefined) throw new Fault("not-found", "task-missing", `Task[${id}] does not exist`);
  return { task, lines: await listTaskLines(deps.pool, task) };
}
