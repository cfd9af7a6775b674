/**
 * How many instances a workspace has, and where a page of them lies, from counts of runs of ids
 * (store/instance-counts.ts). Ids enter the statements as parameters, so that each is planned for the partitions alone
 * in which they lie: to plan for all takes ten times as long as to run.
 */
import type { Instance, InstanceOrigin } from "../domain/instance.ts";
import type { Page } from "../domain/page.ts";
import { type Database, query } from "./database.ts";
import { INSTANCE_COLUMNS } from "./instances.ts";

/** Those of jobs that are still there. */
export interface CountedScope {
  readonly projectId: string;
  readonly workspaceId: string;
  /** Both ends belong to the range. */
  readonly plannedFrom?: Date | undefined;
  readonly plannedTo?: Date | undefined;
  readonly origins?: readonly InstanceOrigin[] | undefined;
  /** None of them has a lower id. */
  readonly fromId: number;
}

/** Ids from `low` to `high`, of which `rows` belong to the list. */
export interface Stretch {
  readonly low: number;
  readonly high: number;
  readonly rows: number;
}

export const ID_MAX = Number.MAX_SAFE_INTEGER;

/** The first six parameters of all statements about a scope. */
export function valuesOf(scope: CountedScope): readonly unknown[] {
  const { projectId, workspaceId, plannedFrom, plannedTo, origins, fromId } = scope;
  return [
    projectId,
    workspaceId,
    plannedFrom ?? "-infinity",
    plannedTo ?? "infinity",
    origins ?? null,
    fromId,
  ];
}

/** Rows of the list among the instances `i`. */
export const IN_LIST = `i.project_id = $1 and i.workspace_id = $2 and i.planned_at >= $3 and i.planned_at <= $4
  and ($5::text[] is null or i.origin = any ($5)) and i.id >= $6
  and exists (select from job j where j.project_id = i.project_id and j.id = i.job_id)`;

/** Blocks of `level` in which rows of the list may lie; in a `whole` one all rows do, of whatever origin. */
function blocksOf(level: 1 | 2): string {
  return `select block, origin, rows, bool_and(planned_from >= $3 and planned_to <= $4) over (partition by block) as whole
    from instance_block b
    where project_id = $1 and workspace_id = $2 and level = ${level} and planned_to >= $3 and planned_from <= $4
      and ($5::text[] is null or origin = any ($5))`;
}

/** Rows that are gone from whole blocks of the level, which `blocks` are. */
function goneFrom(blocks: string, shift: number): string {
  return `select d.block, d.rows from ${blocks} g
    join instance_count_delta d on d.block >> ${shift} = g.block and d.origin = g.origin
    where g.whole and d.project_id = $1 and d.workspace_id = $2`;
}

export interface InstanceCounts {
  readonly total: number;
  /** Newest first: those that are not counted yet, then a million ids each. */
  readonly stretches: readonly Stretch[];
  /** Thousands of ids of which a part is in the range, with how much. */
  readonly parts: readonly Stretch[];
}

/** What is counted and up to which id is read at one moment; what lies above that id is counted a moment later. */
export async function countInstancesOf(db: Database, scope: CountedScope): Promise<InstanceCounts> {
  const { through, given, ...known } = await readBlocks(db, scope);
  const open = { low: through + 1, high: ID_MAX };
  const parts = known.parts.map((block) => ({
    low: block * 1024,
    high: Math.min(through, block * 1024 + 1023),
  }));
  const isMore = given > through;
  const counts = await countRanges(db, scope, isMore ? [open, ...parts] : parts);
  const [fresh = 0, ...found] = isMore ? counts : [0, ...counts];
  const counted = parts.map((part, n) => ({ ...part, rows: found[n] ?? 0 }));
  const rows = new Map(known.rows);
  for (const part of counted) {
    const block = Math.floor(part.low / 2 ** 20);
    rows.set(block, (rows.get(block) ?? 0) + part.rows);
  }
  const blocks = [...rows].toSorted(([one], [other]) => other - one);
  const stretches = [
    { ...open, rows: fresh },
    ...blocks.map(([block, each]) => ({
      low: block * 2 ** 20,
      high: Math.min(through, (block + 1) * 2 ** 20 - 1),
      rows: each,
    })),
  ];
  const total = stretches.reduce((sum, stretch) => sum + stretch.rows, 0);
  return { total, stretches, parts: counted };
}

interface KnownBlocks {
  /** The last id that is counted, and the last that any instance was given. */
  readonly through: number;
  readonly given: number;
  /** Of each million, those of whole blocks. */
  readonly rows: ReadonlyMap<number, number>;
  /** The thousands of which a part is in the range. */
  readonly parts: readonly number[];
}

async function readBlocks(db: Database, scope: CountedScope): Promise<KnownBlocks> {
  const rows = await query<{
    readonly through: number;
    readonly given: number;
    readonly block: number | null;
    readonly rows: number;
    readonly parts: readonly number[] | null;
  }>(
    db,
    "read-instance-blocks",
    `with large as materialized (${blocksOf(2)} and block >= $6::bigint >> 20),
     small as materialized (
       select b.* from (select distinct block from large where not whole) g cross join lateral (
         ${blocksOf(1)} and block >= g.block << 10 and block < (g.block + 1) << 10
       ) b
     ),
     pieces as (
       select block, rows::bigint as rows, null::bigint as part from large where whole
       union all select block >> 10, rows, null from (${goneFrom("large", 10)}) g
       union all select block >> 10, rows, null from small where whole
       union all select block >> 10, rows, null from (${goneFrom("small", 0)}) g
       union all select distinct block >> 10, 0, block from small where not whole
     )
     select through, given, block, rows, parts
     from instance_counted cross join (select last_value as given from instance_id) ids left join (
       select block, sum(rows)::bigint as rows, array_agg(part) filter (where part is not null) as parts
       from pieces group by 1
     ) found on true`,
    valuesOf(scope),
  );
  return {
    through: rows[0]?.through ?? 0,
    given: rows[0]?.given ?? 0,
    rows: new Map(rows.flatMap(({ block, rows: sum }) => (block === null ? [] : [[block, sum] as const]))),
    parts: rows.flatMap(({ parts }) => parts ?? []),
  };
}

/** How many rows of the list each range of ids has. */
async function countRanges(
  db: Database,
  scope: CountedScope,
  ranges: readonly Omit<Stretch, "rows">[],
): Promise<number[]> {
  if (ranges.length === 0) return [];
  const lows = ranges.map(({ low }) => low);
  const highs = ranges.map(({ high }) => high);
  const rows = await query<{ readonly rows: number }>(
    db,
    "count-instances-in-ranges",
    `select n.rows from unnest($7::bigint[], $8::bigint[]) with ordinality as r (low, high, place)
     cross join lateral (
       select count(*) as rows from instance i
       where i.id >= r.low and i.id <= r.high and i.id >= $9 and i.id <= $10 and ${IN_LIST}
     ) n
     order by r.place`,
    [...valuesOf(scope), lows, highs, Math.min(...lows), Math.max(...highs)],
  );
  return rows.map((row) => row.rows);
}

/** Stretches of ids that hold a page, newest first, and how many rows of the first ones go before it. */
export interface PagePlace {
  readonly stretches: readonly Stretch[];
  readonly skip: number;
}

/** Those of the stretches in which the page lies. */
export function placeOf(stretches: readonly Stretch[], { offset, limit }: Page): PagePlace {
  let before = 0;
  let skip = 0;
  const held: Stretch[] = [];
  for (const stretch of stretches) {
    if (before >= offset + limit) break;
    if (before + stretch.rows > offset && stretch.rows > 0) {
      if (held.length === 0) skip = offset - before;
      held.push(stretch);
    }
    before += stretch.rows;
  }
  return { stretches: held, skip };
}

/** As `placeOf`, to a thousand ids. */
export async function findPlace(
  db: Database,
  scope: CountedScope,
  counts: InstanceCounts,
  page: Page,
): Promise<PagePlace> {
  const rough = placeOf(counts.stretches, page);
  const fine: Stretch[] = [];
  let left = rough.skip + page.limit;
  for (const stretch of rough.stretches) {
    if (stretch.high === ID_MAX) fine.push(stretch);
    else fine.push(...(await readWithin(db, scope, { stretch, parts: counts.parts, rowsMax: left })));
    left -= stretch.rows;
  }
  return placeOf(fine, { offset: rough.skip, limit: page.limit });
}

/** The thousands of one million of ids, as many as hold its first `rowsMax` rows. */
async function readWithin(
  db: Database,
  scope: CountedScope,
  {
    stretch: { low, high },
    parts,
    rowsMax,
  }: { readonly stretch: Stretch; readonly parts: readonly Stretch[]; readonly rowsMax: number },
): Promise<Stretch[]> {
  const within = parts.filter((part) => part.low >= low && part.low <= high);
  const rows = await query<{ readonly block: number; readonly rows: number }>(
    db,
    "read-instance-blocks-within",
    `with part as (select * from unnest($10::bigint[], $11::bigint[]) as p (block, rows)),
     small as materialized (${blocksOf(1)} and block >= $6::bigint >> 10 and block >= $7::bigint >> 10
       and block <= $8::bigint >> 10 and block not in (select block from part)),
     pieces as (
       select block, rows::bigint as rows from small where whole
       union all ${goneFrom("small", 0)}
       union all select block, rows from part
     ),
     summed as (select block, sum(rows)::bigint as rows from pieces group by 1),
     placed as (select block, rows, sum(rows) over (order by block desc) as through from summed)
     select block, rows from placed where through - rows < $9 and rows > 0 order by block desc`,
    [
      ...valuesOf(scope),
      low,
      high,
      rowsMax,
      within.map((part) => Math.floor(part.low / 1024)),
      within.map((part) => part.rows),
    ],
  );
  return rows.map((row) => ({
    low: row.block * 1024,
    high: Math.min(high, row.block * 1024 + 1023),
    rows: row.rows,
  }));
}

/** The bounds of all of a place's ids. */
export function boundsOf({ stretches }: PagePlace): readonly [low: number, high: number] {
  return [Math.min(...stretches.map(({ low }) => low)), Math.max(...stretches.map(({ high }) => high))];
}

/** The page that lies at `place`, newest first. */
export async function listInstancesAt(
  db: Database,
  scope: CountedScope,
  place: PagePlace,
  limit: number,
): Promise<Instance[]> {
  return await query<Instance>(
    db,
    "list-instances-at",
    `select ${INSTANCE_COLUMNS}
     from unnest($7::bigint[], $8::bigint[]) as s (low, high)
     cross join lateral (
       select i.* from instance i
       where i.id >= s.low and i.id <= s.high and i.id >= $9 and i.id <= $10 and ${IN_LIST}
       order by i.id desc limit $11::integer + $12::integer
     ) i
     order by i.id desc offset $11 limit $12`,
    [
      ...valuesOf(scope),
      place.stretches.map(({ low }) => low),
      place.stretches.map(({ high }) => high),
      ...boundsOf(place),
      place.skip,
      limit,
    ],
  );
}
