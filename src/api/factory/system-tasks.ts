/** Routes of DataArts Factory v1 that show how far a task has come (dataarts-factory 4, 4.9). */
import { getTask } from "../../catalog/package-tasks.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import { encodeTask, SystemTask } from "./system-task-wire.ts";

const OPERATION = {
  summary: "Shows how far an import has come, object by object",
  tag: "Packages",
  replies: { 200: SystemTask },
} as const;

/** Both spellings are in the vendor's documents; its clients use the first. */
export function systemTaskRoutes(deps: FactoryDeps): Route[] {
  const handle = (request: CallerRequest) => show(deps, request);
  return [
    {
      method: "GET",
      path: "/v1/:project_id/system-tasks/:task_id",
      role: "reader",
      contract: { operation: "list_system_tasks", ...OPERATION },
      handle,
    },
    {
      method: "GET",
      path: "/v1/:project_id/systemTasks/:task_id",
      role: "reader",
      contract: { operation: "list_system_tasks_as_documented", ...OPERATION },
      handle,
    },
  ];
}

async function show(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { task, lines } = await getTask(deps, workspaceOf(request), request.params.task_id ?? "");
  return json(200, encodeTask(task, lines));
}
