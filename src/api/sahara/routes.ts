/** The data-processing API v1.1 as OpenStack Sahara and MRS speak it. */
import { Fault } from "../../domain/fault.ts";
import type { Face } from "../route.ts";
import { clusterInfoRoutes } from "./cluster-infos.ts";
import { clusterJobRoutes } from "./cluster-jobs.ts";
import { clusterRoutes } from "./clusters.ts";
import { dataSourceRoutes } from "./data-sources.ts";
import { encodeFault } from "./fault-wire.ts";
import { jobBinaryRoutes } from "./job-binaries.ts";
import { jobExecutionRoutes } from "./job-executions.ts";
import { jobExeRoutes } from "./job-exes.ts";
import { jobTemplateRoutes } from "./job-templates.ts";
import { jobTypeRoutes } from "./job-types.ts";
import { ownsPath, projectOf, rewritePath } from "./paths.ts";
import { optionsRoutes, type SaharaDeps } from "./resource.ts";
import { storedFileRoutes } from "./stored-files.ts";
import { submitJobRoutes } from "./submit-job.ts";

/** Sources: sahara-v1.1, mrs-v1.1. */
export function createSaharaFace(deps: SaharaDeps): Face {
  const routes = [
    ...jobTemplateRoutes(deps),
    ...jobExecutionRoutes(deps),
    ...jobBinaryRoutes(deps),
    ...storedFileRoutes(deps),
    ...dataSourceRoutes(deps),
    ...jobTypeRoutes(),
    ...clusterRoutes(deps),
  ];
  const vendors = [
    ...submitJobRoutes(deps),
    ...jobExeRoutes(deps),
    ...clusterInfoRoutes(deps),
    ...clusterJobRoutes(deps),
  ];
  return {
    name: "sahara",
    routes: [...routes, ...optionsRoutes(routes), ...vendors],
    owns: ownsPath,
    projectOf,
    encodeFault,
    rewritePath,
    checkContentType,
  };
}

function checkContentType(contentType: string): void {
  if (/^\s*application\/json\s*(?:;|$)/i.test(contentType)) return;
  throw new Fault("unsupported", "content-type-unsupported", "the body must be application/json");
}
