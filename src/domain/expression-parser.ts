/** The grammar of `#{…}`: operator precedence of Java's expression language, as a tree. */
import { type Problem, readTokens, type Token } from "./expression-lexer.ts";

export type Expression =
  | { readonly kind: "literal"; readonly at: number; readonly value: string | number | boolean | null }
  | { readonly kind: "parameter"; readonly at: number; readonly name: string }
  | { readonly kind: "name"; readonly at: number; readonly name: string }
  | { readonly kind: "member"; readonly at: number; readonly of: Expression; readonly name: string }
  | { readonly kind: "index"; readonly at: number; readonly of: Expression; readonly index: Expression }
  | {
      readonly kind: "call";
      readonly at: number;
      readonly of: Expression;
      readonly name: string;
      readonly args: readonly Expression[];
    }
  | {
      readonly kind: "unary";
      readonly at: number;
      readonly operator: UnaryOperator;
      readonly operand: Expression;
    }
  | {
      readonly kind: "binary";
      readonly at: number;
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "choice";
      readonly at: number;
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
    };

export type UnaryOperator = "-" | "+" | "!" | "empty";
export type BinaryOperator =
  | "||"
  | "&&"
  | "=="
  | "!="
  | "<"
  | ">"
  | "<="
  | ">="
  | "+"
  | "-"
  | "*"
  | "/"
  | "%";

/** How deep brackets, calls and operators may nest. */
const NESTING_MAX = 64;

const CHOICE_PRECEDENCE = 1;
const PRECEDENCE: ReadonlyMap<string, number> = new Map<BinaryOperator, number>([
  ["||", 2],
  ["&&", 3],
  ["==", 4],
  ["!=", 4],
  ["<", 5],
  [">", 5],
  ["<=", 5],
  [">=", 5],
  ["+", 6],
  ["-", 6],
  ["*", 7],
  ["/", 7],
  ["%", 7],
]);
const UNARY_PRECEDENCE = 8;
const UNARY: readonly string[] = ["-", "+", "!", "empty"] satisfies UnaryOperator[];
const LITERALS: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

interface Cursor {
  readonly tokens: readonly Token[];
  next: number;
  depth: number;
}

/** An error of grammar, carried up to `parseExpression` and nowhere further. */
type Parsed = Expression | Problem;

/**
 * The expression that starts at `from` in `text` and ends at its `}`; with the position after the brace.
 * Positions are those of the whole text.
 */
export function parseExpression(
  text: string,
  from: number,
): { readonly expression: Expression; readonly after: number } | Problem {
  const tokens = readTokens(text, from);
  if ("cause" in tokens) return tokens;
  const cursor: Cursor = { tokens, next: 0, depth: 0 };
  if (peek(cursor).kind === "end") {
    const end = peek(cursor);
    return {
      position: from,
      cause: end.value === "}" ? "the expression is empty" : "the expression does not end: } is missing",
    };
  }
  const expression = parseAbove(cursor, 0);
  if ("cause" in expression) return expression;
  const end = peek(cursor);
  if (end.kind !== "end") return unexpected(end);
  if (end.value === "") return { position: end.at, cause: "the expression does not end: } is missing" };
  return { expression, after: end.at + 1 };
}

/** Pratt's loop: an operand, then operators that bind tighter than `limit`. */
function parseAbove(cursor: Cursor, limit: number): Parsed {
  cursor.depth += 1;
  if (cursor.depth > NESTING_MAX) {
    return { position: peek(cursor).at, cause: `the expression nests deeper than ${NESTING_MAX} levels` };
  }
  let left = parseOperand(cursor);
  while (!("cause" in left)) {
    const token = peek(cursor);
    if (token.kind !== "sign") break;
    const precedence = isBinary(token.value)
      ? (PRECEDENCE.get(token.value) ?? 0)
      : token.value === "?"
        ? CHOICE_PRECEDENCE
        : 0;
    if (precedence <= limit) break;
    cursor.next += 1;
    left = isBinary(token.value)
      ? parseBinary(cursor, left, token.value, token.at)
      : parseChoice(cursor, left, token.at);
  }
  cursor.depth -= 1;
  return left;
}

function parseBinary(cursor: Cursor, left: Expression, operator: BinaryOperator, at: number): Parsed {
  const right = parseAbove(cursor, PRECEDENCE.get(operator) ?? 0);
  return "cause" in right ? right : { kind: "binary", at, operator, left, right };
}

function isBinary(sign: string): sign is BinaryOperator {
  return PRECEDENCE.has(sign);
}

function isUnary(sign: string): sign is UnaryOperator {
  return UNARY.includes(sign);
}

function parseChoice(cursor: Cursor, test: Expression, at: number): Parsed {
  const then = parseAbove(cursor, 0);
  if ("cause" in then) return then;
  const missing = expectSign(cursor, ":");
  if (missing !== undefined) return missing;
  const otherwise = parseAbove(cursor, 0);
  if ("cause" in otherwise) return otherwise;
  return { kind: "choice", at, test, then, otherwise };
}

function parseOperand(cursor: Cursor): Parsed {
  const token = peek(cursor);
  if (token.kind === "sign" && isUnary(token.value)) {
    cursor.next += 1;
    const operand = parseAbove(cursor, UNARY_PRECEDENCE);
    return "cause" in operand ? operand : { kind: "unary", at: token.at, operator: token.value, operand };
  }
  const primary = parsePrimary(cursor);
  return "cause" in primary ? primary : parseSuffixes(cursor, primary);
}

function parsePrimary(cursor: Cursor): Parsed {
  const token = peek(cursor);
  if (token.kind === "sign" && token.value === "(") {
    cursor.next += 1;
    const inner = parseAbove(cursor, 0);
    return "cause" in inner ? inner : (expectSign(cursor, ")") ?? inner);
  }
  if (token.kind === "sign" || token.kind === "end") return unexpected(token);
  cursor.next += 1;
  if (token.kind === "parameter") return { kind: "parameter", at: token.at, name: token.value };
  if (token.kind !== "name") return { kind: "literal", at: token.at, value: token.value };
  const literal = LITERALS.get(token.value);
  if (literal !== undefined) return { kind: "literal", at: token.at, value: literal };
  return { kind: "name", at: token.at, name: token.value };
}

/** `.name`, `.name(…)` and `[…]`, as many as follow; each adds to the depth of the tree. */
function parseSuffixes(cursor: Cursor, start: Expression): Parsed {
  let of: Parsed = start;
  for (let count = 0; !("cause" in of); count += 1) {
    const token = peek(cursor);
    if (token.kind !== "sign" || (token.value !== "." && token.value !== "[")) return of;
    if (count >= NESTING_MAX)
      return { position: token.at, cause: `more than ${NESTING_MAX} members in a row` };
    cursor.next += 1;
    of = token.value === "." ? parseMember(cursor, of) : parseIndex(cursor, of, token.at);
  }
  return of;
}

function parseMember(cursor: Cursor, of: Expression): Parsed {
  const name = peek(cursor);
  if (name.kind !== "name") return { position: name.at, cause: "a name is missing after the dot" };
  cursor.next += 1;
  if (!isSign(cursor, "(")) return { kind: "member", at: name.at, of, name: name.value };
  cursor.next += 1;
  const args = parseArguments(cursor);
  return "cause" in args ? args : { kind: "call", at: name.at, of, name: name.value, args };
}

function parseArguments(cursor: Cursor): Expression[] | Problem {
  const args: Expression[] = [];
  if (isSign(cursor, ")")) {
    cursor.next += 1;
    return args;
  }
  for (;;) {
    const argument = parseAbove(cursor, 0);
    if ("cause" in argument) return argument;
    args.push(argument);
    if (!isSign(cursor, ",")) {
      const missing = expectSign(cursor, ")");
      return missing ?? args;
    }
    cursor.next += 1;
  }
}

function parseIndex(cursor: Cursor, of: Expression, at: number): Parsed {
  const index = parseAbove(cursor, 0);
  if ("cause" in index) return index;
  return expectSign(cursor, "]") ?? { kind: "index", at, of, index };
}

function expectSign(cursor: Cursor, sign: string): Problem | undefined {
  if (isSign(cursor, sign)) {
    cursor.next += 1;
    return undefined;
  }
  const token = peek(cursor);
  return { position: token.at, cause: `${sign} expected, not ${shown(token)}` };
}

function isSign(cursor: Cursor, sign: string): boolean {
  const token = peek(cursor);
  return token.kind === "sign" && token.value === sign;
}

function peek(cursor: Cursor): Token {
  return cursor.tokens[cursor.next] ?? { kind: "end", at: 0, value: "" };
}

function unexpected(token: Token): Problem {
  if (token.kind !== "end") return { position: token.at, cause: `unexpected ${shown(token)}` };
  return { position: token.at, cause: "the expression ends where a value is missing" };
}

function shown(token: Token): string {
  return token.kind === "end" ? "the end" : JSON.stringify(String(token.value).slice(0, 40));
}
