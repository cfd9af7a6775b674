/** Rows as CSV: a header, commas, quotes where they are needed. Nothing at all is null, a quoted nothing an empty text. */
import type { Readable } from "node:stream";
import { Fault } from "../domain/fault.ts";
import { BATCH_ROWS, type MovedRow, type MovedValue, type RowStream } from "./moved-rows.ts";

/** What DuckDB is told of this form. */
export const CSV_OPTIONS = "header true, delimiter ',', quote '\"', escape '\"', nullstr ''";

/** A field may not be larger. */
const FIELD_LENGTH_MAX = 64 * 1024 * 1024;

/** The text of the rows, in pieces. */
export async function* csvOf({ columns, batches }: RowStream): AsyncIterable<string> {
  yield `${columns.map(({ name }) => quote(name)).join(",")}\n`;
  for await (const rows of batches) yield `${rows.map((row) => row.map(fieldOf).join(",")).join("\n")}\n`;
}

function fieldOf(value: MovedValue): string {
  if (value === null) return "";
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "string") return `\\x${Buffer.from(value).toString("hex")}`;
  return value === "" || /[",\r\n]|^\s|\s$/.test(value) ? quote(value) : value;
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Reads what DuckDB writes in this form. Fault `reference-invalid` where rows are not as wide as the header. */
export async function readCsv(content: Readable, body: (rows: RowStream) => Promise<void>): Promise<void> {
  const records = readRecords(content)[Symbol.asyncIterator]();
  const header = await records.next();
  const names: MovedRow = header.done === true ? [] : header.value;
  const columns = names.map((name) => ({ name: String(name ?? ""), kind: "text" as const }));
  await body({ columns, batches: batchesOf(records, columns.length) });
}

async function* batchesOf(
  records: AsyncIterator<MovedRow>,
  width: number,
): AsyncIterable<readonly MovedRow[]> {
  let batch: MovedRow[] = [];
  for (let next = await records.next(); next.done !== true; next = await records.next()) {
    if (next.value.length !== width) refuse("A row of the file has not as many fields as its header.");
    batch.push(next.value);
    if (batch.length < BATCH_ROWS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function* readRecords(content: Readable): AsyncIterable<MovedRow> {
  const reader = createRecordReader();
  const texts = new TextDecoder();
  for await (const part of content) {
    const text = typeof part === "string" ? part : texts.decode(part, { stream: true });
    yield* reader.add(text);
  }
  if (!reader.isThrough()) refuse("The file ends in the middle of a row.");
}

// A quoted field, or one without quotes, with what ends it.
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n)/y;

/** Takes the text in pieces, and gives the records that are complete. */
function createRecordReader() {
  let text = "";
  let record: MovedValue[] = [];

  /** The field at the beginning of what is left, and whether its record ends with it. */
  function next(place: number) {
    FIELD.lastIndex = place;
    const [whole, quoted, plain = "", end] = FIELD.exec(text) ?? [];
    if (whole === undefined) return undefined;
    const value = quoted?.replaceAll('""', '"') ?? (plain === "" ? null : plain);
    return { value, length: whole.length, isLast: end !== "," };
  }

  return {
    isThrough: () => text === "" && record.length === 0,
    add: (part: string): MovedRow[] => {
      const records: MovedRow[] = [];
      text += part;
      let place = 0;
      for (let field = next(place); field !== undefined; field = next(place)) {
        place += field.length;
        record.push(field.value);
        if (!field.isLast) continue;
        records.push(record);
        record = [];
      }
      text = text.slice(place);
      if (text.length > FIELD_LENGTH_MAX) refuse("A field of the file is larger than 64 MiB.");
      return records;
    },
  };
}

function refuse(message: string): never {
  throw new Fault("invalid", "reference-invalid", message);
}
