/** Rows of a result as a node's output and as a small table for its log. */
import { OUTPUT_BYTES_MAX, type Outcome, type OutputForm } from "./operator.ts";

export type TextRow = readonly (string | null)[];

const TABLE_ROWS_MAX = 20;
const CELL_LENGTH_MAX = 40;

export interface Column {
  readonly name: string;
  /** As the database calls it; the values are texts whatever it says. */
  readonly type: string;
}

/** What came of a script's last statement, or what a program wrote; `rows` may be fewer than there were. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly TextRow[];
  readonly rowCount: number;
}

/** The success of a script: its last rows as output, and as a table in the log. */
export function succeedWithRows(table: Table, form: OutputForm, log: (text: string) => void): Outcome {
  const { columns, rows, rowCount } = table;
  if (columns.length > 0) log(rowsAsText(columns, rows, rowCount));
  return { state: "succeeded", ...leaveTable(table, form) };
}

/** The table as a node's output, whole rows only, as many as have room; the message says where there were more. */
export function leaveTable(
  { columns, rows, rowCount }: Table,
  form: OutputForm,
): { readonly output: string; readonly message?: string } {
  const head = form === "rows" ? "" : `{"columns":${JSON.stringify(columns)},"rowCount":${rowCount},"rows":`;
  const tail = form === "rows" ? "" : "}";
  const parts = partsOf(rows, OUTPUT_BYTES_MAX - Buffer.byteLength(head) - tail.length);
  return {
    output: `${head}[${parts.join(",")}]${tail}`,
    ...(rowCount > parts.length && {
      message: `the output holds the first ${parts.length} of ${rowCount} rows`,
    }),
  };
}

/** Each row as JSON: `[["a","b"],…]` is how `getNodeOutput` gives rows to other nodes (dataarts-factory 4.3). */
function partsOf(rows: readonly TextRow[], bytesMax: number): string[] {
  const parts: string[] = [];
  let size = 2;
  for (const row of rows) {
    const part = JSON.stringify(row);
    size += Buffer.byteLength(part) + 1;
    if (size > bytesMax) break;
    parts.push(part);
  }
  return parts;
}

/** The first rows under their columns' names, and how many there are in all. */
function rowsAsText(columns: readonly Column[], rows: readonly TextRow[], rowCount: number): string {
  const names = columns.map(({ name }) => name);
  const lines = [names, ...rows.slice(0, TABLE_ROWS_MAX)].map((line) => line.map(cell));
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((value, index) => value.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return `${[text[0], rule, ...text.slice(1)].join("\n")}\n(${rowCount} ${rowCount === 1 ? "row" : "rows"})\n`;
}

function cell(value: string | null): string {
  const text = (value ?? "NULL").replace(/\s+/g, " ");
  return text.length > CELL_LENGTH_MAX ? `${text.slice(0, CELL_LENGTH_MAX - 1)}…` : text;
}
