/** What all Factory requests share: query values, pages, and an object as body. */
import { type Static, type TObject, Type } from "typebox";
import { Fault, type FaultCode, invalid } from "../../domain/fault.ts";
import type { Page } from "../../domain/page.ts";
import { checkSchema } from "../check-schema.ts";

/** Largest page number; the vendor's members are 32-bit integers. */
const OFFSET_MAX = 2_147_483_647;
/** From this limit on a client may count records instead of pages (dataarts-factory 3). */
const RECORD_LIMIT_MIN = 100;
const LIMIT_DEFAULT = 10;

export type WireObject = Readonly<Record<string, unknown>>;

/** The body as an object; no body and `null` count as an empty one. Raises `request-invalid` for anything else. */
export function objectBody(body: unknown): WireObject {
  if (body === undefined || body === null) return {};
  if (isObject(body)) return body;
  throw new Fault("invalid", "request-invalid", "the body must be a JSON object");
}

export function isObject(value: unknown): value is WireObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * `value` without members that are null, at any depth: clients write null for what they leave out. What has none is given
 * back itself: bodies are large, and few have any.
 */
export function withoutNulls(value: unknown): unknown {
  return hasNulls(value) ? strip(value) : value;
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (!isObject(value)) return value;
  const given = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(given.map(([name, member]) => [name, strip(member)]));
}

/** Whether a member at any depth is null; an item of a list that is null stays. */
function hasNulls(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasNulls);
  return Object.values(value).some((member) => member === null || hasNulls(member));
}

/** The body as its schema has it, without nulls. Raises `code` with every problem. */
export function readBody<Schema extends TObject>(
  schema: Schema,
  body: unknown,
  code: FaultCode = "request-invalid",
): Static<Schema> {
  const given = withoutNulls(objectBody(body));
  const problems = checkSchema(schema, given);
  if (problems.length > 0) invalid(code, problems);
  return given as Static<Schema>; // The schema has just been held against it.
}

/** A page as the wire numbers it. */
export interface WirePage {
  /** A page number from 0, unless `readPage` finds that a client counted records. */
  readonly offset: number;
  readonly limit: number;
}

/** The members that ask for a page of at most `most` entries, for a list's query. */
export function pageMembers(most: number, fallback = LIMIT_DEFAULT) {
  return {
    offset: Type.Integer({
      minimum: 0,
      maximum: OFFSET_MAX,
      default: 0,
      description: "Number of the page, from 0.",
    }),
    limit: Type.Integer({ minimum: 1, maximum: most, default: fallback, description: "Entries of a page." }),
  };
}

/**
 * Reads a page through `read`, which takes record offsets. A page past the end that a record-counting client could
 * have meant otherwise is read again by records (dataarts-factory 3).
 */
export async function readPage<Result extends { readonly total: number }>(
  page: WirePage,
  read: (page: Page) => Promise<Result>,
): Promise<Result> {
  const { offset, limit } = page;
  const result = await read({ offset: offset * limit, limit });
  const countsRecords =
    limit >= RECORD_LIMIT_MIN && offset >= limit && offset % limit === 0 && offset * limit >= result.total;
  return countsRecords ? await read({ offset, limit }) : result;
}
