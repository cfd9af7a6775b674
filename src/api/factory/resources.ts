/** Routes of DataArts Factory v1 about resources (dataarts-factory 4.11). */
import type { Static } from "typebox";
import { createResource, getResource, removeResource, saveResource } from "../../catalog/resources.ts";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { formatObjectId } from "../../domain/shared-object.ts";
import { listResourceUses } from "../../store/resource-uses.ts";
import { listResources } from "../../store/resources.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import { readPage } from "./request-wire.ts";
import {
  decodeNewResource,
  decodeResource,
  decodeResourceId,
  encodeResource,
  NewResourceBody,
  ResourceBody,
  ResourceDetail,
  ResourceList,
  ResourceListQuery,
  ResourceMade,
} from "./resource-wire.ts";

const RESOURCES = "/v1/:project_id/resources";
const RESOURCE = `${RESOURCES}/:resource_id`;

export function resourceRoutes(deps: FactoryDeps): Route[] {
  const tag = "Resources";
  return [
    {
      method: "POST",
      path: RESOURCES,
      role: "member",
      contract: {
        operation: "create_resource",
        summary: "Names a file of a bucket",
        tag,
        body: NewResourceBody,
        replies: { 200: ResourceMade },
      },
      handle: (request) => create(deps, request),
    },
    {
      method: "GET",
      path: RESOURCES,
      role: "reader",
      contract: {
        operation: "list_resources",
        summary: "Lists the resources of a workspace, newest first",
        tag,
        query: ResourceListQuery,
        replies: { 200: ResourceList },
      },
      handle: (request) => list(deps, request, readQuery(ResourceListQuery, request.query)),
    },
    {
      method: "GET",
      path: RESOURCE,
      role: "reader",
      contract: {
        operation: "show_resource",
        summary: "Shows a resource",
        tag,
        replies: { 200: ResourceDetail },
      },
      handle: (request) => show(deps, request),
    },
    {
      method: "PUT",
      path: RESOURCE,
      role: "member",
      contract: {
        operation: "update_resource",
        summary: "Replaces a resource; its type and directory stay",
        tag,
        body: ResourceBody,
        replies: { 204: "nothing" },
      },
      handle: (request) => update(deps, request),
    },
    {
      method: "DELETE",
      path: RESOURCE,
      role: "member",
      contract: {
        operation: "delete_resource",
        summary: "Deletes a resource; its file stays",
        tag,
        replies: { 204: "nothing" },
      },
      handle: (request) => remove(deps, request),
    },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const draft = decodeNewResource(request.body);
  const id = await createResource(deps, request.caller, workspaceOf(request).workspaceId, draft);
  return json(200, { resourceId: formatObjectId(id) });
}

async function list(
  deps: FactoryDeps,
  request: CallerRequest,
  { resourceName = "", ...page }: Static<typeof ResourceListQuery>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const { resources, total } = await readPage(page, (records) =>
    listResources(deps.pool, workspace, resourceName, records),
  );
  const ids = resources.map(({ id }) => id);
  const uses = await listResourceUses(deps.pool, workspace, ids);
  return json(200, { total, resources: resources.map((resource) => encodeResource(resource, uses)) });
}

async function show(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  const resource = await getResource(deps, workspace, resourceIdOf(request));
  return json(200, encodeResource(resource, await listResourceUses(deps.pool, workspace, [resource.id])));
}

async function update(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const content = decodeResource(request.body);
  await saveResource(deps, request.caller, placeOf(request), content);
  return NO_CONTENT;
}

async function remove(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  await removeResource(deps, request.caller, placeOf(request));
  return NO_CONTENT;
}

function placeOf(request: CallerRequest): { readonly workspaceId: string; readonly id: string } {
  return { workspaceId: workspaceOf(request).workspaceId, id: resourceIdOf(request) };
}

function resourceIdOf({ params }: CallerRequest): string {
  return decodeResourceId(params.resource_id ?? "");
}
