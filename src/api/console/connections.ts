/** The console's API about connections: trying one. */
import { type ConnectionTestDeps, tryConnection } from "../../catalog/connections.ts";
import { json, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";

export function connectionRoutes(deps: ConnectionTestDeps): Route[] {
  return [
    {
      method: "POST",
      path: "/api/connections/:connection_name/test",
      role: "manager",
      body: "none",
      handle: async (request) => {
        const place = { ...workspaceOf(request), name: request.params.connection_name ?? "" };
        return json(200, await tryConnection(deps, request.caller, place, request.signal));
      },
    },
  ];
}
