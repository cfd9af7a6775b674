/** Job alarms: what of a job is told to whom, and in which words. */
import type { InstanceState } from "./states.ts";

/** Kinds that come with a time, some minutes after the planned one, which the rule says. */
const TIMED_KINDS = ["unfinished", "late"] as const;
export type TimedKind = (typeof TIMED_KINDS)[number];

export const ALARM_KINDS = ["success", "failure", "cancelled", ...TIMED_KINDS, "missed"] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** The jobs of its workspace that a rule watches. */
export type RuleScope =
  | { readonly type: "job"; readonly job: string }
  /** Those in it, and in all directories below. */
  | { readonly type: "directory"; readonly directory: string }
  | { readonly type: "owner"; readonly owner: string }
  | { readonly type: "workspace" };

export interface AlarmRule {
  /** No other rule of the workspace has it. */
  readonly name: string;
  readonly kind: AlarmKind;
  /** Of a kind with a time, and of no other: how long after its planned time a run may end, or begin. */
  readonly minutes?: number;
  readonly scope: RuleScope;
  /** Name of the topic that is told. */
  readonly topic: string;
}

/** Of a workspace. */
export const ALARM_RULES_MAX = 1_000;
const RULE_NAME_MAX = 128;
/** A week. */
export const ALARM_MINUTES_MAX = 10_080;

/** Everything that is wrong with a rule, but for what it names; empty when it may be saved. */
export function checkAlarmRule({ name, scope, kind, minutes }: AlarmRule): string[] {
  const problems: string[] = [];
  if (name.trim() === "" || name.length > RULE_NAME_MAX)
    problems.push(`name: must have 1 to ${RULE_NAME_MAX} characters`);
  if (scope.type === "directory" && !/^\/$|^(\/[^/]+)+$/.test(scope.directory))
    problems.push("directory: must begin with a slash and end without one");
  const isTimed = TIMED_KINDS.some((timed) => timed === kind);
  if (isTimed && minutes === undefined) problems.push(`minutes: must be given for the kind ${kind}`);
  if (!isTimed && minutes !== undefined) problems.push(`minutes: have no meaning for the kind ${kind}`);
  if (minutes !== undefined && (!Number.isInteger(minutes) || minutes < 1 || minutes > ALARM_MINUTES_MAX))
    problems.push(`minutes: must be 1 to ${ALARM_MINUTES_MAX}`);
  return problems;
}

/** What raises an alarm by itself: a state of a run, a planned time, or a real-time job. */
export type AlarmedState = InstanceState | "missed" | "exception";

/** What the state of a run raises. A run that hangs in `suspended` has failed, as far as others are concerned. */
export function alarmKindOf(state: AlarmedState): AlarmKind | undefined {
  switch (state) {
    case "succeeded":
      return "success";
    case "failed":
    case "suspended":
    case "exception":
      return "failure";
    case "stopped":
      return "cancelled";
    case "missed":
      return "missed";
    default:
      return undefined;
  }
}

const WORDS: Readonly<Record<AlarmKind, string>> = {
  success: "succeeded",
  failure: "failed",
  cancelled: "was cancelled",
  unfinished: "is not finished in time",
  late: "is late",
  missed: "missed its time",
};

/** What is known of a run when it raises an alarm. */
interface AlarmedRun {
  readonly jobName: string;
  readonly instanceId: number | null;
  readonly plannedAt: Date;
}

/** So often at most is a real-time job told of that comes into exception again and again. */
const EXCEPTION_MS = 600_000;

/** What is the same for all that are told together. */
export function exceptionKey(jobId: number, now: Date): string {
  return `exception/${jobId}/${Math.floor(now.getTime() / EXCEPTION_MS)}`;
}

/** Of a real-time job, of which a node or a trigger has failed. */
export function exceptionMessage(run: AlarmedRun): string {
  const why = "A node waits to be begun again or is held, or a trigger is paused.";
  return `Job "${run.jobName}" is in exception: ${nameOf(run)}. ${why}`;
}

/** Of the end of a run: one sentence, and the reason where it failed. */
export function alarmMessage(
  run: AlarmedRun & { readonly state: AlarmedState; readonly errorMessage: string | null },
): string {
  const kind = alarmKindOf(run.state);
  const what =
    run.state === "suspended" ? "failed and is suspended" : kind === undefined ? run.state : WORDS[kind];
  const sentence = `Job "${run.jobName}" ${what}: ${nameOf(run)}.`;
  return run.errorMessage === null || kind !== "failure" ? sentence : `${sentence} ${run.errorMessage}`;
}

/** Of a run that has come to the time of a rule. */
export function timeAlarmMessage(kind: TimedKind, run: AlarmedRun, minutes: number): string {
  const what = kind === "late" ? "begun" : "ended";
  const time = minutes === 1 ? "a minute" : `${minutes} minutes`;
  return `Job "${run.jobName}" ${WORDS[kind]}: ${nameOf(run)}, has not ${what} after ${time}.`;
}

function nameOf({ instanceId, plannedAt }: AlarmedRun): string {
  return `run ${instanceId}, planned for ${plannedAt.toISOString()}`;
}

/** Of planned times that started no run, in their order. */
export function missedMessage(jobName: string, times: readonly Date[]): string {
  const [first, last] = [times[0]?.toISOString(), times.at(-1)?.toISOString()];
  return times.length === 1
    ? `Job "${jobName}" ${WORDS.missed}: nothing was started for ${first}.`
    : `Job "${jobName}" missed ${times.length} times: nothing was started from ${first} to ${last}.`;
}

export function alarmSubject(kind: AlarmKind, jobName: string): string {
  return `Job "${jobName}" ${WORDS[kind]}`;
}

/** So many alarms of one rule at once are told apart; more of them in one notice. */
export const ALARMS_APART = 10;
/** Sentences that such a notice has; it says how many more there are. */
const DIGEST_LINES = 50;

export function digestSubject(kind: AlarmKind, count: number, ruleName: string): string {
  return `${count} alarms of the rule "${ruleName}" (${kind})`;
}

export function digestMessage(messages: readonly string[]): string {
  const more = messages.length - DIGEST_LINES;
  const shown = messages.slice(0, DIGEST_LINES).map((message) => message.slice(0, 500));
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("\n");
}
