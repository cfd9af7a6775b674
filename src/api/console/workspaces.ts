/** The console's API about workspaces: list, create, delete, and who may do what in them. */
import { createWorkspace, removeWorkspace, type WorkspaceDeps } from "../../catalog/workspaces.ts";
import { missing } from "../../domain/fault.ts";
import { roleIn } from "../../domain/user.ts";
import type { Identity } from "../../identity/identity.ts";
import { removeWorkspaceMember, reopenWorkspace, setWorkspaceMember } from "../../identity/workspaces.ts";
import type { Database } from "../../store/database.ts";
import { listWorkspaceMembers } from "../../store/workspace-members.ts";
import { listWorkspaces, type WorkspaceKey, workspaceExists } from "../../store/workspaces.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import {
  decodeMemberRole,
  decodeWorkspace,
  encodeWorkspace,
  encodeWorkspaceMember,
} from "./workspace-wire.ts";

export interface WorkspaceRouteDeps extends WorkspaceDeps {
  readonly identity: Identity;
}

const LIST = "/api/workspaces";
const ONE = `${LIST}/:workspace_id`;
const MEMBERS = `${ONE}/members`;
const MEMBER = `${MEMBERS}/:user_id`;

/** A workspace's manager gives its roles; only one of the project makes and deletes workspaces. */
export function workspaceRoutes(deps: WorkspaceRouteDeps): Route[] {
  return [
    { method: "GET", path: LIST, role: "reader", scope: "project", handle: (request) => list(deps, request) },
    {
      method: "POST",
      path: LIST,
      role: "manager",
      scope: "project",
      handle: (request) => create(deps, request),
    },
    {
      method: "DELETE",
      path: ONE,
      role: "manager",
      scope: "project",
      handle: (request) => remove(deps, request),
    },
    { method: "GET", path: MEMBERS, role: "reader", handle: (request) => showMembers(deps, request) },
    { method: "DELETE", path: MEMBERS, role: "manager", handle: (request) => open(deps, request) },
    { method: "PUT", path: MEMBER, role: "manager", handle: (request) => setMember(deps, request) },
    { method: "DELETE", path: MEMBER, role: "manager", handle: (request) => removeMember(deps, request) },
  ];
}

/** Those that exist for the caller. */
async function list({ pool }: WorkspaceRouteDeps, { caller }: CallerRequest): Promise<Reply> {
  const all = await listWorkspaces(pool, caller.projectId);
  const visible = all.filter(({ id }) => roleIn(caller, id) !== undefined);
  return json(200, { workspaces: visible.map(encodeWorkspace) });
}

async function create(deps: WorkspaceRouteDeps, { caller, body }: CallerRequest): Promise<Reply> {
  await createWorkspace(deps, caller, decodeWorkspace(body));
  return NO_CONTENT;
}

async function remove(deps: WorkspaceRouteDeps, { caller, params }: CallerRequest): Promise<Reply> {
  await removeWorkspace(deps, caller, params.workspace_id ?? "");
  return NO_CONTENT;
}

async function showMembers({ pool }: WorkspaceRouteDeps, request: CallerRequest): Promise<Reply> {
  const key = await keyOf(pool, request);
  return json(200, { members: (await listWorkspaceMembers(pool, key)).map(encodeWorkspaceMember) });
}

/** Of the workspace that the path names. @throws Fault `workspace-missing` */
async function keyOf(db: Database, { caller: { projectId }, params }: CallerRequest): Promise<WorkspaceKey> {
  const key = { projectId, workspaceId: params.workspace_id ?? "" };
  if (await workspaceExists(db, key)) return key;
  missing("workspace-missing", "the workspace does not exist");
}

async function setMember({ pool, identity }: WorkspaceRouteDeps, request: CallerRequest): Promise<Reply> {
  const { workspaceId } = await keyOf(pool, request);
  const { user_id: userId = "" } = request.params;
  const role = decodeMemberRole(request.body);
  await setWorkspaceMember(identity, request.caller, { workspaceId, userId, role });
  return NO_CONTENT;
}

/** Takes all members away, which lets the project in. */
async function open({ identity }: WorkspaceRouteDeps, request: CallerRequest): Promise<Reply> {
  const { workspace_id: workspaceId = "" } = request.params;
  await reopenWorkspace(identity, request.caller, workspaceId);
  return NO_CONTENT;
}

async function removeMember({ identity }: WorkspaceRouteDeps, request: CallerRequest): Promise<Reply> {
  const { workspace_id: workspaceId = "", user_id: userId = "" } = request.params;
  await removeWorkspaceMember(identity, request.caller, { workspaceId, userId });
  return NO_CONTENT;
}
