/** Rows on their way from one place to another: a few at a time, so that memory is bounded whatever their number. */

/** A text as its database writes it, unless it is one of the others. */
export type MovedValue = string | boolean | Uint8Array | null;
export type MovedRow = readonly MovedValue[];

export interface RowColumn {
  readonly name: string;
  readonly kind: ValueKind;
}

/** What a value's text is; `zoned` is a time in UTC that says so. */
export type ValueKind = "text" | "integer" | "real" | "boolean" | "date" | "timestamp" | "zoned" | "bytes";

export interface RowStream {
  readonly columns: readonly RowColumn[];
  readonly batches: AsyncIterable<readonly MovedRow[]>;
}

/** So many rows are in a batch at most. */
export const BATCH_ROWS = 1000;

export function sizeOf(value: MovedValue): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length : 1;
}
