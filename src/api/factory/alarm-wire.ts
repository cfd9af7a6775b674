/** Alarms and their rules as DataArts Factory v2 writes them (dataarts-factory 5, `F/alarm-info`, `F/alarm/rules`). */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import type { AlarmKind } from "../../domain/job-alarm.ts";
import { topicUrn } from "../../domain/topic.ts";
import type { AlarmRecord } from "../../store/alarm-records.ts";
import type { AlarmRuleFilter, SavedRule } from "../../store/alarm-rules.ts";
import { encodeOrigin } from "./instance-wire.ts";
import { pageMembers } from "./request-wire.ts";
import { Milliseconds } from "./time-wire.ts";

const REMIND_TYPES: Readonly<Record<AlarmKind, number>> = {
  success: 0,
  failure: 1,
  unfinished: 12,
  cancelled: 13,
  // The vendor has no words for these.
  late: 101,
  missed: 102,
};

const RemindType = Type.Integer({
  minimum: 0,
  // The vendor's numbers are of 32 bits; one that it adds chooses no rule.
  maximum: 2_147_483_647,
  description:
    "0: success, 1: exception or failure, 12: not finished in time, 13: cancelled, 101: late, 102: missed.",
});

/** The vendor's page gives the default and the range of the limit: they are not those of other lists. */
export const AlarmInfoQuery = Type.Object({
  start_time: Type.Optional(Milliseconds),
  end_time: Type.Optional(Milliseconds),
  ...pageMembers(1_000, 100),
});

export const AlarmRulesQuery = Type.Object({
  name: Type.Optional(Type.String({ description: "A part of the name of the rule, or of its job." })),
  remind_type: Type.Optional(RemindType),
  ding_name: Type.Optional(
    Type.String({ description: "Of a chat robot: no rule has one, so that any name chooses none." }),
  ),
  ...pageMembers(100),
});

const HOUR_MS = 3_600_000;

/** The last hour where nothing is said. Raises `request-invalid`. */
export function decodeAlarmSpan(
  { start_time, end_time }: Static<typeof AlarmInfoQuery>,
  now: Date,
): { readonly from: Date; readonly to: Date } {
  const from = new Date(start_time ?? now.getTime() - HOUR_MS);
  const to = new Date(end_time ?? now.getTime());
  if (start_time !== undefined && from > to)
    invalid("request-invalid", ["end_time: must not be before start_time"]);
  return { from, to };
}

/** Kinds that the vendor has and Azalai has not choose no rule. */
export function decodeRuleFilter({
  name = "",
  remind_type,
  ding_name = "",
}: Static<typeof AlarmRulesQuery>): AlarmRuleFilter {
  const asked = remind_type === undefined ? undefined : kindsOf(remind_type);
  const kinds = ding_name === "" ? asked : [];
  return { ...(name !== "" && { nameContains: name }), ...(kinds !== undefined && { kinds }) };
}

function kindsOf(remindType: number): AlarmKind[] {
  const known = Object.entries(REMIND_TYPES).filter(([, type]) => type === remindType);
  return known.map(([kind]) => kind as AlarmKind); // The table's keys are kinds.
}

export const AlarmInfo = Type.Object({
  total: Type.Integer({ minimum: 0 }),
  alarm_info: Type.Array(
    Type.Object({
      alarm_time: Milliseconds,
      job_id: Type.Integer(),
      job_name: Type.String(),
      schedule_type: Type.Integer({ description: "As an instance's type." }),
      send_msg: Type.String(),
      plan_time: Milliseconds,
      remind_type: RemindType,
      send_status: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 1,
          description: "0: sent, 1: failed; absent until either is sure.",
        }),
      ),
    }),
  ),
});

export function encodeAlarm(alarm: AlarmRecord): Static<typeof AlarmInfo>["alarm_info"][number] {
  return {
    alarm_time: alarm.at.getTime(),
    job_id: alarm.jobId,
    job_name: alarm.jobName,
    schedule_type: encodeOrigin(alarm.origin),
    send_msg: alarm.message,
    plan_time: alarm.plannedAt.getTime(),
    remind_type: REMIND_TYPES[alarm.kind],
    ...(alarm.sent !== null && { send_status: alarm.sent ? 0 : 1 }),
  };
}

const Count = Type.Integer({ minimum: 0 });

const AlarmRuleDetails = Type.Object({
  id: Type.Integer(),
  name: Type.String({
    description: "Of the job that the rule watches; of the rule where it watches several.",
  }),
  rule_name: Type.String(),
  remind_type: RemindType,
  topic_name: Type.String(),
  urn: Type.String(),
  create_time: Milliseconds,
  create_user: Type.String(),
  node_id: Type.Optional(Type.Integer({ description: "Of the job." })),
  node_id_list: Type.Optional(Type.Array(Type.Integer())),
  node_name_list: Type.Optional(Type.Array(Type.String())),
  job_directory: Type.Optional(Type.Array(Type.Object({ directory_name: Type.String() }))),
});

/** The counts are of the whole workspace; kinds that Azalai has not are counted as none. */
export const AlarmRules = Type.Object({
  total: Count,
  total_all: Count,
  success_count: Count,
  exception_count: Count,
  cancel_jobs_count: Count,
  unfinished_count: Count,
  multi_period_unfinished_count: Count,
  overload_count: Count,
  recover_jobs_count: Count,
  modify_count: Count,
  baseline_error_count: Count,
  assurance_mission_warning_time_not_completed_count: Count,
  assurance_mission_commitment_time_not_completed_count: Count,
  assurance_mission_failed_count: Count,
  alarm_rules_items_details: Type.Array(AlarmRuleDetails),
});

export function encodeAlarmRules(
  {
    rules,
    total,
    counts,
  }: {
    readonly rules: readonly SavedRule[];
    readonly total: number;
    readonly counts: Readonly<Partial<Record<AlarmKind, number>>>;
  },
  place: { readonly region: string; readonly projectId: string },
): Static<typeof AlarmRules> {
  const { success = 0, failure = 0, cancelled = 0, unfinished = 0, late = 0, missed = 0 } = counts;
  return {
    total,
    total_all: success + failure + cancelled + unfinished + late + missed,
    success_count: success,
    exception_count: failure,
    cancel_jobs_count: cancelled,
    unfinished_count: unfinished,
    multi_period_unfinished_count: 0,
    overload_count: 0,
    recover_jobs_count: 0,
    modify_count: 0,
    baseline_error_count: 0,
    assurance_mission_warning_time_not_completed_count: 0,
    assurance_mission_commitment_time_not_completed_count: 0,
    assurance_mission_failed_count: 0,
    alarm_rules_items_details: rules.map((rule) => ({
      id: rule.id,
      name: rule.scope.type === "job" ? rule.scope.job : rule.name,
      rule_name: rule.name,
      remind_type: REMIND_TYPES[rule.kind],
      topic_name: rule.topic,
      urn: topicUrn(place.region, place.projectId, rule.topic),
      create_time: rule.createdAt.getTime(),
      create_user: rule.createdBy,
      ...watchedMembers(rule),
    })),
  };
}

function watchedMembers({ scope, jobId }: SavedRule) {
  if (scope.type === "directory") return { job_directory: [{ directory_name: scope.directory }] };
  if (scope.type !== "job" || jobId === null) return {};
  return { node_id: jobId, node_id_list: [jobId], node_name_list: [scope.job] };
}
