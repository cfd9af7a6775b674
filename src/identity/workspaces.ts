/** Workspaces with members of their own: who has which role there, and how that changes. */
import { missing } from "../domain/fault.ts";
import { type Caller, type Role, roleIncludes } from "../domain/user.ts";
import { insertAct } from "../store/audit.ts";
import { deleteWorkspaceMember, openWorkspace, putWorkspaceMember } from "../store/workspace-members.ts";
import { type WorkspaceKey, workspaceExists } from "../store/workspaces.ts";
import { change } from "./administration.ts";
import type { Identity } from "./identity.ts";
import { parseId } from "./ids.ts";

/** Roles of members; the administration of all projects is no workspace's to give. */
export const WORKSPACE_ROLES = ["reader", "member", "manager"] as const satisfies readonly Role[];

/** As `listWorkspaceRoles`; nothing is read for those whose role holds everywhere. */
export async function findWorkspaceRoles(
  { credentials }: Identity,
  { userId, projectId, role }: Pick<Caller, "userId" | "projectId" | "role">,
): Promise<ReadonlyMap<string, Role | null>> {
  if (roleIncludes(role, "manager")) return new Map();
  return await credentials.findWorkspaceRoles(projectId, userId);
}

/**
 * Gives a user a role in a workspace in place of the one that he had there. With its first member a workspace is closed
 * to all who are none, but for managers of the project.
 * @throws Fault `workspace-missing`; `user-missing`.
 */
export async function setWorkspaceMember(
  identity: Identity,
  caller: Pick<Caller, "projectId" | "userName">,
  {
    workspaceId,
    userId,
    role,
  }: { readonly workspaceId: string; readonly userId: string; readonly role: Role },
): Promise<void> {
  const { projectId, userName: by } = caller;
  const key: WorkspaceKey = { projectId, workspaceId };
  await change(identity, async (db) => {
    if (!(await workspaceExists(db, key))) missing("workspace-missing", "the workspace does not exist");
    const at = identity.now();
    const id = parseId(userId);
    if (
      id === undefined ||
      !(await putWorkspaceMember(db, key, { userId: id, role, addedAt: at, addedBy: by }))
    )
      missing("user-missing", `Could not find user: ${userId}.`);
    const object = { kind: "workspace", id: workspaceId };
    await insertAct(db, { projectId, at, by, act: "set-member", object, detail: { userId, role } });
  });
}

/**
 * Takes a member's role in a workspace away. It stays closed, be it the last one.
 * @throws Fault `workspace-member-missing`.
 */
export async function removeWorkspaceMember(
  identity: Identity,
  { projectId, userName: by }: Pick<Caller, "projectId" | "userName">,
  { workspaceId, userId }: { readonly workspaceId: string; readonly userId: string },
): Promise<void> {
  await change(identity, async (db) => {
    const id = parseId(userId);
    if (id === undefined || !(await deleteWorkspaceMember(db, { projectId, workspaceId }, id)))
      missing("workspace-member-missing", `the workspace has no member ${userId}`);
    const object = { kind: "workspace", id: workspaceId };
    const at = identity.now();
    await insertAct(db, { projectId, at, by, act: "remove-member", object, detail: { userId } });
  });
}

/**
 * Takes all members of a workspace away and lets the project in again, everybody with their role there.
 * @throws Fault `workspace-missing`.
 */
export async function reopenWorkspace(
  identity: Identity,
  { projectId, userName: by }: Pick<Caller, "projectId" | "userName">,
  workspaceId: string,
): Promise<void> {
  await change(identity, async (db) => {
    if (!(await openWorkspace(db, { projectId, workspaceId })))
      missing("workspace-missing", "the workspace does not exist");
    const object = { kind: "workspace", id: workspaceId };
    await insertAct(db, { projectId, at: identity.now(), by, act: "open", object });
  });
}
