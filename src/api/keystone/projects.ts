/** Keystone's routes about projects and the identity domain. */
import { type Static, Type } from "typebox";
import { missing } from "../../domain/fault.ts";
import { IDENTITY_DOMAIN, type Project } from "../../domain/project.ts";
import type { Principal } from "../../identity/access.ts";
import type { Identity } from "../../identity/identity.ts";
import { findProjectByRegion, isOurs } from "../../identity/logins.ts";
import { createProject, deleteProject, getProject, updateProject } from "../../identity/projects.ts";
import { listProjects, type ProjectFilter } from "../../store/projects.ts";
import { listMemberships } from "../../store/role-assignments.ts";
import { firstOf, json, NO_CONTENT, type OpenRoute, type Reply, type RouteRequest } from "../route.ts";
import { forbidden, guardsOf } from "./caller.ts";
import { decodeBody, decodeFlag, decodePathId, domainFits, encodeList, LIST_MAX, Text } from "./wire.ts";

export function projectRoutes(identity: Identity): OpenRoute[] {
  const { anybody, only } = guardsOf(identity);
  const project = "/v3/projects/:project_id";
  return [
    { method: "GET", path: "/v3/projects", role: "public", handle: anybody(listAllProjects) },
    {
      method: "POST",
      path: "/v3/projects",
      role: "public",
      handle: only("identity:create_project", postProject),
    },
    { method: "GET", path: project, role: "public", handle: anybody(showProject) },
    { method: "PATCH", path: project, role: "public", handle: only("identity:update_project", patchProject) },
    {
      method: "DELETE",
      path: project,
      role: "public",
      handle: only("identity:delete_project", removeProject),
    },
    { method: "GET", path: "/v3/auth/projects", role: "public", handle: anybody(listOwnProjects) },
    {
      method: "GET",
      path: "/v3/users/:user_id/projects",
      role: "public",
      handle: anybody(listProjectsOfUser),
    },
    ...["/v3/domains", "/v3/auth/domains"].map(
      (path): OpenRoute => ({ method: "GET", path, role: "public", handle: anybody(listDomains) }),
    ),
    { method: "GET", path: "/v3/domains/:domain_id", role: "public", handle: anybody(showDomain) },
  ];
}

const ProjectMembers = Type.Object({
  name: Type.Optional(Text),
  description: Type.Optional(Type.Union([Text, Type.Null()])),
  enabled: Type.Optional(Type.Boolean()),
  domain_id: Type.Optional(Type.Union([Type.Literal(IDENTITY_DOMAIN.id), Type.Null()])),
  /** Not Keystone's: whether the project's nodes may run commands on the server. */
  local_commands: Type.Optional(Type.Boolean()),
});
const ProjectBody = Type.Object({ project: ProjectMembers });
const NewProjectBody = Type.Object({
  project: Type.Intersect([ProjectMembers, Type.Object({ name: Text })]),
});

async function listAllProjects(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const filter = { ...decodeFilter(request), ...(!caller.administers && { memberId: caller.userId }) };
  const found = domainFits(request.query) ? await listProjects(identity.pool, filter, LIST_MAX + 1) : [];
  const rows = found.length > 0 ? found : await projectsByRegion(identity, filter.name, caller);
  return replyWithProjects(request, rows);
}

/** Vendor SDKs ask for the region's id as a name and want exactly one project back (auth 1.5). */
async function projectsByRegion(
  identity: Identity,
  name: string | undefined,
  caller: Principal,
): Promise<Project[]> {
  if (name !== identity.settings.region) return [];
  const project = await findProjectByRegion(identity, caller.userId);
  return project === undefined ? [] : [{ ...project, name }];
}

async function listOwnProjects(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const filter: ProjectFilter = { ...decodeFilter(request), enabled: true, memberId: caller.userId };
  return replyWithProjects(request, await listProjects(identity.pool, filter, LIST_MAX + 1));
}

async function listProjectsOfUser(
  identity: Identity,
  request: RouteRequest,
  caller: Principal,
): Promise<Reply> {
  const memberId = decodePathId(request, "user_id", "user-missing", "user");
  if (memberId !== caller.userId && !caller.administers) throw forbidden("identity:list_user_projects");
  return replyWithProjects(
    request,
    await listProjects(identity.pool, { ...decodeFilter(request), memberId }, LIST_MAX + 1),
  );
}

async function showProject(identity: Identity, request: RouteRequest, caller: Principal): Promise<Reply> {
  const id = projectIdOf(request);
  const project = await getProject(identity.pool, id);
  const memberships = caller.administers ? [] : await listMemberships(identity.pool, caller.userId);
  const known = caller.administers || memberships.some(({ projectId }) => projectId === id);
  if (!known) missing("project-missing", `Could not find project: ${id}.`);
  return json(200, { project: encodeProject(request.base, project) });
}

async function postProject(identity: Identity, request: RouteRequest): Promise<Reply> {
  const { project: wanted } = decodeBody(NewProjectBody, request);
  const project = await createProject(identity, { ...decodeProject(wanted), name: wanted.name });
  return json(201, { project: encodeProject(request.base, project) });
}

async function patchProject(identity: Identity, request: RouteRequest): Promise<Reply> {
  const { project: wanted } = decodeBody(ProjectBody, request);
  const project = await updateProject(identity, projectIdOf(request), decodeProject(wanted));
  return json(200, { project: encodeProject(request.base, project) });
}

async function removeProject(identity: Identity, request: RouteRequest): Promise<Reply> {
  await deleteProject(identity, projectIdOf(request));
  return NO_CONTENT;
}

async function listDomains(_identity: Identity, request: RouteRequest): Promise<Reply> {
  const name = firstOf(request.query, "name");
  const shown = isOurs({ name }) && decodeFlag(request.query, "enabled") !== false ? [IDENTITY_DOMAIN] : [];
  return json(
    200,
    encodeList(request, "domains", shown, () => encodeDomain(request.base)),
  );
}

async function showDomain(_identity: Identity, request: RouteRequest): Promise<Reply> {
  const id = request.params.domain_id ?? "";
  if (id !== IDENTITY_DOMAIN.id) missing("identity-domain-missing", `Could not find domain: ${id}.`);
  return json(200, { domain: encodeDomain(request.base) });
}

function projectIdOf(request: RouteRequest): string {
  return decodePathId(request, "project_id", "project-missing", "project");
}

function decodeFilter({ query }: RouteRequest): ProjectFilter {
  const name = firstOf(query, "name");
  const enabled = decodeFlag(query, "enabled");
  return { ...(name !== undefined && { name }), ...(enabled !== undefined && { enabled }) };
}

function decodeProject(wanted: Static<typeof ProjectMembers>) {
  const { name, description, enabled, local_commands: localCommands } = wanted;
  return { name, description: description ?? undefined, enabled, localCommands };
}

function replyWithProjects(request: RouteRequest, projects: readonly Project[]): Reply {
  return json(
    200,
    encodeList(request, "projects", projects, (project) => encodeProject(request.base, project)),
  );
}

function encodeProject(base: string, project: Project): object {
  return {
    id: project.id,
    name: project.name,
    domain_id: IDENTITY_DOMAIN.id,
    parent_id: IDENTITY_DOMAIN.id,
    is_domain: false,
    enabled: project.enabled,
    description: project.description,
    local_commands: project.localCommands,
    tags: [],
    options: {},
    links: { self: `${base}/v3/projects/${project.id}` },
  };
}

function encodeDomain(base: string): object {
  return {
    ...IDENTITY_DOMAIN,
    enabled: true,
    description: "",
    tags: [],
    options: {},
    links: { self: `${base}/v3/domains/${IDENTITY_DOMAIN.id}` },
  };
}
