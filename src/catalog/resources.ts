/** Resources as people define them: the rules that a save must meet. */
import { Fault, type FaultCode, invalid, missing } from "../domain/fault.ts";
import { checkResource, type Resource, type ResourceContent } from "../domain/resource.ts";
import { formatObjectId } from "../domain/shared-object.ts";
import type { Caller } from "../domain/user.ts";
import { insertAct } from "../store/audit.ts";
import { type Database, transaction } from "../store/database.ts";
import { deleteResource, findResource, insertResource, updateResource } from "../store/resources.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { checkWorkspace, ensureWorkspace, type WorkspaceDeps } from "./workspaces.ts";

/** A resource as somebody wants it. */
export type ResourceDraft = ResourceContent & Pick<Resource, "type" | "directory">;

export interface ResourceDeps extends WorkspaceDeps {
  /** A fresh id of 32 hexadecimal digits. */
  readonly newId: () => string;
}

/**
 * Adds a resource and gives its id. Faults, each with every problem of its kind: `resource-invalid`,
 * `resource-location-invalid`, `resource-description-invalid`; `resource-exists`; those of `ensureWorkspace`.
 */
export async function createResource(
  deps: ResourceDeps,
  caller: Caller,
  workspaceId: string,
  draft: ResourceDraft,
): Promise<string> {
  refuse(draft, draft.directory);
  const key = { projectId: caller.projectId, workspaceId };
  const id = deps.newId();
  const write = { ...draft, id, by: caller.userName, at: deps.now() };
  await transaction(deps.pool, async (db) => {
    await ensureWorkspace(db, deps, key);
    if (!(await insertResource(db, key, write))) throw nameTaken();
    await recordAct(db, deps, caller, { act: "create", id, name: draft.name });
  });
  return id;
}

/** Replaces a resource; its type and directory stay. Faults as `createResource`; `resource-missing`. */
export async function saveResource(
  deps: ResourceDeps,
  caller: Caller,
  { workspaceId, id }: { readonly workspaceId: string; readonly id: string },
  content: ResourceContent,
): Promise<void> {
  refuse(content, "/");
  const key = { projectId: caller.projectId, workspaceId };
  await transaction(deps.pool, async (db) => {
    await checkWorkspace(db, deps, key);
    const result = await updateResource(db, key, id, { ...content, by: caller.userName, at: deps.now() });
    if (result === "missing") resourceMissing();
    if (result === "name-taken") throw nameTaken();
    await recordAct(db, deps, caller, { act: "save", id, name: content.name });
  });
}

/** The resource of that id. Faults: `resource-missing`, `workspace-missing`. */
export async function getResource(deps: WorkspaceDeps, key: WorkspaceKey, id: string): Promise<Resource> {
  await checkWorkspace(deps.pool, deps, key);
  return (await findResource(deps.pool, key, id)) ?? resourceMissing();
}

/** Removes a resource; its file stays in its bucket. Faults: `resource-missing`, `workspace-missing`. */
export async function removeResource(
  deps: ResourceDeps,
  caller: Caller,
  { workspaceId, id }: { readonly workspaceId: string; readonly id: string },
): Promise<void> {
  const key = { projectId: caller.projectId, workspaceId };
  await transaction(deps.pool, async (db) => {
    await checkWorkspace(db, deps, key);
    if (!(await deleteResource(db, key, id))) resourceMissing();
    await recordAct(db, deps, caller, { act: "delete", id });
  });
}

/** Raises the fault of the first part that is wrong. */
function refuse(content: ResourceContent, directory: string): void {
  const { rest, locations, description } = checkResource(content, directory);
  const parts: readonly (readonly [FaultCode, readonly string[]])[] = [
    ["resource-invalid", rest],
    ["resource-location-invalid", locations],
    ["resource-description-invalid", description],
  ];
  for (const [code, problems] of parts) if (problems.length > 0) invalid(code, problems);
}

async function recordAct(
  db: Database,
  { now }: ResourceDeps,
  { projectId, userName }: Caller,
  { act, id, name }: { readonly act: string; readonly id: string; readonly name?: string },
): Promise<void> {
  const detail = name === undefined ? {} : { name };
  const object = { kind: "resource", id: formatObjectId(id) };
  await insertAct(db, { projectId, at: now(), by: userName, act, object, detail });
}

function nameTaken(): Fault {
  return new Fault("conflict", "resource-exists", "the directory has a resource of this name");
}

function resourceMissing(): never {
  return missing("resource-missing", "the resource does not exist");
}
