/** The alarms of a job as its lists write them: of what is told, and to which topic (dataarts-factory 4.4). */
import { type Static, Type } from "typebox";
import type { AlarmKind } from "../../domain/job-alarm.ts";
import { topicUrn } from "../../domain/topic.ts";
import type { JobAlarm } from "../../store/alarm-watches.ts";

const ALARM_TYPES: Readonly<Record<AlarmKind, string>> = {
  success: "SUCCESS",
  failure: "FAIL",
  cancelled: "CANCEL",
  unfinished: "UNFINISHED",
  late: "LATE",
  missed: "MISSED",
};

/** Both faces write its members alike. */
export const JobAlarms = Type.Array(
  Type.Object({ alarmType: Type.Enum(Object.values(ALARM_TYPES)), topicUrn: Type.String() }),
);

export function encodeJobAlarms(
  alarms: readonly JobAlarm[] = [],
  place: { readonly region: string; readonly projectId: string },
): Static<typeof JobAlarms> {
  return alarms.map(({ kind, topic }) => ({
    alarmType: ALARM_TYPES[kind],
    topicUrn: topicUrn(place.region, place.projectId, topic),
  }));
}
