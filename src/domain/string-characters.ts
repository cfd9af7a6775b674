/** Characters as Java sees them: UTF-16 units, its white space, its simple changes of case. */

/** Java's `Character.isWhitespace`: no-break spaces are none, four separators among the control characters are. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const SPACE = /[\t-\r\x1c-\x20\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]/;
const SPACES = new RegExp(`${SPACE.source}+`, "g");

export function isSpace(character: string): boolean {
  return SPACE.test(character);
}

/** The text with each run of white space replaced. */
export function replaceSpaces(text: string, replacement: string): string {
  return text.replaceAll(SPACES, replacement);
}

export function hasSpace(text: string): boolean {
  return SPACE.test(text);
}

/** Null and text of nothing but white space. */
export function isBlank(text: string | null): boolean {
  return text === null || everyUnit(text, isSpace);
}

/** Java's `trim`: everything up to the blank goes at both ends, control characters included. */
export function trimmed(text: string): string {
  let [from, until] = [0, text.length];
  while (from < until && text.charAt(from) <= " ") from += 1;
  while (until > from && text.charAt(until - 1) <= " ") until -= 1;
  return text.slice(from, until);
}

export function everyUnit(text: string, holds: (unit: string) => boolean): boolean {
  for (let at = 0; at < text.length; at += 1) if (!holds(text.charAt(at))) return false;
  return true;
}

/** The character in upper case where that is one character too. */
export function upperOf(character: string): string {
  const upper = character.toUpperCase();
  return upper.length === character.length ? upper : character;
}

/** The character as a word's first: digraphs have a form of their own for that. */
export function titleOf(character: string): string {
  const upper = upperOf(character);
  if (upper === "") return "";
  const at = "ǄǇǊǱ".indexOf(upperOf(lowerOf(character)));
  return at < 0 ? upper : "ǅǈǋǲ".charAt(at);
}

/** The character in lower case where that is one character too; the dot of the Turkish capital is left out. */
export function lowerOf(character: string): string {
  if (character === "İ") return "i";
  const lower = character.toLowerCase();
  return lower.length === character.length ? lower : character;
}

/** The text for comparisons that ignore case: as long as it was, so that positions stay. */
export function folded(text: string): string {
  let fold = "";
  for (let at = 0; at < text.length; at += 1) fold += lowerOf(upperOf(text.charAt(at)));
  return fold;
}
