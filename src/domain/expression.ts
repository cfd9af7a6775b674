/**
 * Text with `#{expressions}` and `${parameters}` in it: read, checked when something is saved, rendered when it runs.
 *
 * Rules that the sources leave open: `\#{` writes `#{`; a `${name}` that nothing knows stays as it is, backslash
 * or not, since shell scripts write their own variables so (inside an expression it is refused); null is written as
 * nothing, whole numbers without a point, dates as `yyyy-MM-dd HH:mm:ss`, arrays and objects as JSON.
 * Source: dataarts-factory 4.3.
 */
import { evaluate, nameProblems } from "./expression-evaluate.ts";
import type { Problem } from "./expression-lexer.ts";
import { type Expression, parseExpression } from "./expression-parser.ts";
import { truthOf, type Value } from "./expression-value.ts";
import {
  CHARACTERS_MAX,
  type Evaluation,
  type Lookup,
  refuse,
  STEPS_MAX,
  spendCharacters,
  spendSteps,
  textOf,
  type World,
} from "./expression-world.ts";
import { Fault } from "./fault.ts";

/** A text that has been read. */
export interface Template {
  readonly parts: readonly TemplatePart[];
}

type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "parameter"; readonly at: number; readonly name: string }
  | { readonly kind: "expression"; readonly at: number; readonly expression: Expression };

/** Longer than any script or document that is accepted elsewhere. */
const TEXT_MAX = 16 * 1024 * 1024;
const PROBLEMS_MAX = 20;
/** How deep parameters may name other parameters. */
const RESOLVING_MAX = 8;
/** How much of a parameter's value is read for the price of one step. */
const CHARACTERS_PER_STEP = 1000;

/** One for all: to compile it takes longer than to read most texts. Nothing that reads a mark starts another search. */
const MARK = /(\\?)(?:#\{|\$\{([\p{L}\p{N}_.-]{1,128})\})/gu;

/** Reads a text. Problems carry their position, counted from 0, and name unknown objects and functions too. */
export function parseTemplate(text: string): Template | { readonly problems: readonly Problem[] } {
  if (text.length > TEXT_MAX) {
    return { problems: [{ position: TEXT_MAX, cause: `a text has at most ${TEXT_MAX} characters` }] };
  }
  const parts: TemplatePart[] = [];
  const problems: Problem[] = [];
  let kept = 0;
  MARK.lastIndex = 0;
  for (let mark = MARK.exec(text); mark !== null && problems.length < PROBLEMS_MAX; mark = MARK.exec(text)) {
    const read = readMark(text, mark);
    if (read === undefined) continue;
    if (mark.index > kept) parts.push({ kind: "text", text: text.slice(kept, mark.index) });
    if (read.part !== undefined) parts.push(read.part);
    problems.push(...read.problems);
    kept = read.after;
    MARK.lastIndex = read.after;
  }
  if (problems.length > 0) return { problems: problems.slice(0, PROBLEMS_MAX) };
  if (kept < text.length) parts.push({ kind: "text", text: text.slice(kept) });
  return { parts };
}

/** What is wrong with a text, each with its position (from 1) and cause; empty when nothing is. */
export function checkTemplate(text: string): string[] {
  // Most texts hold no mark, and a search for none is quicker than one by an expression.
  if (text.length <= TEXT_MAX && !text.includes("#{") && !text.includes("${")) return [];
  const template = parseTemplate(text);
  return "problems" in template ? template.problems.map(problemText) : [];
}

/** The text with its expressions evaluated. Fault `expression-invalid` names the position and cause of a failure. */
export function render(template: Template, world: World): string {
  return renderParts(newEvaluation(world), template.parts);
}

/**
 * Whether a condition holds: its expression, or its whole text once rendered, is true. Blank text holds.
 * Fault `expression-invalid` where it cannot be read or is neither true nor false.
 */
export function holds(conditionText: string, world: World): boolean {
  if (conditionText.trim() === "") return true;
  const { parts } = readTemplate(conditionText.trim());
  const evaluation = newEvaluation(world);
  const [only] = parts;
  const value =
    parts.length === 1 && only?.kind === "expression"
      ? evaluate(evaluation, only.expression, insertParameters)
      : renderParts(evaluation, parts);
  evaluation.at = 0;
  return (
    truthOf(value) ??
    refuse(evaluation, `the condition is neither true nor false: ${shortened(evaluation, value)}`)
  );
}

/** The template of a text. Fault `expression-invalid` with every problem when it cannot be read. */
export function readTemplate(text: string): Template {
  const template = parseTemplate(text);
  if (!("problems" in template)) return template;
  const problems = template.problems.map(problemText);
  throw new Fault("invalid", "expression-invalid", problems.join("; "), { problems });
}

interface ReadMark {
  readonly part?: TemplatePart;
  readonly problems: readonly Problem[];
  readonly after: number;
}

/** What a mark in the text begins; undefined when it is kept as text. */
function readMark(text: string, mark: RegExpExecArray): ReadMark | undefined {
  const [whole, backslash, name] = mark;
  const after = mark.index + whole.length;
  if (name !== undefined) {
    if (backslash !== "") return undefined;
    return { part: { kind: "parameter", at: mark.index, name }, problems: [], after };
  }
  if (backslash !== "") return { part: { kind: "text", text: "#{" }, problems: [], after };
  const parsed = parseExpression(text, after);
  if ("cause" in parsed) return { problems: [parsed], after };
  const part: TemplatePart = { kind: "expression", at: mark.index, expression: parsed.expression };
  return { part, problems: nameProblems(parsed.expression), after: parsed.after };
}

function newEvaluation(world: World): Evaluation {
  return {
    world,
    at: 0,
    resolving: [],
    budget: { steps: STEPS_MAX, characters: CHARACTERS_MAX },
    parameter: resolveParameter,
  };
}

function renderParts(evaluation: Evaluation, parts: readonly TemplatePart[]): string {
  const texts: string[] = [];
  for (const part of parts) {
    const text = partText(evaluation, part);
    spendCharacters(evaluation, text.length);
    texts.push(text);
  }
  return texts.join("");
}

function partText(evaluation: Evaluation, part: TemplatePart): string {
  if (part.kind === "text") return part.text;
  evaluation.at = part.at;
  if (part.kind === "expression")
    return textOf(evaluation, evaluate(evaluation, part.expression, insertParameters));
  return evaluation.parameter(evaluation, part.name, everyLookup(evaluation)) ?? `\${${part.name}}`;
}

/** `${name}` inside a text literal of an expression; the rest of the literal is never read as an expression. */
function insertParameters(evaluation: Evaluation, text: string): string {
  if (!text.includes("${")) return text;
  const inserted = text.replaceAll(MARK, (whole, backslash: string, name: string | undefined) => {
    if (name === undefined || backslash !== "") return whole;
    return evaluation.parameter(evaluation, name, everyLookup(evaluation)) ?? whole;
  });
  spendCharacters(evaluation, inserted.length);
  return inserted;
}

function everyLookup({ world }: Evaluation): readonly Lookup[] {
  return [world.jobParameter, world.environment, world.scriptParameter];
}

/**
 * A parameter's value: expressions and parameters that its text names are resolved in turn; what they give is data
 * and is not read again. Fault `expression-invalid` when parameters name each other in a circle or too deep.
 */
function resolveParameter(
  evaluation: Evaluation,
  name: string,
  lookups: readonly Lookup[],
): string | undefined {
  const text = firstFound(lookups, name);
  if (text === undefined) return undefined;
  spendSteps(evaluation, 1 + Math.floor(text.length / CHARACTERS_PER_STEP));
  spendCharacters(evaluation, text.length);
  if (!text.includes("#{") && !text.includes("${")) return text;
  if (evaluation.resolving.includes(name)) {
    const circle = [...evaluation.resolving.slice(evaluation.resolving.indexOf(name)), name];
    return refuse(evaluation, `parameters name each other: ${circle.join(" -> ")}`);
  }
  if (evaluation.resolving.length >= RESOLVING_MAX) {
    return refuse(evaluation, `parameters name each other more than ${RESOLVING_MAX} deep`);
  }
  const template = parseTemplate(text);
  const inner: Evaluation = { ...evaluation, at: 0, resolving: [...evaluation.resolving, name] };
  if (!("problems" in template)) return renderParts(inner, template.parts);
  const [first] = template.problems;
  inner.at = first?.position ?? 0;
  return refuse(inner, first?.cause ?? "it cannot be read");
}

function firstFound(lookups: readonly Lookup[], name: string): string | undefined {
  for (const lookup of lookups) {
    const found: unknown = lookup(name);
    // A lookup in a plain object would find what objects inherit; that is no parameter.
    if (typeof found === "string") return found;
  }
  return undefined;
}

function problemText({ position, cause }: Problem): string {
  return `expression at character ${position + 1}: ${cause}`;
}

function shortened(evaluation: Evaluation, value: Value): string {
  return JSON.stringify(textOf(evaluation, value).slice(0, 64));
}
