/** A job execution: one run of a job template on a cluster, its settings, its rules and its states. */
import type { DataSource } from "./data-source.ts";
import { Fault } from "./fault.ts";
import { type JobConfigs, MAIN_CLASS, type SimpleValue } from "./job-configs.ts";
import type { JobType } from "./job-type.ts";
import type { SharedObject } from "./shared-object.ts";
import type { InstanceState } from "./states.ts";
import type { VendorRun } from "./vendor-run.ts";

/** A run with what its instance says; one of a template has the template's name. */
export interface JobExecution extends SharedObject {
  readonly instanceId: number;
  /** Null for a run of the vendor's own calls. */
  readonly jobTemplateId: string | null;
  readonly vendor: VendorRun | null;
  /** Name of the user. */
  readonly by: string;
  /** What the cluster calls the work; null until that is known, and for what runs on this service's machines. */
  readonly engineId: string | null;
  readonly clusterId: string;
  readonly inputId: string | null;
  readonly outputId: string | null;
  readonly jobConfigs: JobConfigs;
  readonly interface: Readonly<Record<string, SimpleValue>>;
  /** Resolved address of each data source by its id. */
  readonly dataSourceUrls: Readonly<Record<string, string>> | null;
  readonly state: InstanceState;
  readonly exitCode: number | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly updatedAt: Date | null;
}

export type ExecutionStatus =
  | "PENDING"
  | "RUNNING"
  | "SUSPENDED"
  | "TOBEKILLED"
  | "SUCCEEDED"
  | "FAILED"
  | "KILLED";

/** What this API says for each state of an instance. Source: mrs-v1.1 8. */
export const EXECUTION_STATUS: Readonly<Record<InstanceState, ExecutionStatus>> = {
  waiting: "PENDING",
  frozen: "PENDING",
  running: "RUNNING",
  failing: "RUNNING",
  stopping: "TOBEKILLED",
  paused: "SUSPENDED",
  suspended: "SUSPENDED",
  succeeded: "SUCCEEDED",
  failed: "FAILED",
  stopped: "KILLED",
  skipped: "KILLED",
};

/** How long a run may take before it is ended. */
export const RUN_TIMEOUT_SECONDS = 7 * 24 * 3600;

const NEEDS_MAIN_CLASS: readonly JobType[] = ["Java", "Spark"];
const NEEDS_PLACES: readonly JobType[] = [
  "Hive",
  "Pig",
  "MapReduce",
  "MapReduce.Streaming",
  "Storm",
  "DistCp",
];
const STREAMING_CONFIGS = ["edp.streaming.mapper", "edp.streaming.reducer"];

/** The data sources that a run reads and writes, as ids or as themselves. */
export interface ExecutionPlaces<Place> {
  readonly input: Place | undefined;
  readonly output: Place | undefined;
}

/** Raises `job-execution-invalid` unless a run of `type` has what the type needs. Source: sahara-v1.1 6, mrs-v1.1 4. */
export function checkExecution(
  type: JobType,
  configs: JobConfigs,
  { input, output }: ExecutionPlaces<string>,
): void {
  if (NEEDS_MAIN_CLASS.includes(type)) checkTextConfig(type, configs, MAIN_CLASS);
  if (NEEDS_PLACES.includes(type) && (input === undefined || output === undefined))
    throw refused(`${type} needs input_id and output_id`);
  if (type === "MapReduce.Streaming")
    for (const key of STREAMING_CONFIGS) checkTextConfig(type, configs, key);
}

/** Raises `job-execution-invalid` when a type that reads and writes would do both in one place. */
export function checkPlacesDiffer(type: JobType, { input, output }: ExecutionPlaces<DataSource>): void {
  if (!NEEDS_PLACES.includes(type) || input === undefined || output === undefined) return;
  if (input.type === output.type && input.url === output.url)
    throw refused("input_id and output_id name the same place");
}

function checkTextConfig(type: JobType, configs: JobConfigs, key: string): void {
  const value = configs.configs?.[key];
  if (typeof value !== "string" || value === "")
    throw refused(`${type} needs the text ${key} in job_configs.configs`);
}

function refused(message: string): Fault {
  return new Fault("invalid", "job-execution-invalid", message);
}
