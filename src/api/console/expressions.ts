/** The console's API about expressions: one is tried before it is saved. */
import { DEFAULT_WORKSPACE } from "../../domain/project.ts";
import type { Engine } from "../../engine/operations.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { decodeTrial, type ExpressionResult } from "./expression-wire.ts";

export interface ExpressionDeps {
  readonly engine: Pick<Engine, "evaluateText" | "evaluateCondition">;
}

export function expressionRoutes(deps: ExpressionDeps): Route[] {
  return [
    {
      method: "POST",
      path: "/api/expressions/evaluate",
      role: "reader",
      handle: (request) => evaluate(deps, request),
    },
  ];
}

async function evaluate(
  { engine }: ExpressionDeps,
  { caller, headers, body }: CallerRequest,
): Promise<Reply> {
  const { workspace } = headers;
  const workspaceId = typeof workspace === "string" && workspace !== "" ? workspace : DEFAULT_WORKSPACE;
  const { condition, ...request } = decodeTrial(body, { projectId: caller.projectId, workspaceId });
  const result = condition ? await engine.evaluateCondition(request) : await engine.evaluateText(request);
  return json(200, { result } satisfies ExpressionResult);
}
