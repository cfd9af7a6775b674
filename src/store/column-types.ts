/** How values of PostgreSQL's types are read. */
import { strict as assert } from "node:assert";
import { type CustomTypesConfig, types } from "pg";

/** The object ids of PostgreSQL's own types that we read otherwise than `pg` does (pg_type.dat). */
const INT8 = 20;
const TEXT_ARRAY = 1009;
const DATE = 1082;
const TIMESTAMPTZ = 1184;
const UUID = 2950;
const INT8_ARRAY = 1016;
const UUID_ARRAY = 2951;

/** Uuids as 32 hex digits, int8 as numbers, dates as text, instants as Date; the rest as `pg` does. */
export const TYPES: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    (format === "binary" ? undefined : PARSERS.get(oid)) ?? types.getTypeParser(oid, format),
};

const parseTextArray: (text: string) => (string | null)[] = types.getTypeParser(TEXT_ARRAY as never);
const parseAnyInstant: (text: string) => unknown = types.getTypeParser(TIMESTAMPTZ);

const PARSERS = new Map<number, (text: string) => unknown>([
  [INT8, parseInteger],
  [DATE, String],
  [TIMESTAMPTZ, parseInstant],
  [UUID, parseUuid],
  [
    INT8_ARRAY,
    (text) => parseTextArray(text).map((item) => (item === null ? undefined : parseInteger(item))),
  ],
  [UUID_ARRAY, (text) => parseTextArray(text).map((item) => (item === null ? undefined : parseUuid(item)))],
]);

function parseInteger(text: string): number {
  const value = Number(text);
  assert(Number.isSafeInteger(value), `${text} does not fit a number`);
  return value;
}

function parseUuid(text: string): string {
  return text.replaceAll("-", "");
}

/** `2001-04-01 08:30:00.5+00`, as a server in UTC writes it, is read without the general parser's regular expressions. */
function parseInstant(text: string): unknown {
  const plain = text.endsWith("+00") && text.charAt(10) === " ";
  return plain ? new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`) : parseAnyInstant(text);
}
