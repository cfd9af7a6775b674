/** Forms that all of Keystone's objects share: times, links, lists, the identity domain. */
import { type Static, type TSchema, Type } from "typebox";
import { type FaultCode, invalid, missing } from "../../domain/fault.ts";
import { IDENTITY_DOMAIN } from "../../domain/project.ts";
import { parseId } from "../../identity/ids.ts";
import { checkSchema } from "../check-schema.ts";
import { firstOf, type Query, type RouteRequest } from "../route.ts";

/** Rows in one list; more are left out and the list says so (`truncated`). */
export const LIST_MAX = 1000;

/** `2026-01-01T00:00:00.000000Z`. */
export function encodeTime(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}

/** The identity domain as it stands inside other objects. */
export const encodeDomainReference = () => ({ id: IDENTITY_DOMAIN.id, name: IDENTITY_DOMAIN.name });

/** `{links, truncated?, <name>: [...]}`; `rows` may hold one more than the limit, which shows that there are more. */
export function encodeList<Row>(
  request: RouteRequest,
  name: string,
  rows: readonly Row[],
  encode: (row: Row) => unknown,
): object {
  const links = { self: `${request.base}${pathOf(request)}`, previous: null, next: null };
  const list = { [name]: rows.slice(0, LIST_MAX).map(encode), links };
  return rows.length > LIST_MAX ? { ...list, truncated: true } : list;
}

/** The body, when it fits the schema; fault `request-invalid` with every problem otherwise. */
export function decodeBody<Schema extends TSchema>(schema: Schema, request: RouteRequest): Static<Schema> {
  const problems = checkSchema(schema, request.body);
  if (problems.length > 0) invalid("request-invalid", problems);
  return request.body as Static<Schema>;
}

/** The id that a path names; one that cannot be an id is as missing as any other. */
export function decodePathId(request: RouteRequest, name: string, code: FaultCode, what: string): string {
  const text = request.params[name] ?? "";
  return parseId(text) ?? missing(code, `Could not find ${what}: ${text}.`);
}

/** A flag in a query as Keystone reads it: anything but `false` and `0` is true, and so is the bare name. */
export function decodeFlag(query: Query, name: string): boolean | undefined {
  const text = firstOf(query, name);
  return text === undefined ? undefined : !["false", "0"].includes(text.toLowerCase());
}

/** Whether a filter by identity domain (`domain_id`) leaves anything. */
export function domainFits(query: Query): boolean {
  const id = firstOf(query, "domain_id");
  return id === undefined || id === IDENTITY_DOMAIN.id;
}

/** A text of a body; how long it may be is a rule of identity. */
export const Text = Type.String();

function pathOf({ target }: RouteRequest): string {
  return target.split("?", 1)[0] ?? target;
}
