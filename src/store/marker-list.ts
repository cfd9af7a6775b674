/** Lists that are walked by the id of a row already seen: one builder of their statements for every table. */
import { Fault } from "../domain/fault.ts";
import type { Markers } from "../domain/page.ts";
import { type Database, type DatabasePool, transaction } from "./database.ts";
import { hasCode } from "./file-system.ts";
import type { ListFilter, MarkerQuery, MarkerTable } from "./marker-table.ts";
import { isPattern, type NarrowedQuery, narrowByName, ownNamed, publicNamed } from "./name-search.ts";

/** A row's place in the order. */
interface Place {
  readonly sort_value: string;
  readonly id: string;
}

/** A part of a list; the last part says what stands around the whole. */
export interface MarkerBatch<Row> {
  readonly rows: readonly Row[];
  readonly markers?: Markers;
}

/** A list is read in batches of so many rows, so that none is held whole. */
export const BATCH_ROWS = 500;
const EXPRESSION_TIMEOUT_MS = 2_000;

/**
 * The rows after the marker, as many as the limit says, in batches; a page of up to `BATCH_ROWS` is one batch. `next` is
 * the last row where something follows it; `prev` is the marker of the page before, null on the first two pages. A
 * marker outside the filter has no neighbours (sahara-v1.1 2).
 * @throws Fault `request-invalid` for an expression that is wrong, or that takes too long.
 */
export async function* listMarkerBatches<Field extends string, Row extends Place>(
  pool: DatabasePool,
  table: MarkerTable<Field>,
  wanted: MarkerQuery<Field>,
  marker: MarkerPlace | undefined,
): AsyncGenerator<MarkerBatch<Row>, void, undefined> {
  const query = await narrowByName(pool, table, wanted);
  const limit = query.page.limit;
  const before =
    marker?.fits === true && limit !== undefined ? readPrev(pool, table, query, marker, limit) : null;
  let after: Place | undefined = marker;
  let left = limit ?? Number.POSITIVE_INFINITY;
  for (;;) {
    const most = Math.min(left, BATCH_ROWS);
    const reading = readRows<Field, Row>(pool, table, query, { after, limit: most + 1 });
    const [found, prev] = await Promise.all([reading, before]);
    const rows = found.slice(0, most);
    left -= rows.length;
    after = rows.at(-1);
    const follows = found.length > most;
    if (follows && left > 0) yield { rows };
    else {
      const next = follows && marker?.fits !== false ? (after?.id ?? null) : null;
      yield { rows, markers: { prev, next } };
      return;
    }
  }
}

export interface MarkerPlace extends Place {
  /** Whether the marker's own row passes the filters. */
  readonly fits: boolean;
}

/** Where the row `id` stands in the list; undefined when the caller cannot see such a row. */
export async function findMarker<Field extends string>(
  pool: DatabasePool,
  table: MarkerTable<Field>,
  query: MarkerQuery<Field>,
  id: string,
): Promise<MarkerPlace | undefined> {
  const { values, value } = collectValues();
  const sort = table.fields[query.sort.field].sql;
  const seen = `t.id = ${value(id)} and (t.project_id = ${value(query.projectId)} or t.is_public)`;
  const fits = ["true", ...conditionsOf(table, query.filters, value)].join(" and ");
  const text = `select t.id, (${sort})::text as sort_value, (${fits}) is true as fits from ${table.from} where ${seen}`;
  const rows = await run<MarkerPlace>(pool, query.filters, { text, values });
  return rows[0];
}

async function readRows<Field extends string, Row extends Place>(
  pool: DatabasePool,
  table: MarkerTable<Field>,
  query: NarrowedQuery<Field>,
  part: { readonly after: Place | undefined; readonly limit: number },
): Promise<Row[]> {
  const { values, value } = collectValues();
  const text = selectText(table, query, value, {
    columns: `${table.columns}, `,
    descending: query.sort.descending,
    beyond: part.after,
    limit: part.limit,
  });
  return await run<Row>(pool, query.filters, {
    text,
    values,
    ...(isPlain(query) && { name: statementName(table, query, part.after !== undefined) }),
  });
}

/** The id of the row `limit` places before the marker; null where there is none. */
async function readPrev<Field extends string>(
  pool: DatabasePool,
  table: MarkerTable<Field>,
  query: NarrowedQuery<Field>,
  marker: MarkerPlace,
  limit: number,
): Promise<string | null> {
  const { values, value } = collectValues();
  const inner = selectText(table, query, value, {
    columns: "",
    descending: !query.sort.descending,
    beyond: marker,
    limit,
  });
  const text = `select id from (${inner}) before offset ${value(limit - 1)} limit 1`;
  const rows = await run<{ readonly id: string }>(pool, query.filters, {
    text,
    values,
    ...(isPlain(query) && { name: `${statementName(table, query, true)}-prev` }),
  });
  return rows[0]?.id ?? null;
}

interface Selection {
  readonly columns: string;
  readonly descending: boolean;
  readonly beyond: Place | undefined;
  readonly limit: number;
}

/** Own rows and other projects' public rows, each from an index of its own, merged. */
function selectText<Field extends string>(
  table: MarkerTable<Field>,
  query: NarrowedQuery<Field>,
  value: (value: unknown) => string,
  { columns, descending, beyond, limit }: Selection,
): string {
  const sort = table.fields[query.sort.field];
  const project = value(query.projectId);
  const direction = descending ? "desc" : "asc";
  const most = value(limit);
  const conditions = conditionsOf(table, query.filters, value);
  if (beyond !== undefined) {
    const comparison = descending ? "<" : ">";
    const place = `(${value(beyond.sort_value)}::${sort.type}, ${value(beyond.id)}::uuid)`;
    conditions.push(`(${sort.sql}, t.id) ${comparison} ${place}`);
  }
  const branch = (owner: string, named: typeof ownNamed) =>
    `(select ${columns}t.id, (${sort.sql})::text as sort_value, ${sort.sql} as sort_key
      from ${fromText(table, query, value, named)}
      where ${[owner, ...conditions].join(" and ")}
      order by ${sort.sql} ${direction}, t.id ${direction} limit ${most})`;
  return `select * from (${branch(`t.project_id = ${project}`, ownNamed)}
    union all ${branch(`t.is_public and t.project_id <> ${project}`, publicNamed)}) seen
    order by sort_key ${direction}, id ${direction} limit ${most}`;
}

/** Few rows are found before they are sorted: `offset 0` keeps the planner from a walk through the whole list. */
function fromText<Field extends string>(
  { from }: MarkerTable<Field>,
  { namePart, projectId }: NarrowedQuery<Field>,
  value: (value: unknown) => string,
  named: typeof ownNamed,
): string {
  if (namePart === undefined) return from;
  return `(select t.* from ${from} where ${named(namePart, projectId, value)} offset 0) t`;
}

function conditionsOf<Field extends string>(
  table: MarkerTable<Field>,
  filters: readonly ListFilter<Field>[],
  value: (value: unknown) => string,
): string[] {
  return filters.map((filter) => {
    const { sql, type } = table.fields[filter.field];
    switch (filter.rule) {
      case "equals":
        return `${sql} = ${value(filter.value)}::${type}`;
      case "one-of":
        return `${sql} = any(${value(filter.values)}::${type}[])`;
      case "second":
        return `date_trunc('second', ${sql}) = ${value(filter.value)}::${type}`;
      case "matches":
        return isPattern(filter.expression)
          ? `${sql} ~ ${value(filter.expression)}`
          : `${sql} like ${value(`%${escapeLike(filter.expression)}%`)}`;
      default:
        return filter satisfies never;
    }
  });
}

/** A statement with an expression in it runs under a time limit of its own. */
async function run<Row extends object>(
  pool: DatabasePool,
  filters: readonly ListFilter<string>[],
  statement: { readonly name?: string; readonly text: string; readonly values: unknown[] },
): Promise<Row[]> {
  if (!filters.some(({ rule }) => rule === "matches")) return (await pool.query<Row>(statement)).rows;
  try {
    return await transaction(pool, async (db: Database) => {
      await db.query({
        name: "limit-expression-time",
        text: "select set_config('statement_timeout', $1, true)",
        values: [String(EXPRESSION_TIMEOUT_MS)],
      });
      return (await db.query<Row>(statement)).rows;
    });
  } catch (cause) {
    if (!hasCode(cause, ["2201B", "57014"])) throw cause;
    const reason = hasCode(cause, ["57014"]) ? "takes too long" : "is not a regular expression";
    throw new Fault("invalid", "request-invalid", `a filter's expression ${reason}`, { cause });
  }
}

/** Only statements without filters are named, and so kept parsed: the others differ too much. */
function isPlain({ filters, namePart }: NarrowedQuery<string>): boolean {
  return filters.length === 0 && namePart === undefined;
}

function statementName<Field extends string>(
  table: MarkerTable<Field>,
  query: MarkerQuery<Field>,
  after: boolean,
): string {
  const { field, descending } = query.sort;
  return `list-${table.name}-${field}-${descending ? "desc" : "asc"}${after ? "-after" : ""}`;
}

function collectValues(): { values: unknown[]; value: (value: unknown) => string } {
  const values: unknown[] = [];
  return { values, value: (value) => `$${values.push(value)}` };
}

function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}
