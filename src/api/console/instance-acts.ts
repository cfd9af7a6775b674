/** The console's API about what people do to instances and their nodes: to one, or to many by a filter. */
import type { Engine } from "../../engine/operations.ts";
import type { Database } from "../../store/database.ts";
import { findInstance } from "../../store/instances.ts";
import { requireWorkspaceRole } from "../role-scope.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { type BulkReply, decodeAct, decodeBulk } from "./instance-act-wire.ts";
import { instanceIdOf, unknownInstance } from "./instances.ts";

export interface InstanceActDeps {
  readonly pool: Database;
  readonly engine: Pick<Engine, "operate" | "operateAll">;
}

export function instanceActRoutes(deps: InstanceActDeps): Route[] {
  return [
    {
      method: "POST",
      path: "/api/instances/:instance_id/acts",
      role: "member",
      handle: (request) => act(deps, request),
    },
    {
      method: "POST",
      path: "/api/instance-acts",
      role: "member",
      // And in the workspace that the filter names.
      scope: "project",
      handle: (request) => actOnAll(deps, request),
    },
  ];
}

/** Answers the state that the instance has now: a stop, say, may last. */
async function act(
  { pool, engine }: InstanceActDeps,
  { caller, params, body }: CallerRequest,
): Promise<Reply> {
  const { projectId, userName: by } = caller;
  const instanceId = instanceIdOf(params.instance_id);
  // A foreign instance answers like a missing one, whatever is asked of it.
  (await findInstance(pool, projectId, instanceId)) ?? unknownInstance(instanceId);
  await engine.operate({ projectId, instanceId, by }, decodeAct(body));
  const after = await findInstance(pool, projectId, instanceId);
  return json(200, { id: instanceId, state: after?.state });
}

async function actOnAll({ engine }: InstanceActDeps, { caller, body }: CallerRequest): Promise<Reply> {
  const { projectId, userName: by } = caller;
  const { act: wanted, filter, limit } = decodeBulk(body);
  requireWorkspaceRole(caller, filter.workspaceId, "member");
  const { results, total } = await engine.operateAll({ projectId, by, filter, limit }, wanted);
  const reply: BulkReply = {
    results: results.map(({ instanceId, refused }) => ({
      instanceId,
      done: refused === undefined,
      ...refused,
    })),
    total,
  };
  return json(200, reply);
}
