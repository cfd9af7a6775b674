/** The retention_policy table: what the installation and single projects have set. */
import type { RetentionChoice } from "../domain/retention.ts";
import { RETENTION_KINDS } from "../domain/retention.ts";
import { type Database, execute, query } from "./database.ts";

/** Whose choice; null is the installation's. */
export interface RetentionSetting {
  readonly projectId: string | null;
  readonly choice: RetentionChoice;
}

type Row = { readonly projectId: string | null } & Readonly<
  Record<(typeof RETENTION_KINDS)[number], number | null>
>;

/** A line for the installation and one for each project that there is, those that chose nothing included. */
export async function listRetentionSettings(db: Database): Promise<RetentionSetting[]> {
  const rows = await query<Row>(
    db,
    "list-retention-settings",
    `select w.project_id as "projectId", r.history, r.logs, r.ledger, r.acts
     from (select null::uuid as project_id union all select id from project) w
     left join retention_policy r on r.project_id is not distinct from w.project_id
     order by w.project_id nulls first`,
  );
  return rows.map(({ projectId, ...days }) => ({ projectId, choice: choiceOf(days) }));
}

/** Puts a choice in place of the former one; an empty one is the same as none. */
export async function putRetentionChoice(
  db: Database,
  projectId: string | null,
  { history, logs, ledger, acts }: RetentionChoice,
): Promise<void> {
  await execute(
    db,
    "put-retention-choice",
    `insert into retention_policy (project_id, history, logs, ledger, acts) values ($1, $2, $3, $4, $5)
     on conflict (project_id) do update set history = $2, logs = $3, ledger = $4, acts = $5`,
    [projectId, history, logs, ledger, acts],
  );
}

function choiceOf(days: Omit<Row, "projectId">): RetentionChoice {
  return Object.fromEntries(
    RETENTION_KINDS.flatMap((kind) => (days[kind] === null ? [] : [[kind, days[kind]]])),
  );
}
