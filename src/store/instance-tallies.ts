/** How many instances jobs have, and where a page of them lies, from counts by job, name and period (store/instance-counts.ts). */
import type { Instance } from "../domain/instance.ts";
import type { Page } from "../domain/page.ts";
import { type Database, query } from "./database.ts";
import {
  boundsOf,
  type CountedScope,
  ID_MAX,
  IN_LIST,
  placeOf,
  type Stretch,
  valuesOf,
} from "./instance-blocks.ts";
import { INSTANCE_COLUMNS } from "./instances.ts";
import { PIECE_LENGTH, piecesOf } from "./name-parts.ts";

/** One job's instances, or those that bear a name, whole or in part (letter case counts). */
export type JobChoice =
  | { readonly jobId: number }
  | { readonly name: { readonly text: string; readonly whole: boolean } };

/** Jobs whose instances are looked up job by job; of more, the list is walked. */
const JOBS_MAX = 500;
/** Ids of a period. */
const PERIOD = 2 ** 30;

export interface JobCounts {
  readonly total: number;
  /** Newest first: those that are not counted yet, then a period each. */
  readonly stretches: readonly Stretch[];
  /** Whose instances they are; undefined for more than 500. */
  readonly jobIds: readonly number[] | undefined;
}

/** The choice in words of the statements here, in which `$7` is the job or the name, and `$8` the pieces of a part. */
interface ChoiceText {
  readonly kind: string;
  /** About tallies `t`. */
  readonly tally: string;
  /** About instances `i`. */
  readonly instance: string;
  readonly values: readonly unknown[];
}

function textOf(choice: JobChoice): ChoiceText {
  if ("jobId" in choice)
    return {
      kind: "job",
      tally: "t.job_id = $7 and $8::text[] is not null",
      instance: "i.job_id = $7",
      values: [choice.jobId, []],
    };
  const { text, whole } = choice.name;
  const match = (column: string) => (whole ? `${column} = $7` : `strpos(${column}, $7) > 0`);
  const isShort = [...text].length < PIECE_LENGTH;
  const keys = "name_keys(t.project_id, t.workspace_id, t.job_name) @> list_keys($1, $2, $8::text[])";
  return {
    kind: `${whole ? "name" : "part"}${isShort ? "-short" : ""}`,
    tally: `${match("t.job_name")} and ${isShort ? "$8::text[] is not null" : keys}`,
    instance: match("i.job_name"),
    values: [text, piecesOf(text)],
  };
}

/** What the choice has in a period. */
interface PeriodCount {
  readonly k: number;
  /** All of whose instances of that period are in the range. */
  readonly sure: number;
  /** Of whose instances of that period some may be in the range. */
  readonly doubtful: number;
}

/**
 * What is in doubt is counted through the jobs; through the range where that has fewer instances, which `countRange`
 * tells.
 */
export async function countInstancesOfJobs(
  db: Database,
  scope: CountedScope,
  choice: JobChoice,
  countRange: () => Promise<number>,
): Promise<JobCounts> {
  const text = textOf(choice);
  const { through, periods, ...known } = await readTallies(db, scope, text);
  const fresh = await countFresh(db, scope, text, through);
  const doubtful = periods.filter((period) => period.doubtful > 0);
  const inDoubt = doubtful.reduce((sum, period) => sum + period.doubtful, 0);
  const byJob = "jobId" in choice || inDoubt === 0 || inDoubt <= (await countRange());
  const found = new Map<number, number>();
  for (const { k } of doubtful) found.set(k, await countDoubtful(db, scope, text, { k, through, byJob }));
  const stretches = [
    { low: through + 1, high: ID_MAX, rows: fresh.rows },
    ...periods.map(({ k, sure }) => ({
      low: k * PERIOD,
      high: Math.min(through, (k + 1) * PERIOD - 1),
      rows: sure + (found.get(k) ?? 0),
    })),
  ];
  const total = stretches.reduce((sum, { rows }) => sum + rows, 0);
  const jobIds = known.jobIds && [...new Set([...known.jobIds, ...fresh.jobIds])];
  return { total, stretches, jobIds: jobIds && jobIds.length <= JOBS_MAX ? jobIds : undefined };
}

interface KnownTallies {
  /** The last id that is counted. */
  readonly through: number;
  /** Newest first. */
  readonly periods: readonly PeriodCount[];
  readonly jobIds: readonly number[] | undefined;
}

async function readTallies(db: Database, scope: CountedScope, text: ChoiceText): Promise<KnownTallies> {
  const rows = await query<
    { readonly through: number; readonly jobIds: readonly number[] | null } & (
      | PeriodCount
      | { readonly k: null }
    )
  >(
    db,
    `read-instance-tallies-${text.kind}`,
    `with chosen as materialized (${talliesOf(text)}),
     gone as (
       select t.k, d.rows from chosen t join instance_count_delta d
         on d.job_id = t.job_id and d.block >> 20 = t.k and d.job_name = t.job_name and d.origin = t.origin
       where t.whole and d.project_id = $1 and d.workspace_id = $2
     ),
     summed as (
       select k, coalesce(sum(rows) filter (where whole), 0)::bigint as sure,
         coalesce(sum(rows) filter (where not whole), 0)::bigint as doubtful
       from (select k, rows::bigint as rows, whole from chosen union all select k, rows, true from gone) s group by 1
     ),
     jobs as (select distinct job_id from chosen limit ${JOBS_MAX + 1})
     select c.through, s.k, s.sure, s.doubtful, (
         select case when count(*) <= ${JOBS_MAX} then coalesce(array_agg(job_id), '{}') end from jobs
       ) as "jobIds"
     from instance_counted c left join summed s on true order by s.k desc`,
    [...valuesOf(scope), ...text.values],
  );
  return {
    through: rows[0]?.through ?? 0,
    periods: rows.flatMap((row) => (row.k === null ? [] : [row])),
    jobIds: rows[0]?.jobIds ?? undefined,
  };
}

/** Tallies in which rows of the list may be; of a `whole` one all are. */
function talliesOf({ tally }: ChoiceText): string {
  return `select t.k, t.job_id, t.job_name, t.origin, t.rows, t.planned_from >= $3 and t.planned_to <= $4 as whole
    from instance_tally t
    where t.project_id = $1 and t.workspace_id = $2 and t.k >= $6::bigint >> 30
      and t.planned_to >= $3 and t.planned_from <= $4 and ($5::text[] is null or t.origin = any ($5)) and ${tally}`;
}

/** Those that are not counted yet. */
async function countFresh(
  db: Database,
  scope: CountedScope,
  { kind, instance, values }: ChoiceText,
  through: number,
): Promise<{ readonly rows: number; readonly jobIds: readonly number[] }> {
  const rows = await query<{ readonly rows: number; readonly jobIds: readonly number[] }>(
    db,
    `count-fresh-instances-${kind}`,
    `select count(*) as rows, coalesce(array_agg(distinct i.job_id), '{}') as "jobIds" from instance i
     where i.id > $9 and ${instance} and $8::text[] is not null and ${IN_LIST}`,
    [...valuesOf(scope), ...values, through],
  );
  return rows[0] ?? { rows: 0, jobIds: [] };
}

async function countDoubtful(
  db: Database,
  scope: CountedScope,
  text: ChoiceText,
  { k, through, byJob }: { readonly k: number; readonly through: number; readonly byJob: boolean },
): Promise<number> {
  const chosen = `chosen as materialized (select * from (${talliesOf(text)}) t where not whole and k = $9)`;
  const within = `i.id >= $10 and i.id <= $11 and ${IN_LIST}`;
  const rows = await query<{ readonly rows: number }>(
    db,
    `count-doubtful-instances-${text.kind}-by-${byJob ? "job" : "range"}`,
    byJob
      ? `with ${chosen}
         select coalesce(sum(n.rows), 0)::bigint as rows from chosen t cross join lateral (
           select count(*) as rows from instance i
           where i.job_id = t.job_id and i.job_name = t.job_name and i.origin = t.origin and ${within}
         ) n`
      : `with ${chosen}
         select count(*) as rows from instance i
         where ${within} and ${text.instance}
           and (i.job_id, i.job_name, i.origin) in (select job_id, job_name, origin from chosen)`,
    [...valuesOf(scope), ...text.values, k, k * PERIOD, Math.min(through, (k + 1) * PERIOD - 1)],
  );
  return rows[0]?.rows ?? 0;
}

/** A page of them, newest first. */
export async function listInstancesOfJobs(
  db: Database,
  scope: CountedScope,
  choice: JobChoice,
  { stretches, jobIds, page }: Pick<JobCounts, "jobIds" | "stretches"> & { readonly page: Page },
): Promise<Instance[]> {
  const { kind, instance, values } = textOf(choice);
  const place = placeOf(stretches, page);
  const wanted = `i.id >= $9 and i.id <= $10 and ${instance} and $8::text[] is not null and ${IN_LIST}`;
  return await query<Instance>(
    db,
    `list-instances-of-${kind}-${jobIds === undefined ? "walk" : "jobs"}`,
    jobIds === undefined
      ? `select ${INSTANCE_COLUMNS} from instance i where ${wanted} order by i.id desc offset $11 limit $12`
      : `select ${INSTANCE_COLUMNS} from unnest($13::bigint[]) as g (job_id) cross join lateral (
           select i.* from instance i where i.job_id = g.job_id and ${wanted}
           order by i.id desc limit $11::integer + $12::integer
         ) i
         order by i.id desc offset $11 limit $12`,
    [
      ...valuesOf(scope),
      ...values,
      ...boundsOf(place),
      place.skip,
      page.limit,
      ...(jobIds === undefined ? [] : [jobIds]),
    ],
  );
}
