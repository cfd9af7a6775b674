/** Bytes to JSON, refusing what could hurt further in: broken text, absurd depth, characters no table can hold. */
import { Fault } from "../domain/fault.ts";

/** Nested arrays and objects in one body. */
const DEPTH_MAX = 100;

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The parsed body; undefined when it has no bytes. Raises `body-unreadable` or `request-invalid`. */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = decodeText(bytes);
  if (text.trim() === "") return undefined;
  checkDepth(text);
  const value = parseText(text);
  if (text.includes("\\u")) checkStrings(value);
  return value;
}

/** Whether a database text can hold it: no NUL, no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

function decodeText(bytes: Buffer): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Fault("invalid", "body-unreadable", "the body is not UTF-8 text", { cause });
  }
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Fault(
      "invalid",
      "body-unreadable",
      `the body is not JSON: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}

/** Measured on the text, before any recursive parser sees it. */
function checkDepth(text: string): void {
  let depth = 0;
  for (let place = 0; place < text.length; place++) {
    const code = text.charCodeAt(place);
    if (code === QUOTE) place = endOfString(text, place);
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++;
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--;
    if (depth > DEPTH_MAX)
      throw new Fault("invalid", "body-unreadable", `the body is nested deeper than ${DEPTH_MAX}`);
  }
}

/** The place of the quotation mark that ends the text which one at `start` begins; the whole's end where none does. */
function endOfString(text: string, start: number): number {
  let place = start + 1;
  while (place < text.length) {
    const code = text.charCodeAt(place);
    if (code === QUOTE) return place;
    place += code === BACKSLASH ? 2 : 1;
  }
  return place;
}

function checkStrings(value: unknown): void {
  if (typeof value === "string") {
    if (!isStorable(value))
      throw new Fault("invalid", "request-invalid", "the body holds a character that cannot be stored");
  } else if (Array.isArray(value)) {
    for (const item of value) checkStrings(item);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      checkStrings(name);
      checkStrings(item);
    }
  }
}
