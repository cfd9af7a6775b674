/** The DataArts Factory face: its routes, and what it owns beside them (dataarts-factory 1). */
import { Type } from "typebox";
import { Fault } from "../../domain/fault.ts";
import type { FaceContract } from "../contract.ts";
import type { Face } from "../route.ts";
import { alarmRoutes } from "./alarms.ts";
import { backfillRoutes } from "./backfills.ts";
import { connectionPackageRoutes } from "./connection-packages.ts";
import { connectionRoutes } from "./connections.ts";
import { dependInstanceRoutes } from "./depend-instances.ts";
import type { FactoryDeps } from "./deps.ts";
import { directoryRoutes } from "./directories.ts";
import { environmentRoutes } from "./environment.ts";
import { encodeFault, REFUSAL_STATUSES, RefusalBody } from "./fault-wire.ts";
import { instanceRoutes } from "./instances.ts";
import { instanceRoutesV2 } from "./instances-v2.ts";
import { jobRunRoutes } from "./job-runs.ts";
import { jobRoutes } from "./jobs.ts";
import { jobRoutesV2 } from "./jobs-v2.ts";
import { monitorRoutes } from "./monitor.ts";
import { packageRoutes } from "./packages.ts";
import { realTimeJobRoutes } from "./real-time-jobs.ts";
import { releaseRoutes } from "./releases.ts";
import { resourceRoutes } from "./resources.ts";
import { scriptRunRoutes } from "./script-runs.ts";
import { scriptRoutes } from "./scripts.ts";
import { scriptRoutesV2 } from "./scripts-v2.ts";
import { searchRoutes } from "./search.ts";
import { systemTaskRoutes } from "./system-tasks.ts";
import { tableReferenceRoutes } from "./table-references.ts";

const PATHS = /^\/(v1|v1[.]0|v2\/[^/]+\/factory)(\/|$)/;
const JSON_TYPE = /^application\/([^;\s]+[+])?json\s*(;|$)/i;

const CONTRACT: FaceContract = {
  title: "DataArts Factory",
  description:
    "The vendor's API for data development, v1 and v2, as Azalai serves it. Business errors are 400, what is missing " +
    "included; members that are unknown are kept or passed over, never refused. Every answer has an `X-Request-Id`.",
  version: "2",
  headers: Type.Object({
    workspace: Type.Optional(
      Type.String({ description: "Id of the workspace; `default` where it is absent or empty." }),
    ),
  }),
  refusals: { statuses: REFUSAL_STATUSES, body: RefusalBody },
};

export function createFactoryFace(deps: FactoryDeps): Face {
  return {
    name: "factory",
    contract: CONTRACT,
    routes: [
      ...jobRoutes(deps),
      ...jobRoutesV2(deps),
      ...jobRunRoutes(deps),
      ...realTimeJobRoutes(deps),
      ...instanceRoutes(deps),
      ...instanceRoutesV2(deps),
      ...dependInstanceRoutes(deps),
      ...scriptRoutes(deps),
      ...scriptRunRoutes(deps),
      ...scriptRoutesV2(deps),
      ...searchRoutes(deps),
      ...tableReferenceRoutes(deps),
      ...resourceRoutes(deps),
      ...directoryRoutes(deps),
      ...connectionPackageRoutes(deps),
      ...connectionRoutes(deps),
      ...environmentRoutes(deps),
      ...backfillRoutes(deps),
      ...alarmRoutes(deps),
      ...monitorRoutes(deps),
      ...packageRoutes(deps),
      ...releaseRoutes(deps),
      ...systemTaskRoutes(deps),
    ],
    owns: (path) => PATHS.test(path),
    projectOf: (params) => params.project_id,
    scope: "workspace",
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
