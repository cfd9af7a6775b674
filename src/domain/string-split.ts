/** Text cut into parts at separators, as Apache Commons Lang 3's StringUtils cuts it. */

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
  const separates = (character: string) =>
    separators === null ? /\s/.test(character) : separators.includes(character);
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length && !(most > 0 && parts.length === most - 1); at += 1) {
    if (!separates(text.charAt(at))) continue;
    if (all || at > from) parts.push(text.slice(from, at));
    from = at + 1;
  }
  const rest = all ? text.slice(from) : withoutLeading(text.slice(from), separates);
  if (rest !== "" || (all && text !== "")) parts.push(rest);
  return parts;
}

/** What stands between each `open` and the next `close`. */
export function tokensBetween(text: string, open: string | null, close: string | null): string[] {
  const found: string[] = [];
  if (!open || !close) return found;
  for (let at = text.indexOf(open); at >= 0; ) {
    const from = at + open.length;
    const until = text.indexOf(close, from);
    if (until < 0) break;
    found.push(text.slice(from, until));
    at = text.indexOf(open, until + close.length);
  }
  return found;
}

function withoutLeading(text: string, separates: (character: string) => boolean): string {
  let from = 0;
  while (from < text.length && separates(text.charAt(from))) from += 1;
  return text.slice(from);
}
