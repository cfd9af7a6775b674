/** Which tables a SQL text reads and writes, seen from its words alone: for Hive, Spark and DLI, whose SQL is much the same. */

export interface TableUse {
  /** As written, quotes taken off; absent where the text names none. */
  readonly database?: string;
  readonly table: string;
  readonly use: "read" | "write";
  /** Whether an expression or a parameter is part of the name: which table it is shows when it runs. */
  readonly dynamic: boolean;
}

/** The uses of tables in a text, each once, in reading order. Names that a `with` of the text gives are no tables. */
export function tableUses(sql: string): TableUse[] {
  const found = new Map<string, TableUse>();
  for (const one of statementsOf(sql).flatMap(usesIn)) {
    const key = JSON.stringify([one.use, one.database?.toLowerCase(), one.table.toLowerCase()]);
    if (!found.has(key)) found.set(key, one);
  }
  return [...found.values()];
}

/** A sign, a text, a word or a name. */
interface Token {
  /** In small letters, with its quotes. */
  readonly text: string;
  /** Of a word or name: what stands between its points, quotes taken off. */
  readonly parts: readonly string[];
}

const PART = String.raw`(?:\u0060(?:[^\u0060]|\u0060\u0060)*(?:\u0060|$)|"(?:[^"\\]|\\[^]|"")*(?:"|$)|(?:[\p{L}\p{N}_@]|[$#]\{[^{}]*\})+)`;
// In this order: comments, texts, words and names, any other sign. What is left open ends with the text: no way is tried twice.
const TOKEN = new RegExp(
  String.raw`--[^\n]*|/\*[^]*?(?:\*/|$)|'(?:[^'\\]|\\[^]|'')*(?:'|$)|${PART}(?:\s*\.\s*${PART})*|\S`,
  "gu",
);
const PARTS = new RegExp(PART, "gu");

function statementsOf(sql: string): Token[][] {
  const statements: Token[][] = [[]];
  for (const [text] of sql.matchAll(TOKEN)) {
    if (text.startsWith("--") || text.startsWith("/*")) continue;
    if (text === ";") statements.push([]);
    else statements.at(-1)?.push(tokenOf(text));
  }
  return statements;
}

function tokenOf(text: string): Token {
  const parts = text.startsWith("'") ? [] : [...text.matchAll(PARTS)].map(([part]) => unquoted(part));
  return { text: text.toLowerCase(), parts };
}

function unquoted(part: string): string {
  const quote = part.slice(0, 1);
  return quote === "`" || quote === '"' ? part.slice(1, -1).replaceAll(quote + quote, quote) : part;
}

/** What holds between a pair of brackets. */
interface Level {
  /** Whether `from` is that of a query here, and not of `extract(day from …)`. */
  isQuery: boolean;
  /** Whether a comma parts tables. */
  inTables: boolean;
}

/** Words behind which a comma parts tables no longer. */
const TABLES_END = wordsOf(
  "where group order having limit union except minus intersect window set values select sort cluster distribute qualify insert lateral",
);
/** Words between a verb and the name of its table. */
const BEFORE_NAME = wordsOf("into table if not exists only");
/** Words that stand where a name could, and are none. */
const NO_NAME = wordsOf("from where set as with select values lateral directory local");
/** Verbs before `table` or `view`. */
const CHANGES = wordsOf("create drop alter truncate replace");

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(" "));
}

function usesIn(tokens: readonly Token[]): TableUse[] {
  const found: TableUse[] = [];
  const given = givenNames(tokens);
  const outer: Level[] = [];
  let level: Level = { isQuery: true, inTables: false };
  let hasSelect = false;
  tokens.forEach(({ text }, at) => {
    const [verb = "", previous = ""] = [tokens[0]?.text, tokens[at - 1]?.text];
    const use = USES.get(text)?.({ ...level, at, verb, previous, isHead: found.length === 0, hasSelect });
    if (use !== undefined) found.push(...namedAt(tokens, at + 1, use, given));
    if (text === "(") {
      outer.push(level);
      level = { isQuery: false, inTables: use !== undefined };
    } else if (text === ")") level = outer.pop() ?? level;
    else if (text === "from" && use === "read") level.inTables = true;
    else if (TABLES_END.has(text)) level.inTables = false;
    if (text === "select") {
      level.isQuery = true;
      hasSelect = true;
    }
  });
  return found;
}

/** A word with what goes before it. */
interface Place extends Level {
  /** How many words of the statement go before it, its first word, and the one before. */
  readonly at: number;
  readonly verb: string;
  readonly previous: string;
  /** Whether the statement has named no table yet. */
  readonly isHead: boolean;
  readonly hasSelect: boolean;
}

const always = (use: TableUse["use"]) => () => use;
const when = (use: TableUse["use"], holds: (place: Place) => boolean) => (place: Place) =>
  holds(place) ? use : undefined;
const changed = when("write", ({ verb, isHead }) => CHANGES.has(verb) && isHead);

/** How a table is used whose name could stand behind a word; undefined where none could. */
const USES: ReadonlyMap<string, (place: Place) => TableUse["use"] | undefined> = new Map([
  [",", when("read", ({ inTables }) => inTables)],
  ["(", when("read", ({ inTables, previous }) => inTables && ["from", "join", ",", "("].includes(previous))],
  ["join", always("read")],
  ["using", when("read", ({ verb }) => verb === "merge" || verb === "delete")],
  ["like", when("read", ({ verb, hasSelect }) => verb === "create" && !hasSelect)],
  ["into", always("write")],
  ["overwrite", always("write")],
  ["update", when("write", ({ at }) => at === 0)],
  ["table", changed],
  ["view", changed],
  ["from", behindFrom],
]);

function behindFrom({ at, verb, previous, isQuery }: Place): TableUse["use"] | undefined {
  if (verb === "delete" && at === 1) return "write";
  return isQuery && previous !== "distinct" && verb !== "show" ? "read" : undefined;
}

/** The use of the table that is named from this place on; none where another word, a bracket or a call of a function is. */
function namedAt(
  tokens: readonly Token[],
  place: number,
  use: TableUse["use"],
  given: ReadonlySet<string>,
): TableUse[] {
  let at = place;
  while (at < place + BEFORE_NAME.size && BEFORE_NAME.has(tokens[at]?.text ?? "")) at += 1;
  const { text = "", parts = [] } = tokens[at] ?? {};
  const [table, database] = parts.toReversed();
  if (table === undefined || NO_NAME.has(text)) return [];
  const isCall = tokens[at + 1]?.text === "(" && use === "read";
  if (isCall || (database === undefined && given.has(table.toLowerCase()))) return [];
  const dynamic = /[$#]\{/.test(parts.slice(-2).join("."));
  return [{ ...(database !== undefined && { database }), table, use, dynamic }];
}

/** Names before `as (`, with or without columns: those that a `with` gives. */
function givenNames(tokens: readonly Token[]): ReadonlySet<string> {
  const names = new Set<string>();
  if (!tokens.some(({ text }) => text === "with")) return names;
  tokens.forEach(({ text }, at) => {
    if (text !== "as" || tokens[at + 1]?.text !== "(") return;
    let place = at - 1;
    if (tokens[place]?.text === ")") while (place > 0 && tokens[place]?.text !== "(") place -= 1;
    const { parts = [] } = tokens[tokens[place]?.text === "(" ? place - 1 : place] ?? {};
    if (parts.length === 1) names.add(String(parts[0]).toLowerCase());
  });
  return names;
}
