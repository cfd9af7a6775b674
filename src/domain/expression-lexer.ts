/** The words of an expression: from its text to tokens with positions. */

export type Token =
  | { readonly kind: "number"; readonly at: number; readonly value: number }
  | { readonly kind: "text"; readonly at: number; readonly value: string }
  | { readonly kind: "name"; readonly at: number; readonly value: string }
  /** `${name}`. */
  | { readonly kind: "parameter"; readonly at: number; readonly value: string }
  /** An operator in its sign spelling, or a bracket. */
  | { readonly kind: "sign"; readonly at: number; readonly value: string }
  /** The closing brace, or the end of the text. */
  | { readonly kind: "end"; readonly at: number; readonly value: "}" | "" };

/** Something wrong at a position of the whole text. */
export interface Problem {
  readonly position: number;
  readonly cause: string;
}

/** `${name}` at the place where matching starts. */
const PARAMETER = /\$\{([\p{L}\p{N}_.-]{1,128})\}/uy;

/** Operators written as words, and the signs that they stand for. */
const WORDS: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  div: "/",
  mod: "%",
  eq: "==",
  ne: "!=",
  lt: "<",
  gt: ">",
  le: "<=",
  ge: ">=",
  and: "&&",
  or: "||",
  not: "!",
  empty: "empty",
});

/** Bounds the tree, which may be as deep as a chain of operators is long. */
const TOKENS_MAX = 2000;

const BLANK = /\s*/y;
const NUMBER = /(?:\d{1,308}(?:\.\d{0,308})?|\.\d{1,308})(?:[eE][+-]?\d{1,3})?/y;
const NAME = /[\p{L}_$][\p{L}\p{N}_$]{0,127}/uy;
const SIGN = /==|!=|<=|>=|&&|\|\||[.,[\]()+\-*/%<>!?:]/y;
const ESCAPES: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  n: "\n",
  r: "\r",
  t: "\t",
});

/**
 * The tokens of the expression that starts at `from` in `text`, up to the first `}` outside text literals, the end
 * token included; or the first problem.
 */
export function readTokens(text: string, from: number): Token[] | Problem {
  const tokens: Token[] = [];
  let at = from;
  for (;;) {
    at += matchAt(BLANK, text, at)?.length ?? 0;
    const token = readToken(text, at);
    if ("cause" in token) return token;
    if (tokens.length >= TOKENS_MAX)
      return { position: at, cause: `the expression has more than ${TOKENS_MAX} words` };
    tokens.push(token.token);
    if (token.token.kind === "end") return tokens;
    at = token.after;
  }
}

type Read = { readonly token: Token; readonly after: number };

function readToken(text: string, at: number): Read | Problem {
  const next = text[at];
  if (next === undefined) return { token: { kind: "end", at, value: "" }, after: at };
  if (next === "}") return { token: { kind: "end", at, value: "}" }, after: at + 1 };
  if (next === '"' || next === "'") return readText(text, at, next);
  PARAMETER.lastIndex = at;
  const parameter = PARAMETER.exec(text);
  if (parameter?.[1] !== undefined) {
    return { token: { kind: "parameter", at, value: parameter[1] }, after: at + parameter[0].length };
  }
  const number = matchAt(NUMBER, text, at);
  if (number !== undefined)
    return { token: { kind: "number", at, value: Number(number) }, after: at + number.length };
  const name = matchAt(NAME, text, at);
  if (name !== undefined) {
    const operator = WORDS[name];
    const token: Token =
      operator === undefined ? { kind: "name", at, value: name } : { kind: "sign", at, value: operator };
    return { token, after: at + name.length };
  }
  const sign = matchAt(SIGN, text, at);
  if (sign !== undefined) return { token: { kind: "sign", at, value: sign }, after: at + sign.length };
  return { position: at, cause: `unexpected character "${String.fromCodePoint(text.codePointAt(at) ?? 0)}"` };
}

/** A text literal; a backslash takes the next character as it is, but for `\n`, `\r` and `\t`. */
function readText(text: string, start: number, quote: string): Read | Problem {
  let value = "";
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === quote) return { token: { kind: "text", at: start, value }, after: at + 1 };
    if (character !== "\\") {
      value += character;
      continue;
    }
    at += 1;
    const escaped = text[at] ?? "";
    value += ESCAPES[escaped] ?? escaped;
  }
  return { position: start, cause: `the text that starts with ${quote} does not end` };
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
