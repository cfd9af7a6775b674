/** Splits a line of arguments as a shell would, without running or expanding anything. */
import { Fault } from "../domain/fault.ts";

// Each alternative begins with a character of its own, so there is one way to read a line.
const WORD_OR_BLANKS = /(?:[^\s'"\\]|\\[\s\S]?|'[^']*'|"(?:\\[\s\S]|[^"\\])*")+|\s+/y;
const PIECE = /\\([\s\S]?)|'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"/g;

/**
 * The words of `line`: blanks part them; '…' keeps all as it is; "…" keeps all but a backslash before `"` or `\`;
 * elsewhere a backslash keeps the next character. Fault `reference-invalid` for a quote that is not closed.
 */
export function splitArguments(line: string): string[] {
  const words: string[] = [];
  for (let index = 0; index < line.length; ) {
    WORD_OR_BLANKS.lastIndex = index;
    const part = WORD_OR_BLANKS.exec(line)?.[0];
    if (part === undefined)
      throw new Fault("invalid", "reference-invalid", "The arguments have a quote that is not closed.");
    if (part.trim() !== "") words.push(unquote(part));
    index += part.length;
  }
  return words;
}

function unquote(word: string): string {
  return word.replace(
    PIECE,
    (_, escaped?: string, single?: string, double?: string) =>
      escaped ?? single ?? double?.replace(/\\(["\\])/g, "$1") ?? "",
  );
}
