/** Where the text of a node's program comes from: its script, its statement, or an uploaded file. */
import { Fault } from "../domain/fault.ts";
import type { Work } from "./operator.ts";

/**
 * The text to run; undefined when a file of the attempt is the program. `statementOrScript` decides where a node has
 * both; without it the script goes first. Fault `reference-invalid` when there is nothing to run.
 */
export function programText(work: Work): string | undefined {
  const { statement, statementOrScript } = work.properties;
  const script = work.script?.content;
  const text =
    statementOrScript?.toUpperCase() === "STATEMENT" ? (statement ?? script) : (script ?? statement);
  if (text !== undefined && text !== "") return text;
  if (work.files.some((file) => file.use === "main")) return undefined;
  throw new Fault(
    "invalid",
    "reference-invalid",
    `The ${work.type} node "${work.nodeName}" has nothing to run: it names no script and has no statement.`,
  );
}
