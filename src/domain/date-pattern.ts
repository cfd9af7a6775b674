/** The letters of Java's SimpleDateFormat patterns, read into parts. */

/** A run of one letter, or text to be kept. */
export type DatePart = { readonly letter: string; readonly count: number } | { readonly text: string };

const PATTERN_MAX = 256;
const LETTERS = "GyYMLdDFEuaHkKhmsSwWzZX";
export const MONTHS =
  "January February March April May June July August September October November December".split(" ");
export const WEEKDAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

const PART = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']/gy;

/** The parts of a pattern, or what is wrong with it. */
export function readDatePattern(pattern: string): DatePart[] | string {
  if (pattern.length > PATTERN_MAX) return `a date pattern has at most ${PATTERN_MAX} characters`;
  const parts: DatePart[] = [];
  let read = 0;
  for (const [whole, quoted, letter] of pattern.matchAll(PART)) {
    const part = partOf(whole, quoted, letter);
    if (typeof part === "string") return part;
    parts.push(part);
    read += whole.length;
  }
  return read === pattern.length ? parts : `the date pattern's quote at character ${read + 1} does not end`;
}

function partOf(whole: string, quoted: string | undefined, letter: string | undefined): DatePart | string {
  if (quoted !== undefined) return { text: quoted === "" ? "'" : quoted.replaceAll("''", "'") };
  if (letter === undefined) return { text: whole };
  if (!LETTERS.includes(letter)) return `"${letter}" is no letter of date patterns`;
  if (letter === "X" && whole.length > 3) return "a date pattern has at most three X in a row";
  return { letter, count: whole.length };
}
