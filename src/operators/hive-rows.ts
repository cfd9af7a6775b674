/** Results of a HiveServer2, which come column by column, as rows of texts. */
import type { Column, TextRow } from "./sql-rows.ts";
import { type Decoded, type DecodedStruct, listIn, numberIn, structIn, textIn } from "./thrift-binary.ts";

export type HiveColumn = Column;

/** TTypeId, by number. Source: TCLIService.thrift. */
const TYPES = [
  ...["boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "timestamp", "binary"],
  ...["array", "map", "struct", "uniontype", "user-defined", "decimal", "void", "date", "varchar", "char"],
  ...["interval_year_month", "interval_day_time", "timestamplocaltz"],
];
/** The member of a column's union that holds bytes. */
const BYTES = 8;
const MOST_DIGITS = 9;

export function columnsOf(schema: DecodedStruct): readonly HiveColumn[] {
  return listIn(schema, 1)
    .filter(isStruct)
    .map((column) => ({ name: textIn(column, 1) ?? "", type: typeOf(column) }));
}

function typeOf(column: DecodedStruct): string {
  const [entry] = listIn(structIn(column, 2), 1).filter(isStruct);
  const number = entry === undefined ? undefined : numberIn(structIn(entry, 1), 1);
  return (number === undefined ? undefined : TYPES[number]) ?? "other";
}

export function rowsOf(columns: readonly HiveColumn[], set: DecodedStruct): readonly TextRow[] {
  const read = listIn(set, 3)
    .filter(isStruct)
    .map((column, index) => valuesOf(column, columns[index]?.type));
  return Array.from({ length: read[0]?.length ?? 0 }, (_, row) => read.map((values) => values[row] ?? null));
}

/** A column is a union of one member, by its values' kind, with the values and a bit for each that is null. */
function valuesOf(column: DecodedStruct, type: string | undefined): (string | null)[] {
  const [kind = 0] = column.keys();
  const held = structIn(column, kind);
  const bits = held.get(2);
  const isNull = (index: number) =>
    Buffer.isBuffer(bits) && ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  return listIn(held, 1).map((value, index) => (isNull(index) ? null : textOf(value, kind, type)));
}

/** Bytes as SQL writes them, as of other databases. */
function textOf(value: Decoded, kind: number, type: string | undefined): string {
  if (Buffer.isBuffer(value)) return kind === BYTES ? `0x${value.toString("hex")}` : value.toString();
  if (typeof value === "number" && type === "float") return shortFloat(value);
  return String(value);
}

/** A float travels as a double, with digits that it never had. */
function shortFloat(value: number): string {
  for (let digits = 1; digits <= MOST_DIGITS; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(value);
}

function isStruct(value: Decoded): value is DecodedStruct {
  return value instanceof Map;
}
