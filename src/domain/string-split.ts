/** Text cut into parts at separators, as Apache Commons Lang 3's StringUtils cuts it. */
import { isSpace } from "./string-characters.ts";

/** Parts between occurrences of `separator`, cut at most `cuts` times. */
export function splitAtText(text: string, separator: string, cuts: number): string[] {
  const parts: string[] = [];
  let from = 0;
  while (parts.length < cuts) {
    const at = text.indexOf(separator, from);
    if (at < 0) break;
    parts.push(text.slice(from, at));
    from = at + separator.length;
  }
  parts.push(text.slice(from));
  return parts;
}

/**
 * Parts between any of the `separators` (white space when null), at most `most` of them when that is above 0.
 * Neighbouring separators count as one unless `all` parts are wanted. Empty text has no parts.
 */
export function splitAtCharacters(
  text: string,
  separators: string | null,
  most: number,
  all: boolean,
): string[] {
  const separates = (unit: string) => (separators === null ? isSpace(unit) : separators.includes(unit));
  const parts: string[] = [];
  let from = 0;
  let open = false;
  let justCut = false;
  for (let at = 0; at < text.length; at += 1) {
    if (!separates(text.charAt(at))) {
      [open, justCut] = [true, false];
      continue;
    }
    if (open || all) {
      if (most > 0 && parts.length === most - 1) return [...parts, text.slice(from)];
      parts.push(text.slice(from, at));
      [open, justCut] = [false, true];
    }
    from = at + 1;
  }
  if (open || (all && justCut)) parts.push(text.slice(from));
  return parts;
}

/** As `splitAtCharacters` for a separator that is a whole text; what follows a separator at the end is a part as well. */
export function splitAtWhole(text: string, separator: string | null, most: number, all: boolean): string[] {
  if (!separator || text === "") return splitAtCharacters(text, null, most, all);
  const parts: string[] = [];
  let from = 0;
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, from)) {
    if (at > from || all) {
      if (parts.length + 1 === most) return [...parts, text.slice(from)];
      parts.push(text.slice(from, at));
    }
    from = at + separator.length;
    // A last part is looked for only when something was left before it.
    if (at >= text.length) return parts;
  }
  parts.push(text.slice(from));
  return parts;
}

/** What stands between each `open` and the next `close`; null where there is nothing, or no mark to look for. */
export function tokensBetween(text: string, open: string | null, close: string | null): string[] | null {
  if (!open || !close) return null;
  if (text === "") return [];
  const found: string[] = [];
  let at = 0;
  while (at < text.length - close.length) {
    const begin = text.indexOf(open, at);
    if (begin < 0) break;
    const from = begin + open.length;
    const until = text.indexOf(close, from);
    if (until < 0) break;
    found.push(text.slice(from, until));
    at = until + close.length;
  }
  return found.length === 0 ? null : found;
}

/** Java's classes of characters, by their general category. */
const CATEGORIES = "Lu Ll Lt Lm Lo Mn Me Mc Nd Nl No Zs Zl Zp Cc Cf Co Cs Pd Ps Pe Pc Po Sm Sc Sk So Pi Pf Cn"
  .split(" ")
  .map((name) => [name, new RegExp(`\\p{${name}}`, "u")] as const);

function categoryOf(unit: string): string {
  return CATEGORIES.find(([, pattern]) => pattern.test(unit))?.[0] ?? "Cn";
}

/** Runs of characters of one class; in `camelCase` a capital belongs to the small letters that follow it. */
export function splitByCategory(text: string, camelCase: boolean): string[] {
  const parts: string[] = [];
  let from = 0;
  let category = categoryOf(text.charAt(0));
  for (let at = 1; at < text.length; at += 1) {
    const next = categoryOf(text.charAt(at));
    if (next === category) continue;
    const cut = camelCase && next === "Ll" && category === "Lu" ? at - 1 : at;
    if (cut > from) parts.push(text.slice(from, cut));
    from = cut;
    category = next;
  }
  if (text !== "") parts.push(text.slice(from));
  return parts;
}
