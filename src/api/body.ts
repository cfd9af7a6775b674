/** Bytes to JSON, refusing what could hurt further in: broken text, absurd depth, characters no table can hold. */
import { Fault } from "../domain/fault.ts";

/** Nested arrays and objects in one body. */
const DEPTH_MAX = 100;

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
  let inString = false;
  for (let place = 0; place < text.length; place++) {
    const character = text[place];
    if (inString) {
      if (character === "\\") place++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    if (depth > DEPTH_MAX)
      throw new Fault("invalid", "body-unreadable", `the body is nested deeper than ${DEPTH_MAX}`);
  }
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
