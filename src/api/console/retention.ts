/** The console's API about retention: how long history is kept, what would go now, and letting it go. */
import { invalid } from "../../domain/fault.ts";
import { policyOf, type RetentionChoice } from "../../domain/retention.ts";
import type { Retention } from "../../engine/retention.ts";
import { insertAct } from "../../store/audit.ts";
import { type DatabasePool, transaction } from "../../store/database.ts";
import { listRetentionSettings, putRetentionChoice } from "../../store/retention-policies.ts";
import { checkSchema } from "../check-schema.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { ChoiceView, encodeFindings, encodeRemovals, type RetentionView } from "./retention-wire.ts";

export interface RetentionRouteDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly retention: Pick<Retention, "find" | "apply">;
}

/** What goes is of all projects, so only an administrator sees it and lets it go. */
export function retentionRoutes(deps: RetentionRouteDeps): Route[] {
  const put = (scope: "project" | "installation"): Route => ({
    method: "PUT",
    path: `/api/retention/${scope}`,
    role: "admin",
    handle: (request) => putChoice(deps, scope, request),
  });
  return [
    {
      method: "GET",
      path: "/api/retention",
      role: "reader",
      handle: async ({ caller }) => json(200, await viewOf(deps, caller.projectId)),
    },
    put("project"),
    put("installation"),
    {
      method: "GET",
      path: "/api/retention/expired",
      role: "admin",
      handle: async () => json(200, encodeFindings(await deps.retention.find())),
    },
    {
      method: "POST",
      path: "/api/retention/apply",
      role: "admin",
      body: "none",
      handle: (request) => apply(deps, request),
    },
  ];
}

async function viewOf({ pool }: RetentionRouteDeps, projectId: string): Promise<RetentionView> {
  const settings = await listRetentionSettings(pool);
  const choiceOf = (owner: string | null) =>
    settings.find((setting) => setting.projectId === owner)?.choice ?? {};
  const [project, installation] = [choiceOf(projectId), choiceOf(null)];
  return { policy: policyOf(installation, project), project, installation };
}

async function putChoice(
  deps: RetentionRouteDeps,
  scope: "project" | "installation",
  { caller: { projectId, userName: by }, body }: CallerRequest,
): Promise<Reply> {
  const problems = checkSchema(ChoiceView, body);
  if (problems.length > 0) invalid("request-invalid", problems);
  const choice = body as RetentionChoice;
  await transaction(deps.pool, async (db) => {
    await putRetentionChoice(db, scope === "project" ? projectId : null, choice);
    const object = { kind: "retention", id: scope };
    await insertAct(db, { projectId, at: deps.now(), by, act: "set", object, detail: { ...choice } });
  });
  return json(200, await viewOf(deps, projectId));
}

async function apply(
  { pool, now, retention }: RetentionRouteDeps,
  { caller: { projectId, userName: by } }: CallerRequest,
): Promise<Reply> {
  const object = { kind: "retention", id: "installation" };
  await insertAct(pool, { projectId, at: now(), by, act: "apply", object });
  return json(200, encodeRemovals(await retention.apply()));
}
