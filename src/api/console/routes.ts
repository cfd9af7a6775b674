/** The console's own API under `/api/`: what the two vendors' faces have no words for. */
import type { Face } from "../route.ts";
import { auditRoutes } from "./audit.ts";
import { encodeFault } from "./fault-wire.ts";
import { type InstanceDeps, instanceRoutes } from "./instances.ts";

/** Its paths name no project: the caller's own counts. */
export function createConsoleFace(deps: InstanceDeps): Face {
  return {
    name: "console",
    routes: [...instanceRoutes(deps), ...auditRoutes(deps)],
    owns: (path) => path === "/api" || path.startsWith("/api/"),
    projectOf: () => undefined,
    encodeFault,
  };
}
