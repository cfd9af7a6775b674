/** What a search over workspaces may look into: one that its query names, or all that exist for the caller. */
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { type Caller, closedWorkspaces } from "../../domain/user.ts";
import { requireWorkspaceRole } from "../role-scope.ts";
import type { FactoryDeps } from "./deps.ts";

export interface SearchedWorkspaces {
  /** Absent: all of the project. */
  readonly workspaceId?: string;
  readonly closedWorkspaces: readonly string[];
}

/** An absent or empty name means all. Raises `workspace-missing` for one that does not exist for the caller. */
export async function searchedWorkspaces(
  deps: FactoryDeps,
  caller: Caller,
  workspaceId = "",
): Promise<SearchedWorkspaces> {
  if (workspaceId === "") return { closedWorkspaces: closedWorkspaces(caller) };
  requireWorkspaceRole(caller, workspaceId, "reader");
  await checkWorkspace(deps.pool, deps, { projectId: caller.projectId, workspaceId });
  return { workspaceId, closedWorkspaces: [] };
}
