/** Routes of DataArts Factory v2 about patch data: create, list, stop (dataarts-factory 5). */
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { listBackfills } from "../../store/backfill-lists.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import { decodePatchData, decodePatchDataQuery, encodePatchData } from "./backfill-wire.ts";
import type { FactoryDeps } from "./deps.ts";

const LIST = "/v2/:project_id/factory/supplement-data";

export function backfillRoutes(deps: FactoryDeps): Route[] {
  return [
    { method: "POST", path: LIST, role: "member", handle: (request) => create(deps, request) },
    { method: "GET", path: LIST, role: "reader", handle: (request) => list(deps, request) },
    {
      method: "POST",
      path: `${LIST}/:instance_name/stop`,
      role: "member",
      handle: (request) => stop(deps, request),
    },
  ];
}

async function create(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  const decoded = decodePatchData(request.body, workspace.workspaceId);
  await checkWorkspace(deps.pool, deps, workspace);
  await deps.engine.createBackfill({ ...workspace, ...decoded, by: request.caller.userName });
  return json(200, {});
}

async function list(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const workspace = workspaceOf(request);
  const { filter, page } = decodePatchDataQuery(request.query, workspace.workspaceId);
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
