/** A job template: a program of one type with its main files and libraries, and what makes one legal. */
import { Fault } from "./fault.ts";
import type { InterfaceArgument } from "./interface-argument.ts";
import type { JobBinary } from "./job-binary.ts";
import type { JobType } from "./job-type.ts";
import type { SharedObject } from "./shared-object.ts";

export interface JobTemplate extends SharedObject {
  readonly description: string | null;
  readonly type: JobType;
  readonly interface: readonly InterfaceArgument[];
  readonly mains: readonly JobBinary[];
  readonly libs: readonly JobBinary[];
  readonly updatedAt: Date;
}

type Need = "needed" | "allowed" | "refused";

/** What each type asks of its programs; Spark is judged apart. Source: mrs-v1.1 4. */
const PROGRAMS: Readonly<Record<JobType, { readonly mains: Need; readonly libs: Need }>> = {
  Hive: { mains: "needed", libs: "allowed" },
  Java: { mains: "refused", libs: "needed" },
  MapReduce: { mains: "refused", libs: "needed" },
  "MapReduce.Streaming": { mains: "refused", libs: "allowed" },
  Pig: { mains: "needed", libs: "allowed" },
  Shell: { mains: "needed", libs: "allowed" },
  Spark: { mains: "allowed", libs: "allowed" },
  Storm: { mains: "needed", libs: "allowed" },
  "Storm.Pyleus": { mains: "needed", libs: "allowed" },
  DistCp: { mains: "allowed", libs: "allowed" },
  Flink: { mains: "allowed", libs: "allowed" },
  SparkScript: { mains: "needed", libs: "allowed" },
  SparkSql: { mains: "allowed", libs: "allowed" },
  hql: { mains: "allowed", libs: "allowed" },
};

/**
 * Raises a fault unless the type takes these main files and libraries (ids as given): `job-template-mains-empty`,
 * `job-template-libs-empty` or `job-template-invalid`.
 */
export function checkPrograms(type: JobType, mains: readonly string[], libs: readonly string[]): void {
  const needs = PROGRAMS[type];
  if (needs.mains === "needed" && mains.length === 0)
    throw new Fault("invalid", "job-template-mains-empty", `${type} needs at least one file in mains`);
  if (type === "Spark" && mains.length + libs.length === 0)
    throw new Fault("invalid", "job-template-mains-empty", "Spark needs a file in mains or in libs");
  if (needs.mains === "refused" && mains.length > 0)
    throw new Fault("invalid", "job-template-invalid", `${type} takes its files in libs, not in mains`);
  if (needs.libs === "needed" && libs.length === 0)
    throw new Fault("invalid", "job-template-libs-empty", `${type} needs at least one file in libs`);
  const both = mains.filter((id) => libs.includes(id));
  if (both.length > 0)
    throw new Fault("invalid", "job-template-invalid", `in mains and in libs: ${both.join(", ")}`);
}
