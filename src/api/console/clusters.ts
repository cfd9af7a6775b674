/** The console's API about clusters: registering, trying and choosing them. */
import type { Static, TSchema } from "typebox";
import {
  type ClusterDeps,
  chooseCluster,
  createCluster,
  findCluster,
  getCluster,
  listVisibleClusters,
  removeCluster,
  saveCluster,
  type TestCluster,
  usable,
} from "../../catalog/clusters.ts";
import { Fault, invalid, missing } from "../../domain/fault.ts";
import { DEFAULT_WORKSPACE } from "../../domain/project.ts";
import { listClusterDefaults } from "../../store/cluster-defaults.ts";
import { checkSchema } from "../check-schema.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import {
  ClusterBody,
  ClusterDefaultBody,
  decodeCluster,
  encodeCluster,
  encodeClusters,
  encodeTests,
} from "./cluster-wire.ts";

export interface ClusterRouteDeps extends ClusterDeps {
  readonly testCluster: TestCluster;
}

export function clusterRoutes(deps: ClusterRouteDeps): Route[] {
  const { pool } = deps;
  return [
    {
      method: "GET",
      path: "/api/clusters",
      role: "reader",
      scope: "project",
      handle: async ({ caller: { projectId } }) =>
        json(
          200,
          encodeClusters(
            await listVisibleClusters(pool, projectId),
            await listClusterDefaults(pool, projectId),
          ),
        ),
    },
    {
      method: "GET",
      path: "/api/clusters/:name",
      role: "reader",
      scope: "project",
      handle: async ({ caller, params }) =>
        json(200, encodeCluster(await getCluster(pool, caller.projectId, params.name ?? ""))),
    },
    {
      method: "PUT",
      path: "/api/clusters/:name",
      role: "manager",
      scope: "project",
      handle: (request) => putCluster(deps, request),
    },
    {
      method: "DELETE",
      path: "/api/clusters/:name",
      role: "manager",
      scope: "project",
      handle: async ({ caller, params }) => {
        await removeCluster(deps, caller, params.name ?? "");
        return NO_CONTENT;
      },
    },
    {
      method: "POST",
      path: "/api/clusters/:name/test",
      role: "member",
      scope: "project",
      handle: (request) => tryCluster(deps, request),
    },
    {
      method: "PUT",
      path: "/api/cluster-default",
      role: "manager",
      handle: (request) => putDefault(deps, request, workspaceOf(request)),
    },
    {
      method: "PUT",
      path: "/api/cluster-default/project",
      role: "manager",
      scope: "project",
      handle: (request) => putDefault(deps, request, null),
    },
  ];
}

/** 201 for a new one, 200 for one that was there. */
async function putCluster(deps: ClusterRouteDeps, request: CallerRequest): Promise<Reply> {
  const { caller, params } = request;
  const draft = decodeCluster(params.name ?? "", bodyOf(ClusterBody, request));
  try {
    return json(200, encodeCluster(await saveCluster(deps, caller, draft)));
  } catch (error) {
    if (!(error instanceof Fault && error.code === "cluster-missing")) throw error;
    return json(201, encodeCluster(await createCluster(deps, caller, draft)));
  }
}

async function tryCluster(
  { pool, masterKeys, testCluster }: ClusterRouteDeps,
  { caller, params, signal }: CallerRequest,
): Promise<Reply> {
  const found = await findCluster(pool, caller.projectId, params.name);
  const cluster = found ?? missing("cluster-missing", `there is no cluster "${params.name}"`);
  return json(200, encodeTests(await testCluster(usable(masterKeys, cluster), signal)));
}

async function putDefault(
  deps: ClusterRouteDeps,
  request: CallerRequest,
  workspaceId: string | null,
): Promise<Reply> {
  const { cluster } = bodyOf(ClusterDefaultBody, request);
  await chooseCluster(deps, request.caller, workspaceId, cluster ?? undefined);
  return NO_CONTENT;
}

function workspaceOf({ headers: { workspace } }: CallerRequest): string {
  return typeof workspace === "string" && workspace !== "" ? workspace : DEFAULT_WORKSPACE;
}

function bodyOf<Schema extends TSchema>(schema: Schema, { body }: CallerRequest): Static<Schema> {
  const problems = checkSchema(schema, body);
  return problems.length === 0 ? (body as Static<Schema>) : invalid("request-invalid", problems);
}
