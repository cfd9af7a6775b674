/** `azalai alarms`: what was raised, and the rules that raise it. */
import type { Command } from "commander";
import type { AlarmRuleView } from "../api/console/alarm-rule-wire.ts";
import { connectFor, part, wantsJson, wholeNumber } from "./commands.ts";
import { moment } from "./instances.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

/** An entry of the Factory API's list, as far as it is printed. */
interface AlarmEntry {
  readonly alarm_time: number;
  readonly job_name: string;
  readonly send_msg: string;
  readonly remind_type: number;
  readonly send_status?: number;
}

/** What the numbers of `remind_type` mean (docs/notices.md). */
const KINDS: Readonly<Record<number, string>> = {
  0: "success",
  1: "failure",
  12: "unfinished",
  13: "cancelled",
  101: "late",
  102: "missed",
};

export function addAlarmsCommands(program: Command): void {
  const alarms = program
    .command("alarms")
    .description("what was raised: list; who is told: rules, save, delete");
  alarms
    .command("list")
    .description("the workspace's alarms of the last hour, newest first")
    .option("--since <time>", "raised at or after this, e.g. 2026-11-23T08:00Z", moment)
    .option("--until <time>", "raised at or before this", moment)
    .option("--limit <n>", "alarms of a page", wholeNumber(1), 20)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .action(listAlarms);
  alarms.command("rules").description("the workspace's alarm rules").action(listRules);
  alarms
    .command("save")
    .argument("<name>", "of the rule; one of that name is replaced")
    .requiredOption("--kind <kind>", "success, failure, cancelled, unfinished, late or missed")
    .requiredOption("--topic <name>", "the topic that is told")
    .option("--minutes <n>", "of unfinished and late: how long after the planned time", wholeNumber(1))
    .option("--job <name>", "about this job; without any of the three, about all of the workspace")
    .option("--directory <path>", "about the jobs in it, and in those below")
    .option("--owner <name>", "about the jobs of this owner")
    .description("saves an alarm rule (manager)")
    .action(saveRule);
  alarms
    .command("delete")
    .argument("<name>", "of the rule")
    .description("deletes an alarm rule; what it raised stays (manager)")
    .action(deleteRule);
}

interface ListOptions {
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
  readonly page: number;
}

async function listAlarms(options: ListOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const { since: start_time, until: end_time, limit, page: offset } = options;
  const answer = (await client.send("GET", `/v2/${client.projectId}/factory/alarm-info`, {
    query: { start_time, end_time, limit, offset },
  })) as { readonly total: number; readonly alarm_info: readonly AlarmEntry[] };
  printResult(wantsJson(command), answer, () => {
    const rows = answer.alarm_info.map((alarm) => [
      formatTime(alarm.alarm_time),
      KINDS[alarm.remind_type] ?? alarm.remind_type,
      alarm.job_name,
      alarm.send_status === undefined ? "" : alarm.send_status === 0 ? "sent" : "not sent",
      alarm.send_msg,
    ]);
    const table = formatTable(["RAISED (UTC)", "KIND", "JOB", "NOTICE", "MESSAGE"], rows);
    return `${table}\n${rows.length} of ${answer.total}`;
  });
}

async function listRules(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", "/api/alarm-rules")) as {
    readonly rules: readonly AlarmRuleView[];
  };
  printResult(wantsJson(command), answer, () =>
    formatTable(
      ["RULE", "KIND", "MINUTES", "ABOUT", "TOPIC", "SAVED (UTC)", "BY"],
      answer.rules.map((rule) => [
        rule.name,
        rule.kind,
        rule.minutes,
        aboutOf(rule),
        rule.topic,
        formatTime(rule.createdAt),
        rule.createdBy,
      ]),
    ),
  );
}

function aboutOf({ job, directory, owner }: AlarmRuleView): string {
  if (job !== undefined) return `job ${job}`;
  if (directory !== undefined) return `directory ${directory}`;
  return owner === undefined ? "all jobs" : `owner ${owner}`;
}

async function saveRule(name: string, options: Record<string, unknown>, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("POST", "/api/alarm-rules", { body: { name, ...options } });
  printResult(wantsJson(command), { name, ...options }, () => `${name} saved`);
}

async function deleteRule(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", `/api/alarm-rules/${part(name)}`);
  printResult(wantsJson(command), { name, deleted: true }, () => `${name} deleted`);
}
