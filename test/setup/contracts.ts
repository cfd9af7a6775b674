/** Holds the answers that tests get from a face to the contracts of its routes. */
import type { TSchema } from "typebox";
import { checkSchema } from "../../src/api/check-schema.ts";
import type { Contract, ReplyContent } from "../../src/api/contract.ts";
import type { Face, Route } from "../../src/api/route.ts";

/** What came back; without `json` where the body was no JSON. */
export interface HeldAnswer {
  readonly status: number;
  readonly json?: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Throws with all that the answer has against the contract; answers of routes without one pass. */
export type HoldToContract = (method: string, target: string, answer: HeldAnswer) => void;

export function createHoldToContract({ routes, contract: face }: Face): HoldToContract {
  const found = new Map(routes.map((route) => [route, patternOf(route)]));
  return (method, target, answer) => {
    const path = target.split("?")[0] ?? "";
    const route = routes
      .filter((one) => one.method === method && found.get(one)?.test(path))
      .toSorted((one, other) => parametersOf(one) - parametersOf(other))[0];
    if (face === undefined || route === undefined || route.role === "public") return;
    if (route.contract === undefined) return;
    const refused = face.refusals.statuses.includes(answer.status);
    const problems = refused ? holdJson(face.refusals.body, answer) : holdReply(route.contract, answer);
    if (problems.length > 0)
      throw new Error(
        `${method} ${target} answers ${answer.status} against its contract: ${problems.join("; ")}`,
      );
  };
}

function holdReply({ replies }: Contract, answer: HeldAnswer): string[] {
  const promised = replies[answer.status];
  if (promised === undefined) return [`status ${answer.status} is not promised`];
  const contents: readonly ReplyContent[] = [promised].flat();
  const type = String(answer.headers["content-type"] ?? "nothing");
  const content = contents.find((one) => type.startsWith(typeOf(one)));
  if (content === undefined) return [`the content ${type} is not promised`];
  return typeof content === "string" ? [] : holdJson(content, answer);
}

function typeOf(content: ReplyContent): string {
  if (content === "bytes") return "application/octet-stream";
  return content === "nothing" ? "nothing" : "application/json";
}

function holdJson(schema: TSchema, { json }: HeldAnswer): string[] {
  return [...checkSchema(schema, json), ...findUnnamed(schema, json, "body")];
}

interface Keywords extends TSchema {
  readonly anyOf?: readonly Keywords[];
  readonly properties?: Readonly<Record<string, Keywords>>;
  readonly patternProperties?: Readonly<Record<string, Keywords>>;
  readonly additionalProperties?: unknown;
  readonly items?: Keywords;
}

/** Members that the schema does not name: a page that is silent about them promises too little. */
function findUnnamed(schema: Keywords, value: unknown, place: string): string[] {
  const { anyOf, properties, patternProperties, additionalProperties, items } = schema;
  const branch = anyOf?.find((one) => checkSchema(one, value).length === 0);
  if (branch !== undefined) return findUnnamed(branch, value, place);
  if (Array.isArray(value))
    return items === undefined
      ? []
      : value.flatMap((one, index) => findUnnamed(items, one, `${place}.${index}`));
  if (typeof value !== "object" || value === null || properties === undefined) return [];
  const isOpen = additionalProperties === true || patternProperties !== undefined;
  return Object.entries(value).flatMap(([name, member]) => {
    const named = properties[name];
    if (named !== undefined) return findUnnamed(named, member, `${place}.${name}`);
    return isOpen ? [] : [`${place}.${name}: is not named`];
  });
}

function patternOf({ path }: Route): RegExp {
  return new RegExp(`^${path.replaceAll(".", "[.]").replaceAll(/:\w+/g, "[^/]*")}$`);
}

function parametersOf({ path }: Route): number {
  return path.split(":").length;
}
