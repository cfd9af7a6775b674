/** Job instances as DataArts Factory v2 writes them: the v1 members in snake_case, and the retry (dataarts-factory 5). */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import type { JobReference } from "../../domain/schedule.ts";
import type { Rerun } from "../../engine/instance-acts.ts";
import type { InstanceFilter } from "../../store/instance-lists.ts";
import {
  decodeInstanceFilter,
  InstanceChoice,
  InstanceDetail,
  InstanceList,
  type InstanceQueryContext,
} from "./instance-wire.ts";
import { readBody } from "./request-wire.ts";
import { snakeSchema } from "./snake-names.ts";
import { Milliseconds } from "./time-wire.ts";

export const InstanceListQueryV2 = Type.Object({
  min_plan_time: InstanceChoice.plannedFrom,
  max_plan_time: InstanceChoice.plannedTo,
  status: InstanceChoice.status,
  force_success: Type.Optional(Type.Boolean()),
  ignore_success: Type.Optional(Type.Boolean()),
  instance_type: InstanceChoice.origin,
  ...InstanceChoice.page,
});

export const InstanceListV2 = snakeSchema(InstanceList);
export const InstanceDetailV2 = snakeSchema(InstanceDetail);

/** As the filter of v1's list, of one job. Any stretch may be asked for: patch data lies far back. */
export function decodeInstanceFilterV2(
  query: Omit<Static<typeof InstanceListQueryV2>, "limit" | "offset">,
  context: InstanceQueryContext,
  jobId: number,
): InstanceFilter {
  const {
    min_plan_time: minPlanTime,
    max_plan_time: maxPlanTime,
    status,
    instance_type: instanceType,
    force_success: forceSuccess,
    ignore_success: ignoreSuccess,
  } = query;
  const ofV1 = {
    preciseQuery: false,
    ...(minPlanTime !== undefined && { minPlanTime }),
    ...(maxPlanTime !== undefined && { maxPlanTime }),
    ...(status !== undefined && { status }),
    ...(instanceType !== undefined && { instanceType }),
  };
  return {
    ...decodeInstanceFilter(ofV1, context, Number.POSITIVE_INFINITY),
    jobId,
    ...(forceSuccess !== undefined && { forceSuccess }),
    ...(ignoreSuccess !== undefined && { ignoreSuccess }),
  };
}

export const Retry = Type.Object({
  retry_location: Type.Enum(["firstNode", "errorNode", "specifiedNode"]),
  node_name: Type.Optional(Type.String()),
  retry_task_version: Type.Enum(["original_version", "current_version"]),
  /** Nothing of a run waits for files here. */
  ignore_obs_monitor: Type.Optional(Type.Boolean()),
  task_retrys: Type.Optional(
    Type.Array(
      Type.Object({
        job_id: Type.Integer({ minimum: 1 }),
        plan_time: Milliseconds,
        submit_time: Type.Optional(Milliseconds),
      }),
      { maxItems: 1000 },
    ),
  ),
  begin_time: Type.Optional(Milliseconds),
  end_time: Type.Optional(Milliseconds),
  jobs: Type.Optional(
    Type.Array(Type.Object({ job_name: Type.String(), workspace_id: Type.Optional(Type.String()) }), {
      maxItems: 1000,
    }),
  ),
  concurrent: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 128,
      description: "How many instances of the stretch run at a time; 1 where absent.",
    }),
  ),
});

/** Which instances are to be run again, and how. */
export interface DecodedRetry {
  readonly rerun: Rerun;
  /** Single ones. */
  readonly tasks: readonly {
    readonly jobId: number;
    readonly plannedAt: Date;
    readonly createdAt?: Date;
  }[];
  /** All of these jobs that were planned from `from` to `to`; the path's job where none is named. */
  readonly range?: { readonly from: Date; readonly to: Date; readonly jobs: readonly JobReference[] };
  /** Instances of the range that run at a time. */
  readonly concurrent: number;
}

/** Raises `request-invalid`. */
export function decodeRetry(body: unknown, workspaceId: string): DecodedRetry {
  const retry = readBody(Retry, body);
  const { task_retrys: tasks = [], begin_time: from, end_time: to, jobs = [] } = retry;
  if (tasks.length === 0 && (from === undefined || to === undefined))
    invalid("request-invalid", [
      "task_retrys, begin_time, end_time: say which instances are to be run again",
    ]);
  return {
    rerun: {
      from: decodeLocation(retry),
      version: retry.retry_task_version === "current_version" ? "current" : "original",
    },
    concurrent: retry.concurrent ?? 1,
    tasks: tasks.map(({ job_id: jobId, plan_time: planned, submit_time: created }) => ({
      jobId,
      plannedAt: new Date(planned),
      ...(created !== undefined && { createdAt: new Date(created) }),
    })),
    ...(from !== undefined &&
      to !== undefined && {
        range: {
          from: new Date(from),
          to: new Date(to),
          jobs: eachOnce(
            jobs.map((job) => ({ workspaceId: job.workspace_id || workspaceId, name: job.job_name })),
          ),
        },
      }),
  };
}

/** A job that is named several times is not run again several times. */
function eachOnce(jobs: readonly JobReference[]): readonly JobReference[] {
  return [...new Map(jobs.map((job) => [`${job.workspaceId}\n${job.name}`, job])).values()];
}

function decodeLocation({
  retry_location: location,
  node_name: node = "",
}: Static<typeof Retry>): NonNullable<Rerun["from"]> {
  if (location === "firstNode") return "first";
  if (location === "errorNode") return "failed";
  return node === "" ? invalid("request-invalid", ["node_name: must be given"]) : { node };
}
