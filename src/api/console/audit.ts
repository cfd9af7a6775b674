/** The console's API about the audit trail: who did what to what, and when. */
import { invalid } from "../../domain/fault.ts";
import { type ActFilter, listActs } from "../../store/audit.ts";
import type { Database } from "../../store/database.ts";
import { type CallerRequest, firstOf, json, type Query, type Reply, type Route } from "../route.ts";
import { encodeActs } from "./audit-wire.ts";
import { numberOf } from "./query-wire.ts";

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1000;

export function auditRoutes({ pool }: { readonly pool: Database }): Route[] {
  return [
    {
      method: "GET",
      path: "/api/acts",
      role: "reader",
      scope: "every-workspace",
      handle: (request) => list(pool, request),
    },
  ];
}

async function list(pool: Database, { caller, query }: CallerRequest): Promise<Reply> {
  const limit = numberOf(query, "limit") ?? LIMIT_DEFAULT;
  if (limit < 1 || limit > LIMIT_MAX) invalid("request-invalid", [`limit: must be 1 to ${LIMIT_MAX}`]);
  const acts = await listActs(pool, caller.projectId, filterOf(query), limit);
  return json(200, encodeActs(acts, limit));
}

function filterOf(query: Query): ActFilter {
  const objectKind = firstOf(query, "kind");
  const objectId = firstOf(query, "id");
  const act = firstOf(query, "act");
  const by = firstOf(query, "by");
  const before = numberOf(query, "before");
  return {
    ...(objectKind !== undefined && { objectKind }),
    ...(objectId !== undefined && { objectId }),
    ...(act !== undefined && { act }),
    ...(by !== undefined && { by }),
    ...(before !== undefined && { before }),
  };
}
