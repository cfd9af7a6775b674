/** Resources as people define them: the rules that a save must meet. */
import { Fault, type FaultCode, invalid, missing } from "../domain/fault.ts";
import { checkResource, type Resource, type ResourceContent } from "../domain/resource.ts";
import { formatObjectId } from "../domain/shared-object.ts";
import type { Caller } from "../domain/user.ts";
import { insertAct } from "../store/audit.ts";
import { type Database, transaction } from "../store/database.ts";
import { deleteResource, findResource, insertResource, updateResource } from "../store/resources.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import type { Author } from "./jobs.ts";
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
  checkResourceDraft(draft);
  const author = { projectId: caller.projectId, workspaceId, by: caller.userName };
  return await transaction(deps.pool, (db) => addResource(db, deps, author, draft));
}

/** What can be said of a draft by itself, the fault of the first part that is wrong with every problem of it. */
export function checkResourceDraft(draft: Omit<ResourceDraft, "type">): void {
  const { rest, locations, description } = checkResource(draft, draft.directory);
  const parts: readonly (readonly [FaultCode, readonly string[]])[] = [
    ["resource-invalid", rest],
    ["resource-location-invalid", locations],
    ["resource-description-invalid", description],
  ];
  for (const [code, problems] of parts) if (problems.length > 0) invalid(code, problems);
}

/** As `createResource` in a transaction, for a draft that `checkResourceDraft` has let pass. */
export async function addResource(
  db: Database,
  deps: ResourceDeps,
  author: Author,
  draft: ResourceDraft,
): Promise<string> {
  await ensureWorkspace(db, deps, author);
  const id = deps.newId();
  if (!(await insertResource(db, author, { ...draft, id, by: author.by, at: deps.now() }))) throw nameTaken();
  await recordAct(db, deps, author, { act: "create", id, name: draft.name });
  return id;
}

/** Replaces a resource; its type and directory stay. Faults as `createResource`; `resource-missing`. */
export async function saveResource(
  deps: ResourceDeps,
  caller: Caller,
  { workspaceId, id }: { readonly workspaceId: string; readonly id: string },
  content: ResourceContent,
): Promise<void> {
  checkResourceDraft({ ...content, directory: "/" });
  const author = { projectId: caller.projectId, workspaceId, by: caller.userName };
  await transaction(deps.pool, async (db) => {
    await checkWorkspace(db, deps, author);
    await changeResource(db, deps, author, { id, content });
  });
}

/** As `saveResource` in a transaction, for content that `checkResourceDraft` has let pass. */
export async function changeResource(
  db: Database,
  deps: ResourceDeps,
  author: Author,
  { id, content }: { readonly id: string; readonly content: ResourceContent },
): Promise<void> {
  const result = await updateResource(db, author, id, { ...content, by: author.by, at: deps.now() });
  if (result === "missing") resourceMissing();
  if (result === "name-taken") throw nameTaken();
  await recordAct(db, deps, author, { act: "save", id, name: content.name });
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
  const author = { projectId: caller.projectId, workspaceId, by: caller.userName };
  await transaction(deps.pool, async (db) => {
    await checkWorkspace(db, deps, author);
    if (!(await deleteResource(db, author, id))) resourceMissing();
    await recordAct(db, deps, author, { act: "delete", id });
  });
}

async function recordAct(
  db: Database,
  { now }: ResourceDeps,
  { projectId, by }: Author,
  { act, id, name }: { readonly act: string; readonly id: string; readonly name?: string },
): Promise<void> {
  const detail = name === undefined ? {} : { name };
  const object = { kind: "resource", id: formatObjectId(id) };
  await insertAct(db, { projectId, at: now(), by, act, object, detail });
}

function nameTaken(): Fault {
  return new Fault("conflict", "resource-exists", "the directory has a resource of this name");
}

function resourceMissing(): never {
  return missing("resource-missing", "the resource does not exist");
}
