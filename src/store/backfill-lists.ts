/** Lists of a workspace's backfills. */
import type { Backfill } from "../domain/backfill.ts";
import type { Page } from "../domain/page.ts";
import type { BackfillState } from "../domain/states.ts";
import { BACKFILL_COLUMNS, type BackfillRow, backfillFromRow } from "./backfills.ts";
import { type Database, query } from "./database.ts";

/** Which backfills of a workspace a list shows. */
export interface BackfillFilter {
  readonly workspaceId: string;
  /** A part of it; letter case counts. */
  readonly nameContains?: string;
  /** Its whole name, of any of its jobs. */
  readonly jobName?: string;
  readonly createdBy?: string;
  readonly states?: readonly BackfillState[];
  /** Made at or after, and at or before. */
  readonly createdFrom?: Date;
  readonly createdTo?: Date;
  readonly oldestFirst?: boolean;
}

/** A backfill with the names of its jobs. */
export interface BackfillListing extends Backfill {
  readonly jobNames: readonly string[];
}

/** By the time of making, newest first unless asked otherwise; `total` counts all that the filter lets through. */
export async function listBackfills(
  db: Database,
  projectId: string,
  filter: BackfillFilter,
  page: Page,
): Promise<{ readonly backfills: BackfillListing[]; readonly total: number }> {
  const values = [
    projectId,
    filter.workspaceId,
    filter.nameContains ?? null,
    filter.createdBy ?? null,
    filter.states ?? null,
    filter.createdFrom ?? null,
    filter.createdTo ?? null,
    filter.jobName ?? null,
  ];
  const where = `b.project_id = $1 and b.workspace_id = $2 and ($3::text is null or position($3 in b.name) > 0)
    and ($4::text is null or b.created_by = $4) and ($5::text[] is null or b.state = any ($5))
    and ($6::timestamptz is null or b.created_at >= $6) and ($7::timestamptz is null or b.created_at <= $7)
    and ($8::text is null or exists (
      select from backfill_job j where j.project_id = b.project_id and j.backfill_id = b.id and j.job_name = $8
    ))`;
  const [direction, name] = filter.oldestFirst === true ? ["asc", "oldest"] : ["desc", "newest"];
  const [counted, rows] = await Promise.all([
    query<{ readonly total: number }>(
      db,
      "count-backfills",
      `select count(*) as total from backfill b where ${where}`,
      values,
    ),
    query<BackfillRow & { readonly jobNames: readonly string[] }>(
      db,
      `list-backfills-${name}`,
      `select ${BACKFILL_COLUMNS}, (
         select array_agg(j.job_name order by j.place) from backfill_job j
         where j.project_id = b.project_id and j.backfill_id = b.id
       ) as "jobNames"
       from backfill b where ${where} order by b.id ${direction} limit $9 offset $10`,
      [...values, page.limit, page.offset],
    ),
  ]);
  const backfills = rows.map(({ jobNames, ...row }) => ({ ...backfillFromRow(row), jobNames }));
  return { backfills, total: counted[0]?.total ?? 0 };
}
