/** Job alarms: which ends of runs are told to whom, and in which words. */
import type { InstanceState } from "./states.ts";

export const ALARM_KINDS = ["success", "failure", "cancelled"] as const;
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
  readonly scope: RuleScope;
  /** Name of the topic that is told. */
  readonly topic: string;
}

/** Of a workspace. */
export const ALARM_RULES_MAX = 1_000;
const RULE_NAME_MAX = 128;

/** Everything that is wrong with a rule, but for what it names; empty when it may be saved. */
export function checkAlarmRule({ name, scope }: AlarmRule): string[] {
  const problems: string[] = [];
  if (name.trim() === "" || name.length > RULE_NAME_MAX)
    problems.push(`name: must have 1 to ${RULE_NAME_MAX} characters`);
  if (scope.type === "directory" && !/^\/$|^(\/[^/]+)+$/.test(scope.directory))
    problems.push("directory: must begin with a slash and end without one");
  return problems;
}

/** What the state of a run raises. A run that hangs in `suspended` has failed, as far as others are concerned. */
export function alarmKindOf(state: InstanceState): AlarmKind | undefined {
  switch (state) {
    case "succeeded":
      return "success";
    case "failed":
    case "suspended":
      return "failure";
    case "stopped":
      return "cancelled";
    default:
      return undefined;
  }
}

const WORDS: Readonly<Record<AlarmKind, string>> = {
  success: "succeeded",
  failure: "failed",
  cancelled: "was cancelled",
};

/** What is known of a run when it raises an alarm. */
export interface AlarmedRun {
  readonly jobName: string;
  readonly instanceId: number;
  readonly plannedAt: Date;
  readonly state: InstanceState;
  readonly errorMessage: string | null;
}

/** One sentence, and the reason where there is one. */
export function alarmMessage(kind: AlarmKind, run: AlarmedRun): string {
  const what = run.state === "suspended" ? "failed and is suspended" : WORDS[kind];
  const sentence = `Job "${run.jobName}" ${what}: run ${run.instanceId}, planned for ${run.plannedAt.toISOString()}.`;
  return run.errorMessage === null || kind !== "failure" ? sentence : `${sentence} ${run.errorMessage}`;
}

export function alarmSubject(kind: AlarmKind, jobName: string): string {
  return `Job "${jobName}" ${WORDS[kind]}`;
}
