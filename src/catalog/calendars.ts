/** Business calendars as people define them: saved, and deleted where nothing runs by them. */
import { Fault, invalid } from "../domain/fault.ts";
import { checkName } from "../domain/job.ts";
import type { Caller } from "../domain/user.ts";
import { type CalendarRule, calendarOf, checkCalendar, type WorkCalendar } from "../domain/workday.ts";
import { insertAct } from "../store/audit.ts";
import { deleteCalendar, findCalendar, listCalendarUsers, putCalendar } from "../store/calendars.ts";
import { type Database, transaction } from "../store/database.ts";
import { lockPlansOfCalendar } from "../store/planned-ahead.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { ensureWorkspace, type WorkspaceDeps } from "./workspaces.ts";

/**
 * Puts a calendar in place of the workspace's one of that name, if any; times that are planned from now on follow it.
 * Faults: `calendar-invalid` with every problem; those of `ensureWorkspace`.
 */
export async function saveCalendar(
  deps: WorkspaceDeps,
  caller: Caller,
  key: WorkspaceKey,
  { name, ...rule }: CalendarRule & { readonly name: string },
): Promise<void> {
  const nameProblem = checkName(name);
  const problems = [...(nameProblem === undefined ? [] : [nameProblem]), ...checkCalendar(rule)];
  if (problems.length > 0) invalid("calendar-invalid", problems);
  const now = deps.now();
  const { projectId, userName: by } = caller;
  await transaction(deps.pool, async (db) => {
    await ensureWorkspace(db, deps, key);
    await lockPlansOfCalendar(db, key, name, now);
    await putCalendar(db, key, { ...rule, name, updatedAt: now, updatedBy: by });
    await insertAct(db, { projectId, at: now, by, act: "save", object: { kind: "calendar", id: name } });
  });
}

/** A calendar as schedules and expressions ask it; undefined where there is none of that name. */
export async function loadCalendar(
  db: Database,
  key: WorkspaceKey,
  name: string,
): Promise<WorkCalendar | undefined> {
  const calendar = await findCalendar(db, key, name);
  return calendar && calendarOf(calendar);
}

/** Faults: `calendar-missing`; `object-in-use` while schedules in operation run by it. */
export async function removeCalendar(
  deps: WorkspaceDeps,
  { projectId, userName: by }: Caller,
  key: WorkspaceKey,
  name: string,
): Promise<void> {
  await transaction(deps.pool, async (db) => {
    const users = await listCalendarUsers(db, key, name);
    if (users.length > 0)
      throw new Fault("conflict", "object-in-use", `calendar "${name}" is used by ${users.join(", ")}`);
    if (!(await deleteCalendar(db, key, name))) throw calendarMissing(name);
    await insertAct(db, {
      projectId,
      at: deps.now(),
      by,
      act: "delete",
      object: { kind: "calendar", id: name },
    });
  });
}

export function calendarMissing(name: string): Fault {
  return new Fault("not-found", "calendar-missing", `there is no calendar "${name}"`);
}
