/** Rows of a SQL result as a node's output and as a small table for its log. */
import { OUTPUT_BYTES_MAX, type Outcome } from "./operator.ts";

export type TextRow = readonly (string | null)[];

const TABLE_ROWS_MAX = 20;
const CELL_LENGTH_MAX = 40;

/** What came of a script's last statement; `rows` may be fewer than there were. */
export interface SqlResult {
  readonly columns: readonly string[];
  readonly rows: readonly TextRow[];
  readonly rowCount: number;
}

/** The success of a script: its last rows as output, and as a table in the log. */
export function succeedWithRows(
  { columns, rows, rowCount }: SqlResult,
  log: (text: string) => void,
): Outcome {
  if (columns.length > 0) log(rowsAsTable(columns, rows, rowCount));
  const cut =
    rowCount > rows.length
      ? { message: `the output holds the first ${rows.length} of ${rowCount} rows` }
      : {};
  return { state: "succeeded", output: rowsAsOutput(rows), ...cut };
}

/** `[["a","b"],…]` as `getNodeOutput` gives rows to other nodes (dataarts-factory 4.3); whole rows only. */
function rowsAsOutput(rows: readonly TextRow[]): string {
  const parts: string[] = [];
  let size = 2;
  for (const row of rows) {
    const part = JSON.stringify(row);
    size += Buffer.byteLength(part) + 1;
    if (size > OUTPUT_BYTES_MAX) break;
    parts.push(part);
  }
  return `[${parts.join(",")}]`;
}

/** The first rows under their columns' names, and how many there are in all. */
function rowsAsTable(columns: readonly string[], rows: readonly TextRow[], rowCount: number): string {
  const lines = [columns, ...rows.slice(0, TABLE_ROWS_MAX)].map((line) => line.map(cell));
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
