/** What commands write: tables and facts for people, JSON for scripts, a line of progress that is overwritten. */
import { stripVTControlCharacters } from "node:util";

export type Cell = string | number | boolean | null | undefined;

/** One line for each row under a line of titles; columns are as wide as their widest cell. */
export function formatTable(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [titles, ...rows.map((row) => row.map(formatCell))];
  const widths = titles.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ""))));
  return lines.map((line) => joinCells(line, widths)).join("\n");
}

/** Names and values below one another. */
export function formatFacts(facts: readonly (readonly [name: string, value: Cell])[]): string {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== "");
  const width = Math.max(0, ...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(width)}  ${formatCell(value)}`).join("\n");
}

function joinCells(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)));
  return padded.join("  ").trimEnd();
}

/** Control characters would let a name move the cursor or break the table. */
function formatCell(cell: Cell): string {
  if (cell === undefined || cell === null || cell === "") return "-";
  return stripVTControlCharacters(String(cell)).replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/u;

/** Columns on a terminal: East Asian characters take two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text)
    width += WIDE.test(character) || (character.codePointAt(0) ?? 0) > 0x1f000 ? 2 : 1;
  return width;
}

/** A time to the second, in UTC: `2026-11-23 09:14:05`. Takes milliseconds since 1970 or an ISO text. */
export function formatTime(time: number | string | null | undefined): string | undefined {
  if (time === undefined || time === null) return undefined;
  return new Date(time).toISOString().slice(0, 19).replace("T", " ");
}

/** A length of time for people: `0.42 s`, `12.1 s`, `3 min 4 s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Progress on stderr: one line that is rewritten on a terminal; elsewhere each change is a line of its own. */
export interface Progress {
  readonly show: (text: string) => void;
  /** Leaves the terminal on a fresh line. */
  readonly clear: () => void;
}

export function createProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  let last = "";
  return {
    show(text) {
      if (text === last) return;
      last = text;
      if (!stream.isTTY) stream.write(`${text}\n`);
      else stream.write(`\r\u001b[2K${text.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
    },
    clear() {
      if (last !== "" && stream.isTTY) stream.write("\r\u001b[2K");
      last = "";
    },
  };
}

/** Standard output for people or for scripts, as `--json` says. */
export function printResult(json: boolean, value: unknown, text: () => string): void {
  console.log(json ? JSON.stringify(value, null, 2) : text());
}
