/** The console's API about limits: what they are, who holds their slots, and setting them. */
import type { Static, TSchema } from "typebox";
import { invalid, missing } from "../../domain/fault.ts";
import { DEFAULT_WORKSPACE } from "../../domain/project.ts";
import { closedWorkspaces } from "../../domain/user.ts";
import type { Engine } from "../../engine/operations.ts";
import type { Database } from "../../store/database.ts";
import { findWeight, type LimitScope, listLimits, listSlotHolders } from "../../store/limits.ts";
import { checkSchema } from "../check-schema.ts";
import { type CallerRequest, json, NO_CONTENT, type Reply, type Route } from "../route.ts";
import { encodeHolders, encodeLimits, LimitBody, ProjectLimitBody } from "./limit-wire.ts";

export interface LimitDeps {
  readonly pool: Database;
  readonly engine: Pick<Engine, "setLimit" | "setWeight">;
}

const LISTED_MAX = 1000;

export function limitRoutes(deps: LimitDeps): Route[] {
  const { pool } = deps;
  return [
    {
      method: "GET",
      path: "/api/limits",
      role: "reader",
      scope: "project",
      handle: async ({ caller }) => {
        const { projectId } = caller;
        const filter = { closedWorkspaces: closedWorkspaces(caller) };
        const limits = await listLimits(pool, projectId, LISTED_MAX, filter);
        return json(200, encodeLimits((await findWeight(pool, projectId)) ?? 1, limits));
      },
    },
    {
      method: "GET",
      path: "/api/limits/:limit_id/holders",
      role: "reader",
      scope: "project",
      handle: async ({ caller, params }) => {
        const id = /^\d{1,9}$/.test(params.limit_id ?? "") ? Number(params.limit_id) : 0;
        const holders = await listSlotHolders(pool, caller.projectId, id, {
          closedWorkspaces: closedWorkspaces(caller),
        });
        return json(
          200,
          encodeHolders(holders ?? missing("limit-missing", `there is no limit ${params.limit_id}`)),
        );
      },
    },
    { method: "PUT", path: "/api/limits", role: "manager", handle: (request) => setLimit(deps, request) },
    {
      method: "PUT",
      path: "/api/limits/project",
      role: "admin",
      scope: "project",
      handle: (request) => setProjectLimit(deps, request),
    },
  ];
}

async function setLimit({ engine }: LimitDeps, request: CallerRequest): Promise<Reply> {
  const { connection, slots } = read(LimitBody, request.body);
  const { projectId, userName: by } = request.caller;
  const { workspace } = request.headers;
  const workspaceId = typeof workspace === "string" && workspace !== "" ? workspace : DEFAULT_WORKSPACE;
  const scope: LimitScope =
    connection === undefined
      ? { kind: "workspace", workspaceId }
      : { kind: "connection", workspaceId, connection };
  await engine.setLimit({ projectId, scope, slots, by });
  return NO_CONTENT;
}

async function setProjectLimit({ engine }: LimitDeps, request: CallerRequest): Promise<Reply> {
  const { slots, weight } = read(ProjectLimitBody, request.body);
  const { projectId, userName: by } = request.caller;
  if (weight !== undefined) await engine.setWeight({ projectId, weight, by });
  if (slots !== undefined) await engine.setLimit({ projectId, scope: { kind: "project" }, slots, by });
  return NO_CONTENT;
}

function read<Schema extends TSchema>(schema: Schema, body: unknown): Static<Schema> {
  const problems = checkSchema(schema, body);
  if (problems.length > 0) invalid("request-invalid", problems);
  return body as Static<Schema>;
}
