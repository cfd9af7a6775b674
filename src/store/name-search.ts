/** The rows of a marker list whose name holds a text, found by the keys of the name's pieces (migrations/0002). */
import type { DatabasePool } from "./database.ts";
import type { MarkerQuery, MarkerTable } from "./marker-table.ts";
import { PIECE_LENGTH, piecesOf } from "./name-parts.ts";

/** Up to so many rows are looked up by key; a more frequent part is soon met on a walk through the list. */
const CANDIDATES_MAX = 2_000;
/** Characters that mean something in a regular expression. */
const SPECIAL = /[\\^$.|?*+()[\]{}]/;

/** A query whose filter on a part of the name is looked up by key. */
export interface NarrowedQuery<Field extends string> extends MarkerQuery<Field> {
  readonly namePart?: string;
}

/** Whether the expression of a filter is more than a part of the text. */
export function isPattern(expression: string): boolean {
  return SPECIAL.test(expression);
}

/** The query with its filter on a part of the name taken out, where few rows have it and the table's names have keys. */
export async function narrowByName<Field extends string>(
  pool: DatabasePool,
  table: MarkerTable<Field>,
  query: MarkerQuery<Field>,
): Promise<NarrowedQuery<Field>> {
  const filter = query.filters.find((each) => each.rule === "matches" && each.field === table.keyedName);
  if (filter?.rule !== "matches") return query;
  const namePart = filter.expression;
  if (namePart.length < PIECE_LENGTH || isPattern(namePart)) return query;
  if (!(await fewHave(pool, table, query.projectId, namePart))) return query;
  return { ...query, filters: query.filters.filter((each) => each !== filter), namePart };
}

/** What the project's rows of such a name fulfil; `value` gives a value its place in the statement. */
export function ownNamed(part: string, projectId: string, value: (value: unknown) => string): string {
  const keys = `list_keys(${value(projectId)}, '', ${value(piecesOf(part))})`;
  return `t.project_id = ${value(projectId)} and ${named(part, value)} and name_keys(t.project_id, '', t.name) @> ${keys}`;
}

/** As `ownNamed`, of the public rows of others, which are few. */
export function publicNamed(part: string, projectId: string, value: (value: unknown) => string): string {
  return `t.is_public and t.project_id <> ${value(projectId)} and ${named(part, value)}`;
}

function named(part: string, value: (value: unknown) => string): string {
  return `strpos(t.name, ${value(part)}) > 0`;
}

async function fewHave(
  pool: DatabasePool,
  { name, from }: Pick<MarkerTable<string>, "name" | "from">,
  projectId: string,
  part: string,
): Promise<boolean> {
  const values: unknown[] = [];
  const value = (each: unknown) => `$${values.push(each)}`;
  const some = (condition: string) =>
    `(select 1 from ${from} where ${condition} limit ${CANDIDATES_MAX + 1})`;
  const own = some(ownNamed(part, projectId, value));
  const shared = some(publicNamed(part, projectId, value));
  const text = `select count(*) as found from (${own} union all ${shared}) candidates`;
  const { rows } = await pool.query<{ readonly found: number }>({
    name: `count-named-${name}`,
    text,
    values,
  });
  return (rows[0]?.found ?? 0) <= CANDIDATES_MAX;
}
