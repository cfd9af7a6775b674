/** Business calendars as the console's API writes them. */
import { type Static, Type } from "typebox";
import { invalid } from "../../domain/fault.ts";
import type { CalendarRule } from "../../domain/workday.ts";
import type { Calendar } from "../../store/calendars.ts";
import { checkSchema } from "../check-schema.ts";

const dates = Type.Array(Type.String());

const CalendarBody = Type.Object({
  name: Type.String(),
  /** Worked in general, from 1, Sunday, to 7; Monday to Friday where absent. */
  weekdays: Type.Optional(Type.Array(Type.Integer())),
  /** Dates as 2026-01-01 that are free whatever their weekday. */
  holidays: Type.Optional(dates),
  /** Dates that are worked whatever their weekday. */
  workdays: Type.Optional(dates),
});

const CalendarView = Type.Object({
  name: Type.String(),
  weekdays: Type.Array(Type.Integer()),
  holidays: dates,
  workdays: dates,
  updatedAt: Type.String({ format: "date-time" }),
  updatedBy: Type.String(),
});
export type CalendarView = Static<typeof CalendarView>;

const MONDAY_TO_FRIDAY = [2, 3, 4, 5, 6];

/** Raises `calendar-invalid`. */
export function decodeCalendar(body: unknown): CalendarRule & { readonly name: string } {
  const problems = checkSchema(CalendarBody, body);
  if (problems.length > 0) invalid("calendar-invalid", problems);
  const { name, weekdays, holidays, workdays } = body as Static<typeof CalendarBody>; // Just held against it.
  return {
    name,
    weekdays: weekdays ?? MONDAY_TO_FRIDAY,
    holidays: holidays ?? [],
    workdays: workdays ?? [],
  };
}

export function encodeCalendar({ name, weekdays, holidays, workdays, ...calendar }: Calendar): CalendarView {
  return {
    name,
    weekdays: [...weekdays],
    holidays: [...holidays],
    workdays: [...workdays],
    updatedAt: calendar.updatedAt.toISOString(),
    updatedBy: calendar.updatedBy,
  };
}
