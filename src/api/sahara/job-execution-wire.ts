/** Job executions on the wire: schema, decode, encode. */
import { type Static, Type } from "typebox";
import type { ExecuteRequest, ExecutionChanges } from "../../catalog/job-executions.ts";
import type { SimpleValue } from "../../domain/job-configs.ts";
import { EXECUTION_STATUS, type JobExecution } from "../../domain/job-execution.ts";
import { formatObjectId } from "../../domain/shared-object.ts";
import {
  CLOSED,
  decodeFlagChanges,
  decodeUuid,
  encodeOptionalTime,
  encodeShared,
  FlagValue,
  SimpleMap,
  Uuid,
} from "./object-wire.ts";

/** The flags are taken and not applied; `job_execution_info` is shown empty. */
const Execute = {
  cluster_id: Uuid,
  input_id: Type.Optional(Uuid),
  output_id: Type.Optional(Uuid),
  job_configs: Type.Optional(
    Type.Object(
      {
        configs: Type.Optional(SimpleMap),
        params: Type.Optional(SimpleMap),
        args: Type.Optional(Type.Array(Type.String(), { maxItems: 10_000 })),
        job_execution_info: Type.Optional(SimpleMap),
      },
      CLOSED,
    ),
  ),
  interface: Type.Optional(SimpleMap),
  is_public: Type.Optional(FlagValue),
  is_protected: Type.Optional(FlagValue),
};

/** Body of POST `/jobs/{id}/execute`. */
export const ExecutePost = Type.Object(Execute, CLOSED);
export type ExecuteBody = Static<typeof ExecutePost>;

/** Body of the second version's POST `/jobs`. */
export const JobPostV2 = Type.Object({ job_template_id: Uuid, ...Execute }, CLOSED);

/** Body of PATCH `/job-executions/{id}`. */
export const JobExecutionPatch = Type.Object(
  {
    is_public: Type.Optional(FlagValue),
    is_protected: Type.Optional(FlagValue),
    info: Type.Optional(Type.Object({ status: Type.Enum(["suspend", "cancel"]) }, CLOSED)),
  },
  CLOSED,
);

export function decodeExecute(body: ExecuteBody, by: string): ExecuteRequest {
  const { job_execution_info: info, ...jobConfigs } = body.job_configs ?? {};
  return {
    clusterId: decodeUuid(body.cluster_id),
    inputId: body.input_id === undefined ? undefined : decodeUuid(body.input_id),
    outputId: body.output_id === undefined ? undefined : decodeUuid(body.output_id),
    jobConfigs,
    interface: body.interface,
    ...(info?.job_execution_type === "scheduled" && { beginsAt: decodeStart(info.start) }),
    by,
  };
}

/** `2026-01-31 12:00:00` in UTC. An invalid date is judged with the rest of the run. */
function decodeStart(start: SimpleValue | undefined): Date {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/.exec(String(start ?? ""));
  return new Date(match === null ? Number.NaN : `${match[1]}T${match[2]}Z`);
}

export function decodeExecutionChanges(body: Static<typeof JobExecutionPatch>): ExecutionChanges {
  return decodeFlagChanges(body);
}

export function encodeJobExecution(run: JobExecution) {
  return {
    ...encodeShared(run),
    // Source: mrs-v1.1 7.
    job_id: run.jobTemplateId === null ? "" : formatObjectId(run.jobTemplateId),
    cluster_id: formatObjectId(run.clusterId),
    input_id: run.inputId && formatObjectId(run.inputId),
    output_id: run.outputId && formatObjectId(run.outputId),
    start_time: encodeOptionalTime(run.startedAt),
    end_time: encodeOptionalTime(run.endedAt),
    info: { status: EXECUTION_STATUS[run.state] },
    engine_job_id: run.engineId,
    // Upstream's name for it dates from its first engine.
    oozie_job_id: run.engineId,
    return_code: run.exitCode === null ? null : String(run.exitCode),
    job_configs: { ...run.jobConfigs, job_execution_info: {} },
    interface: run.interface,
    data_source_urls: encodeUrls(run.dataSourceUrls),
  };
}

/** As the second version has it: `encode` of the version does the rest. */
export function encodeJobExecutionV2(run: JobExecution) {
  const { job_id: templateId, oozie_job_id: _same, ...members } = encodeJobExecution(run);
  return { ...members, job_template_id: templateId, extra: {} };
}

/** The answer of `execute`. */
export function encodeNewExecution(run: JobExecution) {
  return encodeJobExecution(freshRun(run));
}

/** A run just made: nothing has happened yet, whatever the engine has done since. */
export function freshRun(run: JobExecution): JobExecution {
  return {
    ...run,
    state: "waiting",
    startedAt: null,
    endedAt: null,
    exitCode: null,
    engineId: null,
    updatedAt: null,
  };
}

function encodeUrls(urls: JobExecution["dataSourceUrls"]): Record<string, string> | null {
  if (urls === null) return null;
  return Object.fromEntries(Object.entries(urls).map(([id, url]) => [formatObjectId(id), url]));
}
