/** Workspaces and their members as the console's API writes them. */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import { WORKSPACE_DESCRIPTION_MAX } from "../../domain/project.ts";
import type { Role } from "../../domain/user.ts";
import { WORKSPACE_ROLES } from "../../identity/workspaces.ts";
import type { WorkspaceMember } from "../../store/workspace-members.ts";
import type { Workspace } from "../../store/workspaces.ts";
import { checkSchema } from "../check-schema.ts";

const WorkspaceBody = Type.Object({
  id: Type.String(),
  description: Type.Optional(Type.String({ maxLength: WORKSPACE_DESCRIPTION_MAX })),
});

const MemberBody = Type.Object({ role: Type.Enum([...WORKSPACE_ROLES]) });

const WorkspaceView = Type.Object({
  id: Type.String(),
  description: Type.String(),
  createdAt: Type.String({ format: "date-time" }),
  /** Null where it came into being with its first object. */
  createdBy: Type.Union([Type.String(), Type.Null()]),
  /** To all but its members and managers of the project. */
  closed: Type.Boolean(),
  members: Type.Integer({ minimum: 0 }),
});
export type WorkspaceView = Static<typeof WorkspaceView>;

const WorkspaceMemberView = Type.Object({
  userId: Type.String(),
  userName: Type.String(),
  role: Type.Unsafe<Role>(Type.String()),
  addedAt: Type.String({ format: "date-time" }),
  addedBy: Type.String(),
});
export type WorkspaceMemberView = Static<typeof WorkspaceMemberView>;

/** Raises `request-invalid`. */
export function decodeWorkspace(body: unknown): { readonly id: string; readonly description: string } {
  const problems = checkSchema(WorkspaceBody, body);
  if (problems.length > 0) invalid("request-invalid", problems);
  const { id, description = "" } = body as Static<typeof WorkspaceBody>; // Just held against it.
  return { id, description };
}

/** Raises `request-invalid`. */
export function decodeMemberRole(body: unknown): Role {
  const problems = checkSchema(MemberBody, body);
  if (problems.length > 0) invalid("request-invalid", problems);
  return (body as Static<typeof MemberBody>).role; // Just held against it.
}

export function encodeWorkspace({ createdAt, ...workspace }: Workspace): WorkspaceView {
  return { ...workspace, createdAt: createdAt.toISOString() };
}

export function encodeWorkspaceMember({ addedAt, ...member }: WorkspaceMember): WorkspaceMemberView {
  return { ...member, addedAt: addedAt.toISOString() };
}
