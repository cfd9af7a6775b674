/** The data-processing API, v1.1 and v2, as OpenStack Sahara and MRS speak it. */
import { Fault } from "../../domain/fault.ts";
import type { Face, Route } from "../route.ts";
import { type ApiVersion, V1_1, V2 } from "./api-version.ts";
import { clusterInfoRoutes } from "./cluster-infos.ts";
import { clusterJobRoutes } from "./cluster-jobs.ts";
import { clusterTemplateRoutes } from "./cluster-templates.ts";
import { clusterRoutes } from "./clusters.ts";
import { dataSourceRoutes } from "./data-sources.ts";
import { encodeFault } from "./fault-wire.ts";
import { imageRoutes } from "./images.ts";
import { jobBinaryRoutes } from "./job-binaries.ts";
import { jobExecutionRoutes, jobRoutesV2 } from "./job-executions.ts";
import { jobExeRoutes } from "./job-exes.ts";
import { jobTemplateRoutes } from "./job-templates.ts";
import { jobTypeRoutes } from "./job-types.ts";
import { ownsPath, projectOf, rewritePath } from "./paths.ts";
import { pluginRoutes } from "./plugins.ts";
import { optionsRoutes, type SaharaDeps } from "./resource.ts";
import { storedFileRoutes } from "./stored-files.ts";
import { submitJobRoutes } from "./submit-job.ts";

/** Sources: sahara-v1.1, mrs-v1.1. */
export function createSaharaFace(deps: SaharaDeps): Face {
  const routes = [
    ...sharedRoutes(deps, V1_1),
    ...jobExecutionRoutes(deps),
    ...storedFileRoutes(deps),
    ...sharedRoutes(deps, V2),
    ...jobRoutesV2(deps),
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

/** What both versions have, each in its own words. */
function sharedRoutes(deps: SaharaDeps, version: ApiVersion): Route[] {
  return [
    ...jobTemplateRoutes(deps, version),
    ...jobBinaryRoutes(deps, version),
    ...dataSourceRoutes(deps, version),
    ...jobTypeRoutes(deps, version),
    ...pluginRoutes(deps, version),
    ...clusterRoutes(deps, version),
    ...clusterTemplateRoutes(deps, version),
    ...imageRoutes(deps, version),
  ];
}

function checkContentType(contentType: string): void {
  if (/^\s*application\/json\s*(?:;|$)/i.test(contentType)) return;
  throw new Fault("unsupported", "content-type-unsupported", "the body must be application/json");
}
