/** The workspace that a request is about. */
import { DEFAULT_WORKSPACE } from "../domain/project.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import type { CallerRequest, RouteRequest } from "./route.ts";

/** The project's workspace that the header `workspace` names; absent or empty, the default one. */
export function workspaceOf(request: CallerRequest): WorkspaceKey {
  return { projectId: request.caller.projectId, workspaceId: workspaceIdOf(request) };
}

/** As `workspaceOf`, before it is known who asks. */
export function workspaceIdOf({ headers }: Pick<RouteRequest, "headers">): string {
  const header = headers.workspace;
  const text = (typeof header === "string" ? header : (header?.[0] ?? "")).trim();
  // Node reads header bytes as Latin-1; names arrive as UTF-8.
  const decoded = Buffer.from(text, "latin1").toString("utf8");
  return decoded === "" ? DEFAULT_WORKSPACE : decoded;
}
