/** `azalai calendars`: which days a workspace works on. */
import type { Command } from "commander";
import type { CalendarView } from "../api/console/calendar-wire.ts";
import { connectFor, part, readJson, wantsJson } from "./commands.ts";
import { formatFacts, formatTable, printResult } from "./terminal.ts";

export function addCalendarsCommands(program: Command): void {
  const calendars = program.command("calendars").description("business calendars: list, show, save, delete");
  calendars.command("list").description("the workspace's calendars").action(listCalendars);
  calendars.command("show").argument("<name>").description("a calendar's days").action(showCalendar);
  calendars
    .command("save")
    .argument("<file>", "JSON: name, weekdays (1 is Sunday), holidays and workdays as dates")
    .description("saves a calendar")
    .action(saveCalendar);
  calendars.command("delete").argument("<name>").description("deletes a calendar").action(deleteCalendar);
}

async function listCalendars(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const answer = (await client.send("GET", "/api/calendars")) as { calendars: CalendarView[] };
  const table = () =>
    formatTable(
      ["CALENDAR", "WEEKDAYS", "HOLIDAYS", "WORKDAYS", "SAVED BY"],
      answer.calendars.map(({ name, weekdays, holidays, workdays, updatedBy }) => [
        name,
        namesOf(weekdays),
        holidays.length,
        workdays.length,
        updatedBy,
      ]),
    );
  printResult(wantsJson(command), answer, table);
}

async function showCalendar(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const calendar = (await client.send("GET", `/api/calendars/${part(name)}`)) as CalendarView;
  const facts = () =>
    formatFacts([
      ["calendar", calendar.name],
      ["weekdays", namesOf(calendar.weekdays)],
      ["holidays", calendar.holidays.join(" ")],
      ["workdays", calendar.workdays.join(" ")],
      ["saved by", calendar.updatedBy],
    ]);
  printResult(wantsJson(command), calendar, facts);
}

function namesOf(weekdays: readonly number[]): string {
  const names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
  return weekdays.map((day) => names[day - 1]).join(" ");
}

async function saveCalendar(file: string, _options: unknown, command: Command): Promise<void> {
  const body = await readJson(file);
  const client = await connectFor(command);
  await client.send("POST", "/api/calendars", { body });
  printResult(wantsJson(command), { saved: true }, () => "saved");
}

async function deleteCalendar(name: string, _options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  await client.send("DELETE", `/api/calendars/${part(name)}`);
  printResult(wantsJson(command), { name, deleted: true }, () => `${name} deleted`);
}
