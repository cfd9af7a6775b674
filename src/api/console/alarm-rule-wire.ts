/** Alarm rules as the console's API writes and reads them. */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import { ALARM_KINDS, ALARM_MINUTES_MAX, type AlarmRule, type RuleScope } from "../../domain/job-alarm.ts";
import type { SavedRule } from "../../store/alarm-rules.ts";
import { checkSchema } from "../check-schema.ts";

const Scope = {
  /** At most one of the three; without any, the rule watches all jobs of the workspace. */
  job: Type.Optional(Type.String()),
  /** Its jobs, and those of all directories below. */
  directory: Type.Optional(Type.String()),
  owner: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
};

/** Of `unfinished` and `late`: how long after its planned time a run may end, or begin. */
const Minutes = Type.Optional(Type.Integer({ minimum: 1, maximum: ALARM_MINUTES_MAX }));

const AlarmRuleBody = Type.Object(
  {
    name: Type.String(),
    kind: Type.Enum([...ALARM_KINDS]),
    topic: Type.String(),
    minutes: Minutes,
    ...Scope,
  },
  { additionalProperties: false },
);

const AlarmRuleView = Type.Object({
  name: Type.String(),
  kind: Type.Enum([...ALARM_KINDS]),
  topic: Type.String(),
  minutes: Minutes,
  ...Scope,
  createdAt: Type.String({ format: "date-time" }),
  createdBy: Type.String(),
});
export type AlarmRuleView = Static<typeof AlarmRuleView>;

/** Raises `alarm-rule-invalid` with every problem. */
export function decodeAlarmRule(body: unknown): AlarmRule {
  const problems = checkSchema(AlarmRuleBody, body);
  if (problems.length > 0) invalid("alarm-rule-invalid", problems);
  const { name, kind, topic, minutes, job, directory, owner } = body as Static<typeof AlarmRuleBody>; // Just held against it.
  const scopes: RuleScope[] = [
    ...(job === undefined ? [] : [{ type: "job", job } as const]),
    ...(directory === undefined ? [] : [{ type: "directory", directory } as const]),
    ...(owner === undefined ? [] : [{ type: "owner", owner } as const]),
  ];
  const [scope = { type: "workspace" as const }, more] = scopes;
  if (more !== undefined) invalid("alarm-rule-invalid", ["a rule is for one of job, directory and owner"]);
  return { name, kind, topic, scope, ...(minutes !== undefined && { minutes }) };
}

export function encodeAlarmRule({
  name,
  kind,
  topic,
  minutes,
  scope,
  createdAt,
  createdBy,
}: SavedRule): AlarmRuleView {
  const { type: _, ...watched } = scope;
  return {
    name,
    kind,
    topic,
    ...(minutes !== undefined && { minutes }),
    ...watched,
    createdAt: createdAt.toISOString(),
    createdBy,
  };
}
