/** Configuration files as Hadoop reads them. */
import { Fault } from "../domain/fault.ts";

/** XML has no way to write these, not even as references. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const UNWRITABLE = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/**
 * The settings as a file. Those of `fixed` stand whatever the program's own files or a later setting of the same name
 * say. Fault `reference-invalid` for a text that XML cannot hold.
 */
export function configurationFile(
  settings: Readonly<Record<string, string>>,
  fixed: Readonly<Record<string, string>> = {},
): string {
  const free = Object.entries(settings).filter(([name]) => !Object.hasOwn(fixed, name));
  const properties = [
    ...free.map(([name, value]) => property(name, value, "")),
    ...Object.entries(fixed).map(([name, value]) => property(name, value, "<final>true</final>")),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>\n<configuration>\n${properties.join("")}</configuration>\n`;
}

function property(name: string, value: string, end: string): string {
  return `<property><name>${escaped(name)}</name><value>${escaped(value)}</value>${end}</property>\n`;
}

function escaped(text: string): string {
  if (UNWRITABLE.test(text))
    throw new Fault(
      "invalid",
      "reference-invalid",
      "A setting has a character that no configuration can hold.",
    );
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("\r", "&#13;");
}
