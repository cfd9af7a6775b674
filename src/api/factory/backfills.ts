/** Routes of DataArts Factory v2 about patch data: create, list, stop (dataarts-factory 5). */
import type { Static } from "typebox";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { listBackfills } from "../../store/backfill-lists.ts";
import { readQuery } from "../query.ts";
import { requireWorkspaceRole } from "../role-scope.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import {
  decodePatchData,
  decodePatchDataQuery,
  encodePatchData,
  PatchData,
  PatchDataDone,
  PatchDataList,
  PatchDataQuery,
} from "./backfill-wire.ts";
import type { FactoryDeps } from "./deps.ts";

const TAG = "Patch data";
const LIST = "/v2/:project_id/factory/supplement-data";

export function backfillRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "POST",
      path: LIST,
      role: "member",
      contract: {
        operation: "create_factory_supplement_data_instance",
        summary: "Runs a job's planned times of a range after the fact",
        tag: TAG,
        body: PatchData,
        replies: { 200: PatchDataDone },
      },
      handle: (request) => create(deps, request),
    },
    {
      method: "GET",
      path: LIST,
      role: "reader",
      contract: {
        operation: "show_factory_supplement_data",
        summary: "Lists a workspace's patch data",
        tag: TAG,
        query: PatchDataQuery,
        replies: { 200: PatchDataList },
      },
      handle: (request) => list(deps, request, readQuery(PatchDataQuery, request.query)),
    },
    {
      method: "POST",
      path: `${LIST}/:instance_name/stop`,
      role: "member",
      contract: {
        operation: "stop_factory_supplement_data_instance",
        summary: "Stops patch data, and what runs of it",
        tag: TAG,
        replies: { 200: PatchDataDone },
      },
      handle: (request) => stop(deps, request),
    },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  const decoded = decodePatchData(request.body, workspace.workspaceId);
  for (const { workspaceId } of decoded.dependents)
    requireWorkspaceRole(request.caller, workspaceId, "member");
  await checkWorkspace(deps.pool, deps, workspace);
  await deps.engine.createBackfill({ ...workspace, ...decoded, by: request.caller.userName });
  return json(200, {});
}

async function list(
  deps: FactoryDeps,
  request: CallerRequest,
  query: Static<typeof PatchDataQuery>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  const { filter, page } = decodePatchDataQuery(query, workspace.workspaceId);
  await checkWorkspace(deps.pool, deps, workspace);
  const { backfills, total } = await listBackfills(deps.pool, workspace.projectId, filter, page);
  return json(200, { success: true, msg: "success", total, rows: backfills.map(encodePatchData) });
}

/** One that has ended is stopped already: no fault. What runs of it is stopped with it. */
async function stop(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const name = request.params.instance_name ?? "";
  await deps.engine.cancelBackfill({ ...workspace, name, by: request.caller.userName }, true);
  return json(200, {});
}
