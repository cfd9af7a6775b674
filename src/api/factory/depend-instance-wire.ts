/** Runs that depend on each other as DataArts Factory v2 writes them (dataarts-factory 5, `depend-instances`). */
import { type Static, Type } from "typebox";
import { shownAt } from "../../domain/instance.ts";
import type { RelatedRun, RelationWay } from "../../engine/related-runs.ts";
import { wordOf } from "../query.ts";
import { encodeInstanceState, InstanceStatus } from "./instance-wire.ts";
import { Milliseconds, timeMember } from "./time-wire.ts";

const DEPTH_MAX = 50;

const RELATIONS: Readonly<Record<"parent" | "child" | "both", readonly RelationWay[]>> = {
  parent: ["parent"],
  child: ["child"],
  both: ["parent", "child"],
};

export const DependInstancesQuery = Type.Object({
  relation: wordOf(RELATIONS, {
    default: "both",
    description: "The runs that it waits or waited for, those that wait for it, or both.",
  }),
  depth: Type.Integer({
    minimum: 1,
    maximum: DEPTH_MAX,
    default: 1,
    description: "Over how many steps; 1: those next to it.",
  }),
  latest: Type.Boolean({
    default: true,
    description: "Of several runs of one job, that alone which ended last or has not ended.",
  }),
});

export function decodeRelation({ relation, depth, latest }: Static<typeof DependInstancesQuery>) {
  return { ways: RELATIONS[relation], depth, latestOnly: latest };
}

const DependInstance = Type.Object({
  id: Type.Integer(),
  job_id: Type.Integer(),
  job_name: Type.String(),
  directory_path: Type.String({ description: "The job's directory." }),
  force_success: Type.Boolean(),
  ignore_success: Type.Boolean(),
  parent_instance_ids: Type.Array(Type.Integer()),
  plan_time: Milliseconds,
  running_time: Type.Optional(
    Type.Integer({ minimum: 0, description: "Milliseconds, until now for one that runs." }),
  ),
  start_time: Type.Optional(Milliseconds),
  end_time: Type.Optional(Milliseconds),
  status: InstanceStatus,
  submit_time: Milliseconds,
  version: Type.Integer({ minimum: 1 }),
  workspace_id: Type.String(),
  workspace_name: Type.String(),
  avg_execute_time_ms: Type.Optional(
    Type.Integer({ minimum: 0, description: "Of the job's last hundred successes." }),
  ),
});

/** At most 1,000, in the order of their distance. */
export const DependInstances = Type.Object({
  total: Type.Integer({ minimum: 0 }),
  depend_instances_info: Type.Array(DependInstance),
});

export function encodeDependInstance(
  { instance: written, parentIds }: RelatedRun,
  averages: ReadonlyMap<number, number>,
  now: Date,
): Static<typeof DependInstance> {
  const instance = shownAt(written, now);
  const { startedAt, endedAt, workspaceId } = instance;
  const average = averages.get(instance.jobId);
  return {
    id: instance.id,
    job_id: instance.jobId,
    job_name: instance.jobName,
    directory_path: instance.directory,
    force_success: instance.forceSuccess,
    ignore_success: instance.ignoreSuccess,
    parent_instance_ids: [...parentIds],
    plan_time: instance.plannedAt.getTime(),
    ...(startedAt !== null && {
      running_time: Math.max(0, (endedAt ?? now).getTime() - startedAt.getTime()),
    }),
    ...timeMember("start_time", startedAt),
    ...timeMember("end_time", endedAt),
    status: encodeInstanceState(instance.state),
    submit_time: instance.createdAt.getTime(),
    version: instance.jobVersion,
    workspace_id: workspaceId,
    workspace_name: workspaceId,
    ...(average !== undefined && { avg_execute_time_ms: average }),
  };
}
