/** What the Factory face is made of; `parts/api.ts` hands it over. */
import type { ConnectionTestDeps } from "../../catalog/connections.ts";
import type { JobQuota } from "../../catalog/jobs.ts";
import type { PackageTaskDeps } from "../../catalog/package-tasks.ts";
import type { ArchiveLimits } from "../../domain/package.ts";
import type { Engine } from "../../engine/operations.ts";

export interface FactoryDeps extends ConnectionTestDeps, PackageTaskDeps, JobQuota {
  readonly engine: Pick<
    Engine,
    | "startJob"
    | "stopJob"
    | "runNow"
    | "deleteJob"
    | "startExecution"
    | "stopInstance"
    | "restartInstance"
    | "scheduleSaved"
    | "createBackfill"
    | "cancelBackfill"
    | "operate"
    | "rerunInTurns"
  >;
  /** Zone of schedules that name none, and of "today". */
  readonly timeZone: string;
  /** Largest page of the job list: 100 to 1000. */
  readonly pageMax: number;
  /** A part of topics' URNs. */
  readonly region: string;
  /** Of packages that are checked; those that are imported are held to the same. */
  readonly packageLimits: ArchiveLimits;
}
