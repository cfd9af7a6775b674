/** The calendar table: which days a workspace works on. */
import type { CalendarRule } from "../domain/workday.ts";
import { type Database, execute, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

export interface Calendar extends CalendarRule {
  readonly name: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

const COLUMNS = `name, weekdays, holidays::text[], workdays::text[], updated_at as "updatedAt", updated_by as "updatedBy"`;

export async function findCalendar(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<Calendar | undefined> {
  const rows = await query<Calendar>(
    db,
    "find-calendar",
    `select ${COLUMNS} from calendar where project_id = $1 and workspace_id = $2 and name = $3`,
    [projectId, workspaceId, name],
  );
  return rows[0];
}

/** All of a workspace, by name. */
export async function listCalendars(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
): Promise<Calendar[]> {
  return await query<Calendar>(
    db,
    "list-calendars",
    `select ${COLUMNS} from calendar where project_id = $1 and workspace_id = $2 order by name`,
    [projectId, workspaceId],
  );
}

/** Puts a calendar in place of the one that has its name, if any. */
export async function putCalendar(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  calendar: Calendar,
): Promise<void> {
  await execute(
    db,
    "put-calendar",
    `insert into calendar (project_id, workspace_id, name, weekdays, holidays, workdays, updated_at, updated_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (project_id, workspace_id, name) do update
     set weekdays = $4, holidays = $5, workdays = $6, updated_at = $7, updated_by = $8`,
    [
      projectId,
      workspaceId,
      calendar.name,
      calendar.weekdays,
      calendar.holidays,
      calendar.workdays,
      calendar.updatedAt,
      calendar.updatedBy,
    ],
  );
}

/** Whether there was one. */
export async function deleteCalendar(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<boolean> {
  const deleted = await execute(
    db,
    "delete-calendar",
    "delete from calendar where project_id = $1 and workspace_id = $2 and name = $3",
    [projectId, workspaceId, name],
  );
  return deleted > 0;
}

/** Names of jobs in operation whose schedules run on the calendar's workdays, a few of them. */
export async function listCalendarUsers(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  name: string,
): Promise<string[]> {
  const rows = await query<{ readonly name: string }>(
    db,
    "list-calendar-users",
    `select j.name from schedule s join job j on j.project_id = s.project_id and j.id = s.job_id
     where s.project_id = $1 and s.calendar = $3 and j.workspace_id = $2 order by j.name limit 5`,
    [projectId, workspaceId, name],
  );
  return rows.map((row) => row.name);
}
