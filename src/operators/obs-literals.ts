/** Finds the files that a SQL text names, such as `'obs://bucket/key'`, and puts local paths in their places. */

export interface ObsLiteral {
  /** As written, quotes taken off: `obs://bucket/key`. */
  readonly path: string;
  /** `write` behind the `to` of a `copy`. */
  readonly use: "read" | "write";
  readonly start: number;
  readonly end: number;
}

// In this order: string, quoted name, comments, dollar quote, word, statement's end. Nothing else matters here.
const TOKEN =
  /[eE]?'((?:[^']|'')*)'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\2\$|[A-Za-z_]\w*|;/g;

/** Schemes under which a bucket may be named (product 5). */
const BUCKET_PATH = /^(?:obs|s3a?|s3n|swift):\/\//;

/** In reading order; literals in comments and within other texts do not count. */
export function findObsLiterals(sql: string): ObsLiteral[] {
  const found: ObsLiteral[] = [];
  let first = "";
  let previous = "";
  for (const match of sql.matchAll(TOKEN)) {
    const [token, text] = match;
    if (token.startsWith("--") || token.startsWith("/*")) continue;
    if (token === ";") first = "";
    else if (first === "") first = token.toLowerCase();
    if (text !== undefined && BUCKET_PATH.test(text)) {
      const use = first === "copy" && previous === "to" ? "write" : "read";
      found.push({
        path: text.replaceAll("''", "'"),
        use,
        start: match.index,
        end: match.index + token.length,
      });
    }
    previous = token.toLowerCase();
  }
  return found;
}

/** The text with `pathOf(literal)` in the place of each literal. */
export function replaceObsLiterals(
  sql: string,
  literals: readonly ObsLiteral[],
  pathOf: (literal: ObsLiteral) => string,
): string {
  let result = "";
  let position = 0;
  for (const literal of literals) {
    result += `${sql.slice(position, literal.start)}'${pathOf(literal).replaceAll("'", "''")}'`;
    position = literal.end;
  }
  return result + sql.slice(position);
}

/** The folder below which all that fits a pattern lies, without a final slash; undefined when it has no wildcard. */
export function patternFolder(path: string): string | undefined {
  const fixed = /^[^*?[]*/.exec(path)?.[0] ?? "";
  return fixed === path ? undefined : fixed.slice(0, fixed.lastIndexOf("/"));
}

/**
 * Whether `path` fits `pattern`: `*` and `?` within one folder, `**` across folders, `[…]` a set of characters. All
 * ways to fit are followed at once, so the time is bounded by the product of the lengths.
 */
export function matchesPattern(pattern: string, path: string): boolean {
  const steps = (pattern.match(/\*\*\/?|\[!?[^\]]+\]|[\s\S]/g) ?? []).flatMap(stepsOf);
  let places = withSkips(steps, [0]);
  for (const character of path) {
    const next = [...places].flatMap((place) => {
      const step = steps[place];
      if (step === undefined) return [];
      return [...(step.stays(character) ? [place] : []), ...(step.passes(character) ? [place + 1] : [])];
    });
    places = withSkips(steps, next);
  }
  return places.has(steps.length);
}

interface PatternStep {
  readonly stays: (character: string) => boolean;
  readonly passes: (character: string) => boolean;
  /** How many steps may be left out from here on. */
  readonly skips: readonly number[];
}

const none = () => false;
const any = () => true;
const withinFolder = (character: string) => character !== "/";
const isSlash = (character: string) => character === "/";

function stepsOf(token: string): PatternStep[] {
  if (token === "**/")
    return [
      { stays: none, passes: none, skips: [1, 2] }, // no folder at all, or some and a slash
      { stays: any, passes: isSlash, skips: [] },
    ];
  if (token === "**") return [{ stays: any, passes: none, skips: [1] }];
  if (token === "*") return [{ stays: withinFolder, passes: none, skips: [1] }];
  if (token === "?") return [{ stays: none, passes: withinFolder, skips: [] }];
  if (token.length > 1)
    return [{ stays: none, passes: (character) => isInSet(token.slice(1, -1), character), skips: [] }];
  return [{ stays: none, passes: (character) => character === token, skips: [] }];
}

function withSkips(steps: readonly PatternStep[], places: readonly number[]): Set<number> {
  const reached = new Set(places);
  // A set is walked in the order of its making, so what is added here is looked at too.
  for (const place of reached) for (const skip of steps[place]?.skips ?? []) reached.add(place + skip);
  return reached;
}

function isInSet(set: string, character: string): boolean {
  const negated = set.startsWith("!");
  const members = negated ? set.slice(1) : set;
  const ranges = members.match(/[\s\S]-[\s\S]|[\s\S]/g) ?? [];
  const found = ranges.some((range) => {
    const [low = "", high = low] = range.length === 3 ? [range.charAt(0), range.charAt(2)] : [range];
    return low <= character && character <= high;
  });
  return found !== negated && character !== "/";
}
