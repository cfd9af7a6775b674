/** The list of jobs at any size: pages from keysets and block counts, name parts and tags from hashed keys. */
import type { Instance, InstanceOrigin } from "../domain/instance.ts";
import type { Job, JobKind } from "../domain/job.ts";
import type { Page } from "../domain/page.ts";
import type { InstanceState } from "../domain/states.ts";
import { type Database, query } from "./database.ts";
import { findFilteredJobs, type JobFilter, kindsOf } from "./job-filters.ts";
import { JOB_COLUMNS, type JobRow, jobFromRow } from "./jobs.ts";
import { countListed, findListPlace } from "./list-blocks.ts";
import { PIECE_LENGTH, piecesOf } from "./name-parts.ts";
import type { WorkspaceKey } from "./workspaces.ts";

/** A job as lists show it, with its latest run. */
export interface JobListing extends Job {
  /** The list goes on saying `scheduling` until then (dataarts-factory 4.5). */
  readonly schedulingShownUntil: Date | null;
  /** As its definition has it. */
  readonly singleNodeType: string | null;
  readonly dryRun: boolean;
  /** Of a schedule in operation. */
  readonly nextPlannedAt: Date | null;
  readonly lastInstance: Pick<
    Instance,
    "origin" | "state" | "plannedAt" | "startedAt" | "endedAt" | "ignoreSuccess"
  > | null;
}

/** Up to so many candidates are read by key and counted one by one; a more frequent part is counted by a scan. */
const CANDIDATES_MAX = 2000;

/** One page of a workspace's jobs, newest first (create time, that is id), and how many there are in all. */
export async function listJobs(
  db: Database,
  workspace: WorkspaceKey,
  filter: JobFilter,
  page: Page,
): Promise<{ jobs: JobListing[]; total: number }> {
  const { kind, nameContains = "", ...others } = filter;
  if (Object.keys(others).length > 0) {
    const { ids, total } = await findFilteredJobs(db, workspace, filter, page);
    return { jobs: await readIds(db, workspace, ids), total };
  }
  const kinds = kindsOf(kind);
  if (nameContains !== "") return await listByNamePart(db, workspace, { kinds, nameContains }, page);
  return await listAll(db, workspace, kinds, page);
}

async function listAll(db: Database, workspace: WorkspaceKey, kinds: readonly JobKind[], page: Page) {
  const { projectId, workspaceId } = workspace;
  const list = { projectId, list: "job", scopes: kinds.map((kind) => `${workspaceId}/${kind}`) } as const;
  if (page.offset === 0) {
    const [total, jobs] = await Promise.all([
      countListed(db, list),
      readNewest(db, workspace, kinds, page.limit),
    ]);
    return { jobs, total };
  }
  const [total, place] = await Promise.all([countListed(db, list), findListPlace(db, list, page.offset)]);
  if (place === undefined) return { jobs: [], total };
  return { jobs: await readFrom(db, workspace, kinds, { ...place, limit: page.limit }), total };
}

interface NamePart {
  readonly kinds: readonly JobKind[];
  readonly nameContains: string;
}

/** At most 2,000 candidates of a kind by key; beyond, one scan of the narrow index counts, and the page is walked. */
async function listByNamePart(db: Database, workspace: WorkspaceKey, part: NamePart, page: Page) {
  const { kinds, nameContains } = part;
  if (nameContains.length >= PIECE_LENGTH) {
    const found = await Promise.all(kinds.map((kind) => findByNamePart(db, workspace, kind, nameContains)));
    if (found.every((ids) => ids.length <= CANDIDATES_MAX)) {
      const ids = found.flat().sort((a, b) => b - a);
      return { jobs: await readIds(db, workspace, pageOf(ids, page)), total: ids.length };
    }
  }
  const [jobs, ...totals] = await Promise.all([
    walkByNamePart(db, workspace, part, page),
    ...kinds.map((kind) => countByNamePart(db, workspace, kind, nameContains)),
  ]);
  return { jobs, total: totals.reduce((sum, total) => sum + total, 0) };
}

/** The ids of the matches, in no order; of more than 2,000 only the first found, one more than that. */
async function findByNamePart(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  kind: JobKind,
  part: string,
) {
  const rows = await query<{ id: number }>(
    db,
    "find-jobs-by-name-part",
    `select id from job
     where project_id = $1 and workspace_id = $2 and kind = $3
       and name_keys(project_id, workspace_id || '/' || kind, name) @> list_keys($1, $2 || '/' || $3, $5)
       and strpos(name, $4) > 0
     limit ${CANDIDATES_MAX + 1}`,
    [projectId, workspaceId, kind, part, piecesOf(part)],
  );
  return rows.map(({ id }) => id);
}

async function countByNamePart(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  kind: JobKind,
  part: string,
) {
  const rows = await query<{ total: number }>(
    db,
    "count-jobs-by-name-part",
    `select count(*) as total from job
     where project_id = $1 and workspace_id = $2 and kind = $3 and strpos(name, $4) > 0`,
    [projectId, workspaceId, kind, part],
  );
  return rows[0]?.total ?? 0;
}

const LISTING_COLUMNS = `${JOB_COLUMNS}, j.scheduling_shown_until, j.single_node_type, j.dry_run,
  case when s.paused_by is null then s.next_at end as next_at`;
const LISTING_JOINS = "left join schedule s on s.project_id = j.project_id and s.job_id = j.id";
const LAST_INSTANCE_COLUMNS = `i.origin as last_origin, i.state as last_state, i.planned_at as last_planned_at,
  i.started_at as last_started_at, i.ended_at as last_ended_at, i.ignore_success as last_ignore_success`;

/** Joins the latest instance of job `j`, found through `instance_of_job`. */
function joinLastInstance(idMin: "0" | "history_floor()"): string {
  return `left join lateral (
    select origin, state, planned_at, started_at, ended_at, ignore_success from instance
    where project_id = j.project_id and job_id = j.id and id >= ${idMin} order by id desc limit 1
  ) i on true`;
}

/** The first so many rows of each kind's walk, newest first: the index that is walked has a division for each. */
function walkOfKinds(condition: string, limit: string): string {
  return `select w.id from unnest($3::text[]) k (kind) cross join lateral (
    select id from job
    where project_id = $1 and workspace_id = $2 and kind = k.kind and ${condition}
    order by id desc limit ${limit}
  ) w order by w.id desc`;
}

async function readNewest(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  kinds: readonly JobKind[],
  limit: number,
) {
  return await readJobs(db, "list-jobs-newest", `(${walkOfKinds("true", "$4")} limit $4)`, [
    projectId,
    workspaceId,
    kinds,
    limit,
  ]);
}

async function readFrom(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  kinds: readonly JobKind[],
  place: { readonly idMax: number; readonly skip: number; readonly limit: number },
) {
  return await readJobs(
    db,
    "list-jobs-from",
    `(${walkOfKinds("id <= $4", "$5::bigint + $6::bigint")} offset $5 limit $6)`,
    [projectId, workspaceId, kinds, place.idMax, place.skip, place.limit],
  );
}

async function walkByNamePart(
  db: Database,
  { projectId, workspaceId }: WorkspaceKey,
  { kinds, nameContains }: NamePart,
  page: Page,
) {
  return await readJobs(
    db,
    "list-jobs-walk",
    `(${walkOfKinds("strpos(name, $4) > 0", "$5::bigint + $6::bigint")} offset $5 limit $6)`,
    [projectId, workspaceId, kinds, nameContains, page.offset, page.limit],
  );
}

async function readIds(
  db: Database,
  { projectId }: WorkspaceKey,
  ids: readonly number[],
): Promise<JobListing[]> {
  if (ids.length === 0) return [];
  return await readJobs(db, "list-jobs-ids", "(select unnest($2::bigint[]) as id)", [projectId, ids]);
}

/** `ids` is a subquery that gives the page's ids; `$1` is the project. */
async function readJobs(
  db: Database,
  name: string,
  ids: string,
  values: readonly unknown[],
): Promise<JobListing[]> {
  // Closed periods are opened only for jobs without a run in those that are open: with many periods most of the
  // statement's time would go into opening them.
  const rows = await query<ListingRow>(
    db,
    name,
    `select ${LISTING_COLUMNS}, ${LAST_INSTANCE_COLUMNS}
     from ${ids} p join job j on j.project_id = $1 and j.id = p.id
     ${LISTING_JOINS} ${joinLastInstance("history_floor()")}
     order by j.id desc`,
    values,
  );
  const older = await listOlderRuns(db, rows);
  return rows.map((row) => listingFromRow({ ...row, ...older.get(row.id) }));
}

/** The latest runs of the jobs among these that show none, by the job's id. */
async function listOlderRuns(
  db: Database,
  rows: readonly ListingRow[],
): Promise<Map<number, LastInstanceRow>> {
  const without = rows.filter(({ last_state: state }) => state === null);
  if (without.length === 0) return new Map();
  const found = await query<LastInstanceRow & { readonly job_id: number }>(
    db,
    "list-last-instances",
    `select j.id as job_id, ${LAST_INSTANCE_COLUMNS}
     from unnest($1::uuid[], $2::bigint[]) as j (project_id, id) ${joinLastInstance("0")}
     where i.state is not null`,
    [without.map(({ project_id: projectId }) => projectId), without.map(({ id }) => id)],
  );
  return new Map(found.map(({ job_id: jobId, ...run }) => [jobId, run]));
}

interface ListingRow extends JobRow, LastInstanceRow {
  readonly scheduling_shown_until: Date | null;
  readonly single_node_type: string | null;
  readonly dry_run: boolean;
  readonly next_at: Date | null;
}

/** Without a run all members are null. */
interface LastInstanceRow {
  readonly last_origin: InstanceOrigin;
  readonly last_state: InstanceState | null;
  readonly last_planned_at: Date;
  readonly last_started_at: Date | null;
  readonly last_ended_at: Date | null;
  readonly last_ignore_success: boolean;
}

function listingFromRow(row: ListingRow): JobListing {
  const { last_state: state } = row;
  return {
    ...jobFromRow(row),
    schedulingShownUntil: row.scheduling_shown_until,
    singleNodeType: row.single_node_type,
    dryRun: row.dry_run,
    nextPlannedAt: row.next_at,
    lastInstance:
      state === null
        ? null
        : {
            state,
            origin: row.last_origin,
            plannedAt: row.last_planned_at,
            startedAt: row.last_started_at,
            endedAt: row.last_ended_at,
            ignoreSuccess: row.last_ignore_success,
          },
  };
}

function pageOf(ids: readonly number[], { offset, limit }: Page): readonly number[] {
  return ids.slice(offset, offset + limit);
}
