/** The value of an expression in a world, within bounds; and which names it may use. */
import { OBJECTS } from "./expression-functions.ts";
import type { Problem } from "./expression-lexer.ts";
import type { BinaryOperator, Expression } from "./expression-parser.ts";
import {
  isEmpty,
  isEqual,
  isList,
  isMap,
  kindOf,
  memberOf,
  numberOf,
  truthOf,
  type Value,
} from "./expression-value.ts";
import {
  type Evaluation,
  jsonText,
  type Member,
  type Members,
  refuse,
  spendCharacters,
  spendSteps,
  textOf,
} from "./expression-world.ts";

/** `${name}` within an expression's text literal. */
export type Insert = (evaluation: Evaluation, text: string) => string;

/** The expression's value. Fault `expression-invalid` with position and cause where it has none. */
export function evaluate(evaluation: Evaluation, expression: Expression, insert: Insert): Value {
  const value = (part: Expression) => evaluate(evaluation, part, insert);
  spendSteps(evaluation, 1);
  evaluation.at = expression.at;
  switch (expression.kind) {
    case "literal":
      return typeof expression.value === "string" ? insert(evaluation, expression.value) : expression.value;
    case "parameter":
      return parameterValue(evaluation, expression.name);
    case "name":
      return refuse(evaluation, nameProblem(expression.name));
    case "unary":
      return unary(evaluation, expression, value(expression.operand));
    case "binary":
      return binary(evaluation, expression, value);
    case "choice":
      return truth(evaluation, expression.at, value(expression.test))
        ? value(expression.then)
        : value(expression.otherwise);
    case "index": {
      const [of, index] = [value(expression.of), value(expression.index)];
      evaluation.at = expression.at;
      return itemOf(evaluation, of, index);
    }
    case "member":
      return member(evaluation, expression, value);
    case "call":
      return call(evaluation, expression, value);
    default:
      return expression satisfies never;
  }
}

/** Objects, members and numbers of arguments that are not there, with their positions. */
export function nameProblems(expression: Expression): Problem[] {
  switch (expression.kind) {
    case "literal":
    case "parameter":
      return [];
    case "name":
      return [{ position: expression.at, cause: nameProblem(expression.name) }];
    case "unary":
      return nameProblems(expression.operand);
    case "binary":
      return [expression.left, expression.right].flatMap(nameProblems);
    case "choice":
      return [expression.test, expression.then, expression.otherwise].flatMap(nameProblems);
    case "index":
      return [...nameProblems(expression.of), ...nameProblems(expression.index)];
    case "member":
      return memberProblems(expression, undefined);
    case "call":
      return [
        ...memberProblems(expression, expression.args.length),
        ...expression.args.flatMap(nameProblems),
      ];
    default:
      return expression satisfies never;
  }
}

type ValueOf = (expression: Expression) => Value;

function objectOf(expression: Expression): Members | undefined {
  return expression.kind === "name" ? OBJECTS.get(expression.name) : undefined;
}

function memberProblems(
  expression: Extract<Expression, { name: string; of: Expression }>,
  args: number | undefined,
): Problem[] {
  const members = objectOf(expression.of);
  if (members === undefined) {
    const inner = nameProblems(expression.of);
    return args === undefined || inner.length > 0
      ? inner
      : [{ position: expression.at, cause: noFunctions(expression.name) }];
  }
  const owner = expression.of.kind === "name" ? expression.of.name : "";
  const problem = usageProblem(owner, expression.name, members.get(expression.name), args);
  return problem === undefined ? [] : [{ position: expression.at, cause: problem }];
}

/** What is wrong with using `owner.name`; `args` is undefined for a property. */
function usageProblem(
  owner: string,
  name: string,
  member: Member | undefined,
  args: number | undefined,
): string | undefined {
  if (member === undefined) return `${owner} has no "${name}"`;
  if (member.takes === undefined) return args === undefined ? undefined : `${owner}.${name} is no function`;
  const [least, most] = member.takes;
  if (args === undefined) return `${owner}.${name} is a function: brackets are missing`;
  if (args >= least && args <= most) return undefined;
  const wanted = least === most ? `${least}` : `${least} to ${most}`;
  return `${owner}.${name} takes ${wanted} ${most === 1 ? "argument" : "arguments"}, not ${args}`;
}

function nameProblem(name: string): string {
  if (OBJECTS.has(name)) return `${name} is an object: a member is missing`;
  return `there is no object "${name}"; there are ${[...OBJECTS.keys()].join(", ")}`;
}

function noFunctions(name: string): string {
  return `values have no functions such as "${name}"; see StringUtil, DateUtil and JSONUtil`;
}

function member(
  evaluation: Evaluation,
  expression: Extract<Expression, { kind: "member" }>,
  value: ValueOf,
): Value {
  const members = objectOf(expression.of);
  if (members === undefined) {
    const of = value(expression.of);
    evaluation.at = expression.at;
    return itemOf(evaluation, of, expression.name);
  }
  return used(evaluation, expression, members.get(expression.name), undefined);
}

function call(
  evaluation: Evaluation,
  expression: Extract<Expression, { kind: "call" }>,
  value: ValueOf,
): Value {
  const members = objectOf(expression.of);
  if (members === undefined) return refuse(evaluation, noFunctions(expression.name));
  return used(evaluation, expression, members.get(expression.name), expression.args.map(value));
}

function used(
  evaluation: Evaluation,
  expression: Extract<Expression, { name: string; of: Expression }>,
  member: Member | undefined,
  args: readonly Value[] | undefined,
): Value {
  evaluation.at = expression.at;
  const owner = expression.of.kind === "name" ? expression.of.name : "";
  const problem = usageProblem(owner, expression.name, member, args?.length);
  if (problem !== undefined || member === undefined) return refuse(evaluation, problem ?? "no such member");
  return member.value(evaluation, args ?? []);
}

/** A member of an object or an item of an array; null when there is none, and of null. */
function itemOf(evaluation: Evaluation, of: Value, index: Value): Value {
  if (of === null) return null;
  if (isMap(of)) return memberOf(of, textOf(evaluation, index));
  if (!isList(of)) return refuse(evaluation, `${kindOf(of)} has no members`);
  const number = numberOf(index);
  if (number === undefined || index === null || !Number.isInteger(number)) {
    return refuse(evaluation, "an array is asked by a whole number");
  }
  return number < 0 ? null : (of[number] ?? null);
}

function parameterValue(evaluation: Evaluation, name: string): Value {
  const { world } = evaluation;
  const lookups = [world.jobParameter, world.environment, world.scriptParameter];
  return (
    evaluation.parameter(evaluation, name, lookups) ?? refuse(evaluation, `there is no parameter "${name}"`)
  );
}

function unary(
  evaluation: Evaluation,
  { operator, at }: Extract<Expression, { kind: "unary" }>,
  operand: Value,
): Value {
  if (operator === "empty") return isEmpty(operand);
  if (operator === "!") return !truth(evaluation, at, operand);
  const number = numeric(evaluation, at, operand);
  return operator === "-" ? -number : number;
}

function binary(
  evaluation: Evaluation,
  { operator, left, right, at }: Extract<Expression, { kind: "binary" }>,
  value: ValueOf,
): Value {
  if (operator === "&&") return truth(evaluation, at, value(left)) && truth(evaluation, at, value(right));
  if (operator === "||") return truth(evaluation, at, value(left)) || truth(evaluation, at, value(right));
  const [a, b] = [value(left), value(right)];
  evaluation.at = at;
  switch (operator) {
    case "==":
      return isEqual(a, b, (part) => jsonText(evaluation, part));
    case "!=":
      return !isEqual(a, b, (part) => jsonText(evaluation, part));
    case "<":
    case ">":
    case "<=":
    case ">=":
      return ordered(operator, compare(evaluation, a, b));
    case "+":
      if (typeof a === "string" || typeof b === "string") return joined(evaluation, a, b);
      return arithmetic(evaluation, operator, a, b);
    default:
      return arithmetic(evaluation, operator, a, b);
  }
}

function joined(evaluation: Evaluation, left: Value, right: Value): string {
  const [a, b] = [textOf(evaluation, left), textOf(evaluation, right)];
  spendCharacters(evaluation, a.length + b.length);
  return a + b;
}

function arithmetic(evaluation: Evaluation, operator: BinaryOperator, left: Value, right: Value): number {
  const [a, b] = [numeric(evaluation, evaluation.at, left), numeric(evaluation, evaluation.at, right)];
  if ((operator === "/" || operator === "%") && b === 0) return refuse(evaluation, "division by zero");
  const result = { "+": a + b, "-": a - b, "*": a * b, "/": a / b, "%": a % b }[operator as "+"];
  return Number.isFinite(result) ? result : refuse(evaluation, "the number is too large");
}

/** Below, at or above 0 as `left` is before, at or after `right`; NaN when null is among them. */
function compare(evaluation: Evaluation, left: Value, right: Value): number {
  if (left === null || right === null) return Number.NaN;
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime();
  if (typeof left === "string" && typeof right === "string") return left < right ? -1 : left > right ? 1 : 0;
  return numeric(evaluation, evaluation.at, left) - numeric(evaluation, evaluation.at, right);
}

function ordered(operator: "<" | ">" | "<=" | ">=", order: number): boolean {
  return { "<": order < 0, ">": order > 0, "<=": order <= 0, ">=": order >= 0 }[operator];
}

function numeric(evaluation: Evaluation, at: number, value: Value): number {
  const number = numberOf(value);
  if (number !== undefined) return number;
  evaluation.at = at;
  return refuse(evaluation, `a number is wanted, not ${described(value)}`);
}

function truth(evaluation: Evaluation, at: number, value: Value): boolean {
  const answer = truthOf(value);
  if (answer !== undefined) return answer;
  evaluation.at = at;
  return refuse(evaluation, `true or false is wanted, not ${described(value)}`);
}

function described(value: Value): string {
  return typeof value === "string" ? `the text "${value.slice(0, 32)}"` : kindOf(value);
}
