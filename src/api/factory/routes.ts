/** The DataArts Factory face: its routes, and what it owns beside them (dataarts-factory 1). */
import { Fault } from "../../domain/fault.ts";
import type { Face } from "../route.ts";
import { backfillRoutes } from "./backfills.ts";
import { connectionRoutes } from "./connections.ts";
import type { FactoryDeps } from "./deps.ts";
import { environmentRoutes } from "./environment.ts";
import { encodeFault } from "./fault-wire.ts";
import { instanceRoutes } from "./instances.ts";
import { instanceRoutesV2 } from "./instances-v2.ts";
import { jobRunRoutes } from "./job-runs.ts";
import { jobRoutes } from "./jobs.ts";
import { scriptRoutes } from "./scripts.ts";

const PATHS = /^\/(v1|v1[.]0|v2\/[^/]+\/factory)(\/|$)/;
const JSON_TYPE = /^application\/([^;\s]+[+])?json\s*(;|$)/i;

export function createFactoryFace(deps: FactoryDeps): Face {
  return {
    name: "factory",
    routes: [
      ...jobRoutes(deps),
      ...jobRunRoutes(deps),
      ...instanceRoutes(deps),
      ...instanceRoutesV2(deps),
      ...scriptRoutes(deps),
      ...connectionRoutes(deps),
      ...environmentRoutes(deps),
      ...backfillRoutes(deps),
    ],
    owns: (path) => PATHS.test(path),
    projectOf: (params) => params.project_id,
    encodeFault,
    checkContentType,
  };
}

function checkContentType(contentType: string): void {
  if (JSON_TYPE.test(contentType)) return;
  throw new Fault(
    "unsupported",
    "content-type-unsupported",
    `the body must be application/json, not ${contentType}`,
  );
}
