/** The query of every list: limit, marker, sort_by and filters, and the list itself, streamed when it is long. */
import { Readable } from "node:stream";
import { Fault, missing } from "../../domain/fault.ts";
import { EXECUTION_STATUS } from "../../domain/job-execution.ts";
import type { MarkerPage, Markers } from "../../domain/page.ts";
import { formatObjectId, parseObjectId } from "../../domain/shared-object.ts";
import type { DatabasePool } from "../../store/database.ts";
import { findMarker, listMarkerBatches, type MarkerBatch } from "../../store/marker-list.ts";
import type { ListFilter, MarkerQuery, MarkerTable } from "../../store/marker-table.ts";
import { type CallerRequest, firstOf, json, type Query, type Reply } from "../route.ts";
import type { ApiVersion } from "./api-version.ts";

/** How the text of a filter is read. */
export type FilterKind = "expression" | "text" | "flag" | "id" | "project" | "time" | "integer" | "status";

/** What a list calls its fields, and what rows of it become. */
export interface List<Field extends string, Row> {
  readonly key: string;
  readonly table: MarkerTable<Field>;
  readonly sorts: Readonly<Record<string, Field>>;
  readonly filters: Readonly<Record<string, { readonly field: Field; readonly kind: FilterKind }>>;
  readonly encode: (rows: readonly Row[], request: CallerRequest) => Promise<readonly object[]>;
  /** Whether a name that is no filter is refused as unknown, not as invalid. */
  readonly strict?: boolean;
}

/** A list in a version's words; the second version has only the filters `names`. */
export function listOf<Field extends string, Row>(
  version: ApiVersion,
  list: List<Field, Row>,
  names: readonly string[],
): List<Field, Row> {
  if (!version.strictQueries) return list;
  const filters = Object.entries(list.filters).filter(([name]) => names.includes(name));
  return {
    ...list,
    filters: Object.fromEntries(filters),
    encode: async (rows, request) =>
      (await list.encode(rows, request)).map((object) => version.encode({ ...object })),
    strict: true,
  };
}

/** The vendor's range. Source: mrs-v1.1 3. */
const LIMIT_MAX = 1_073_741_822;
const EXPRESSION_MAX = 255;
const PAGING = ["limit", "marker", "sort_by"];

/** Filters that every object has. */
export const COMMON_FILTERS = {
  id: { field: "id", kind: "id" },
  tenant_id: { field: "projectId", kind: "project" },
  project_id: { field: "projectId", kind: "project" },
  name: { field: "name", kind: "expression" },
  is_public: { field: "isPublic", kind: "flag" },
  is_protected: { field: "isProtected", kind: "flag" },
  created_at: { field: "createdAt", kind: "time" },
  updated_at: { field: "updatedAt", kind: "time" },
} as const;

/**
 * Answers a list. @throws Fault, in this order: `request-invalid` (404) for an unknown marker; `page-invalid` for a bad
 * limit or sort field; `request-invalid` for a filter. Source: sahara-v1.1 2, mrs-v1.1 3.
 */
export async function answerList<Field extends string, Row extends { id: string; sort_value: string }>(
  pool: DatabasePool,
  list: List<Field, Row>,
  request: CallerRequest,
): Promise<Reply> {
  const query = parseListQuery(list, request.query, request.caller.projectId);
  const text = firstOf(request.query, "marker");
  if ("fault" in query) {
    if (text !== undefined) await requireMarker(pool, list.table, anyQuery(list, request), text);
    throw query.fault;
  }
  const marker = text === undefined ? undefined : await requireMarker(pool, list.table, query, text);
  const batches = listMarkerBatches<Field, Row>(pool, list.table, query, marker);
  const first = await nextBatch(batches);
  const rows = await list.encode(first.rows, request);
  if (first.markers !== undefined)
    return json(200, { [list.key]: rows, markers: encodeMarkers(first.markers) });
  const parts = writeBatches(rows, batches, list, request);
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    stream: Readable.from(parts, { objectMode: false }),
  };
}

async function requireMarker<Field extends string>(
  pool: DatabasePool,
  table: MarkerTable<Field>,
  query: MarkerQuery<Field>,
  text: string,
) {
  const id = parseObjectId(text);
  const place = id === undefined ? undefined : await findMarker(pool, table, query, id);
  return place ?? missing("request-invalid", `marker: there is no object "${text}" here`);
}

/** The list in its plainest order, to look up a marker when the query is wrong. */
function anyQuery<Field extends string>(
  { sorts }: Pick<List<Field, unknown>, "sorts">,
  { caller }: CallerRequest,
): MarkerQuery<Field> {
  const field = sorts.id ?? missing("request-invalid", "every list is sorted by id");
  return { projectId: caller.projectId, sort: { field, descending: false }, filters: [], page: {} };
}

/** One JSON document, its rows first: what stands around them is known last. */
async function* writeBatches<Field extends string, Row>(
  firstRows: readonly unknown[],
  batches: AsyncGenerator<MarkerBatch<Row>, void, undefined>,
  list: List<Field, Row>,
  request: CallerRequest,
): AsyncGenerator<string> {
  yield `{${JSON.stringify(list.key)}:[${firstRows.map((row) => JSON.stringify(row)).join(",")}`;
  let markers: Markers = { prev: null, next: null };
  for await (const batch of batches) {
    markers = batch.markers ?? markers;
    const rows = await list.encode(batch.rows, request);
    yield rows.map((row) => `,${JSON.stringify(row)}`).join("");
  }
  yield `],"markers":${JSON.stringify(encodeMarkers(markers))}}`;
}

async function nextBatch<Row>(
  batches: AsyncGenerator<MarkerBatch<Row>, void, undefined>,
): Promise<MarkerBatch<Row>> {
  const { value } = await batches.next();
  return value ?? { rows: [], markers: { prev: null, next: null } };
}

function encodeMarkers({ prev, next }: Markers): Markers {
  return { prev: prev && formatObjectId(prev), next: next && formatObjectId(next) };
}

/** What the query asks, or the first thing that is wrong with it. */
function parseListQuery<Field extends string>(
  list: Pick<List<Field, unknown>, "sorts" | "filters" | "strict">,
  query: Query,
  projectId: string,
): MarkerQuery<Field> | { readonly fault: Fault } {
  const page = parseLimit(firstOf(query, "limit"));
  if (page === undefined) return { fault: badPage(`limit must be a number from 1 to ${LIMIT_MAX}`) };
  const sort = parseSort(list.sorts, firstOf(query, "sort_by"));
  if (sort === undefined)
    return { fault: badPage(`sort_by must be one of ${Object.keys(list.sorts).join(", ")}`) };
  const filters: ListFilter<Field>[] = [];
  for (const name of Object.keys(query).filter((key) => !PAGING.includes(key))) {
    const filter = Object.hasOwn(list.filters, name) ? list.filters[name] : undefined;
    if (filter === undefined) return { fault: unknownFilter(list, name) };
    const parsed = parseFilter(filter.field, filter.kind, firstOf(query, name) ?? "");
    if (typeof parsed === "string") return { fault: badFilter(`${name}: ${parsed}`) };
    filters.push(parsed);
  }
  return { projectId, sort, filters, page };
}

/** As Python's `int()` reads it: blanks around, a plus, leading zeros, underscores between digits. */
function parseLimit(text: string | undefined): MarkerPage | undefined {
  if (text === undefined) return {};
  if (!/^\s*\+?\d+(?:_\d+)*\s*$/.test(text)) return undefined;
  const limit = Number(text.replaceAll("_", ""));
  return limit >= 1 && limit <= LIMIT_MAX ? { limit } : undefined;
}

function parseSort<Field extends string>(
  sorts: Readonly<Record<string, Field>>,
  text = "id",
): { field: Field; descending: boolean } | undefined {
  const descending = text.startsWith("-");
  const name = descending ? text.slice(1) : text;
  const field = Object.hasOwn(sorts, name) ? sorts[name] : undefined;
  return field === undefined ? undefined : { field, descending };
}

/** A filter, or what is wrong with its text. */
function parseFilter<Field extends string>(
  field: Field,
  kind: FilterKind,
  text: string,
): ListFilter<Field> | string {
  switch (kind) {
    case "expression":
      return checkExpression(text) ?? { rule: "matches", field, expression: text };
    case "text":
      return { rule: "equals", field, value: text };
    case "id":
      return { rule: "one-of", field, values: [parseObjectId(text)].filter((id) => id !== undefined) };
    case "project":
      return { rule: "one-of", field, values: /^[0-9a-f-]{32,36}$/.test(text) ? parseProject(text) : [] };
    case "status":
      return { rule: "one-of", field, values: statesOf(text) };
    case "flag": {
      const flag = new Map([
        ["true", true],
        ["1", true],
        ["false", false],
        ["0", false],
      ]).get(text.toLowerCase());
      return flag === undefined ? "must be true or false" : { rule: "equals", field, value: flag };
    }
    case "integer":
      return /^\d{1,15}$/.test(text)
        ? { rule: "equals", field, value: Number(text) }
        : "must be a whole number";
    case "time":
      return parseTime(field, text);
    default:
      return kind satisfies never;
  }
}

function parseTime<Field extends string>(field: Field, text: string): ListFilter<Field> | string {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?Z?$/.exec(text);
  const value = new Date(match === null ? Number.NaN : `${match[1]}T${match[2]}Z`);
  return Number.isNaN(value.getTime())
    ? "must be a time such as 2026-01-31T12:00:00"
    : { rule: "second", field, value };
}

function parseProject(text: string): string[] {
  const id = text.replaceAll("-", "");
  return id.length === 32 ? [id] : [];
}

/** Instance states that are shown as the status; case does not count. */
function statesOf(status: string): string[] {
  return Object.entries(EXECUTION_STATUS)
    .filter(([, shown]) => shown === status.toUpperCase())
    .map(([state]) => state);
}

/** Back-references cost without bound. */
function checkExpression(text: string): string | undefined {
  if (text.length > EXPRESSION_MAX) return `an expression has at most ${EXPRESSION_MAX} characters`;
  return /\\[1-9]/.test(text.replaceAll("\\\\", "")) ? "an expression has no back-references" : undefined;
}

function badPage(message: string): Fault {
  return new Fault("invalid", "page-invalid", message);
}

/** Raises `query-unknown` for a name that the second version does not know here. */
export function checkQuery(query: Query, names: readonly string[]): void {
  const unknown = Object.keys(query).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownFilter({ strict: true }, unknown);
}

function unknownFilter({ strict }: { readonly strict?: boolean }, name: string): Fault {
  const code = strict === true ? "query-unknown" : "request-invalid";
  return new Fault("invalid", code, `${name} is not a filter of this list`);
}

function badFilter(message: string): Fault {
  return new Fault("invalid", "request-invalid", message);
}
