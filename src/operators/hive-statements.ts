/** A script for Hive or Spark as its statements, which those servers take one at a time. */

// In this order: comments, texts and names in quotes, the end of a statement, all else. What is left open ends with the script.
const PART =
  /--[^\n]*|\/\*.*?(?:\*\/|$)|'(?:[^'\\]|\\.)*(?:'|$)|"(?:[^"\\]|\\.)*(?:"|$)|`[^`]*(?:`|$)|\\;|;|[^'"`;\\/-]+|./gs;
const HINT = /^\/\*\+/;

/** The statements in their order, without the comments between them; those that are empty are left out. */
export function statementsOf(script: string): readonly string[] {
  const statements: string[] = [];
  let statement = "";
  const end = () => {
    const text = statement.trim();
    if (text !== "") statements.push(text);
    statement = "";
  };
  for (const [part] of script.matchAll(PART)) {
    if (part === ";") end();
    else if (part === "\\;") statement += ";";
    else statement += isComment(part) ? " " : part;
  }
  end();
  return statements;
}

/** A hint looks like a comment and is none. */
function isComment(part: string): boolean {
  return part.startsWith("--") || (part.startsWith("/*") && !HINT.test(part));
}
