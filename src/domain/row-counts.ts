/** How many rows a node moved, as its output says: that of the types that copy between connections alone. */
import { SECOND_MS } from "./civil-date.ts";

/** Node types whose output is an object of counts. */
const MOVERS = ["DataMigration", "CDMJob"];

interface RowCounts {
  readonly inputRowCount: number;
  readonly outputRowCount: number;
  /** Rows written in a second. */
  readonly speed: number;
}

export function movesRows(nodeType: string): boolean {
  return MOVERS.includes(nodeType);
}

/** Reads `{"inputRowCount":…,"outputRowCount":…,"bytes":…,"milliseconds":…}`; undefined for any other text. */
export function parseRowCounts(output: string): RowCounts | undefined {
  const counts = parseObject(output);
  const [inputRowCount, outputRowCount, milliseconds] = [
    counts.inputRowCount,
    counts.outputRowCount,
    counts.milliseconds,
  ];
  if (!isCount(inputRowCount) || !isCount(outputRowCount) || !isCount(milliseconds)) return undefined;
  return { inputRowCount, outputRowCount, speed: (outputRowCount * SECOND_MS) / Math.max(1, milliseconds) };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  if (!text.startsWith("{")) return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
