/** The system_task and system_subtask tables: tasks, the claim under which one is carried out, and their lines. */
import type { StoredImport } from "../domain/package.ts";
import { TASK_MESSAGE_MAX, type Task, type TaskEnd, type TaskLine } from "../domain/task.ts";
import { type Database, execute, query } from "./database.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** What a task is for. */
export type TaskKind = "import-jobs" | "import-connections";

export interface NewTask {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly id: string;
  readonly kind: TaskKind;
  readonly name: string;
  readonly request: StoredImport;
  /** What of the request is secret; gone when the task has ended. */
  readonly secretsSealed: Buffer | null;
  readonly by: string;
  readonly at: Date;
}

/** Adds a task that waits to be carried out; false where the project has `openMax` of them under way. */
export async function insertTask(db: Database, task: NewTask, openMax: number): Promise<boolean> {
  const inserted = await execute(
    db,
    "insert-system-task",
    `insert into system_task (project_id, id, workspace_id, kind, name, request, secrets_sealed, created_at,
                              created_by, updated_at)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $8
     where (select count(*) from system_task where project_id = $1 and state = 'running') < $10`,
    [
      task.projectId,
      task.id,
      task.workspaceId,
      task.kind,
      task.name,
      JSON.stringify(task.request),
      task.secretsSealed,
      task.at,
      task.by,
      openMax,
    ],
  );
  return inserted === 1;
}

const TASK_COLUMNS = `project_id as "projectId", workspace_id as "workspaceId", id, name, state, message,
  created_at as "createdAt", created_by as "createdBy", updated_at as "updatedAt", ended_at as "endedAt"`;

/** The workspace's task of that id. */
export async function findTask(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  id: string,
): Promise<Task | undefined> {
  const rows = await query<Task>(
    db,
    "find-system-task",
    `select ${TASK_COLUMNS} from system_task where project_id = $1 and workspace_id = $2 and id = $3`,
    [projectId, workspaceId, id],
  );
  return rows[0];
}

/** In the order in which they are written. */
export async function listTaskLines(
  db: Database,
  { projectId, id }: { readonly projectId: string; readonly id: string },
): Promise<TaskLine[]> {
  return await query<TaskLine>(
    db,
    "list-system-subtasks",
    `select no, id, kind, name, state, message, updated_at as "updatedAt" from system_subtask
     where project_id = $1 and task_id = $2 order by no`,
    [projectId, id],
  );
}

/** A task that this claim, and no other, carries out. */
export interface ClaimedTask {
  readonly projectId: string;
  readonly workspaceId: string;
  readonly id: string;
  readonly kind: TaskKind;
  readonly request: StoredImport;
  readonly secretsSealed: Buffer | null;
  readonly createdBy: string;
  readonly fence: number;
  /** 1 for the first claim of it that came to an end of its own or was lost. */
  readonly tries: number;
}

/** Takes the oldest task that nobody carries out, for `leaseMs` from now by the database's clock. */
export async function claimTask(
  db: Database,
  { fence, leaseMs }: { readonly fence: number; readonly leaseMs: number },
): Promise<ClaimedTask | undefined> {
  const rows = await query<ClaimedTask>(
    db,
    "claim-system-task",
    `update system_task t
     set fence = $1, lease_until = clock_timestamp() + $2 * interval '1 millisecond', tries = tries + 1
     from (
       select project_id, id from system_task
       where state = 'running' and (lease_until is null or lease_until < clock_timestamp())
       order by created_at, id limit 1 for update skip locked
     ) free
     where t.project_id = free.project_id and t.id = free.id
     returning t.project_id as "projectId", t.workspace_id as "workspaceId", t.id, t.kind, t.request,
       t.secrets_sealed as "secretsSealed", t.created_by as "createdBy", t.fence, t.tries`,
    [fence, leaseMs],
  );
  return rows[0];
}

/** By what a claim is known. */
export type TaskClaim = Pick<ClaimedTask, "projectId" | "id" | "fence">;

/** Holds the claim for `leaseMs` more; false where it is lost. */
export async function renewTask(
  db: Database,
  { projectId, id, fence }: TaskClaim,
  leaseMs: number,
): Promise<boolean> {
  const renewed = await execute(
    db,
    "renew-system-task",
    `update system_task set lease_until = clock_timestamp() + $4 * interval '1 millisecond'
     where project_id = $1 and id = $2 and fence = $3 and state = 'running'`,
    [projectId, id, fence, leaseMs],
  );
  return renewed === 1;
}

/** Gives the task back, as if it had not been claimed. */
export async function releaseTask(db: Database, { projectId, id, fence }: TaskClaim): Promise<void> {
  await execute(
    db,
    "release-system-task",
    `update system_task set fence = null, lease_until = null, tries = tries - 1
     where project_id = $1 and id = $2 and fence = $3 and state = 'running'`,
    [projectId, id, fence],
  );
}

/** Writes what the task is about to do, all of it; false where the claim is lost. */
export async function insertTaskLines(
  db: Database,
  { projectId, id, fence }: TaskClaim,
  lines: readonly Pick<TaskLine, "kind" | "name">[],
  at: Date,
): Promise<boolean> {
  const written = await execute(
    db,
    "insert-system-subtasks",
    `insert into system_subtask (project_id, task_id, no, kind, name, updated_at)
     select $1, $2, line.no - 1, line.kind, line.name, $6
     from unnest($4::text[], $5::text[]) with ordinality line (kind, name, no)
     where exists (select from system_task where project_id = $1 and id = $2 and fence = $3 and state = 'running')`,
    [projectId, id, fence, lines.map(({ kind }) => kind), lines.map(({ name }) => name), at],
  );
  return written === lines.length;
}

/** In the transaction of what the lines stand for: it is done, or cannot be; false where the claim is lost. */
export async function endTaskLines(
  db: Database,
  { projectId, id, fence }: TaskClaim,
  lines: readonly Pick<TaskLine, "no" | "state" | "message">[],
  at: Date,
): Promise<boolean> {
  const ended = await execute(
    db,
    "end-system-subtasks",
    `with held as (
       update system_task set updated_at = $4
       where project_id = $1 and id = $2 and fence = $3 and state = 'running' returning id
     )
     update system_subtask s set state = line.state, message = line.message, updated_at = $4
     from held, unnest($5::integer[], $6::text[], $7::text[]) line (no, state, message)
     where s.project_id = $1 and s.task_id = held.id and s.no = line.no`,
    [
      projectId,
      id,
      fence,
      at,
      lines.map(({ no }) => no),
      lines.map(({ state }) => state),
      lines.map(({ message }) => shorten(message)),
    ],
  );
  return ended === lines.length;
}

/** False where the claim is lost. */
export async function endTask(
  db: Database,
  { projectId, id, fence }: TaskClaim,
  { state, message, at }: TaskEnd & { readonly at: Date },
): Promise<boolean> {
  const ended = await execute(
    db,
    "end-system-task",
    `update system_task
     set state = $4, message = $5, updated_at = $6, ended_at = $6, fence = null, lease_until = null,
       secrets_sealed = null
     where project_id = $1 and id = $2 and fence = $3 and state = 'running'`,
    [projectId, id, fence, state, shorten(message), at],
  );
  return ended === 1;
}

/** Removes at most `limit` tasks that ended before `before`, with their lines. */
export async function deleteOldTasks(db: Database, before: Date, limit: number): Promise<void> {
  await execute(
    db,
    "delete-old-system-tasks",
    `delete from system_task t using (
       select project_id, id from system_task where ended_at < $1 limit $2 for update skip locked
     ) old
     where t.project_id = old.project_id and t.id = old.id`,
    [before, limit],
  );
}

function shorten(message: string | null): string | null {
  if (message === null || message.length <= TASK_MESSAGE_MAX) return message;
  return `${message.slice(0, TASK_MESSAGE_MAX - 1).toWellFormed()}…`;
}
