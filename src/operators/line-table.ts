/** The lines that a program writes, as the rows of a table of one column. */
import { OUTPUT_BYTES_MAX } from "./operator.ts";
import type { Table } from "./sql-rows.ts";

const NEWLINE = 0x0a;

export interface LineTable {
  readonly add: (chunk: Buffer) => void;
  /** The first lines, as many as an output has room for; `rowCount` counts all that were added. */
  readonly table: () => Table;
}

export function createLineTable(): LineTable {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let ends = 0;
  let isCut = false;
  let last = NEWLINE;
  return {
    add: (chunk) => {
      for (const byte of chunk) if (byte === NEWLINE) ends += 1;
      last = chunk.at(-1) ?? last;
      const part = chunk.subarray(0, OUTPUT_BYTES_MAX - keptBytes);
      isCut ||= part.length < chunk.length;
      keptBytes += part.length;
      if (part.length > 0) kept.push(part);
    },
    table: () => {
      const lines = Buffer.concat(kept).toString().split("\n");
      // Behind the last line's end there is nothing, and a line that was cut is none.
      if (isCut || last === NEWLINE) lines.pop();
      const rows = lines.map((line) => [line.endsWith("\r") ? line.slice(0, -1) : line]);
      const rowCount = ends + (last === NEWLINE ? 0 : 1);
      return { columns: [{ name: "line", type: "text" }], rows, rowCount };
    },
  };
}
