/** Draws docs/factory-requests.md from the OpenAPI page: every request with all that it takes and answers. */
import type { OpenApiPage } from "../src/api/openapi.ts";

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

const HEAD = `# Every request of the Factory API

What each request takes and answers, member by member; [factory-api.md](factory-api.md) says what it means. A star: must be
given. \`[]\`: a list. A body's optional member may be null, which says the same as leaving it out; members that are not named
here are kept, or passed over. Where a body has a member twice, the last one counts. Numbers are numbers: a text is refused.

Drawn by \`node tools/openapi.ts\` from the contracts that requests and answers are held to.
`;

/** The page, for the same routes the same. */
export function drawFactoryRequests({ paths }: OpenApiPage): string {
  const items = Object.entries(paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>);
  const all = items.flatMap(([path, { parameters: _, ...methods }]) =>
    Object.entries(methods).map(([method, operation]) => ({
      request: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
  const tags = [...new Set(all.flatMap(({ operation }) => operation.tags))];
  const parts = tags.flatMap((tag) => {
    const own = all.filter(({ operation }) => operation.tags.includes(tag));
    return [`## ${tag}\n`, ...own.map(({ request, operation }) => drawRequest(request, operation))];
  });
  return [HEAD, ...parts].join("\n");
}

function drawRequest(request: string, { operationId, summary, description, ...said }: Operation): string {
  const [, role = ""] = /`(\w+)`/.exec(description) ?? [];
  const query = (said.parameters ?? []).map(({ name, required, schema }) =>
    lineOf(name, schema, required === true),
  );
  const body = Object.values(said.requestBody?.content ?? {}).flatMap(({ schema = {} }) => linesOf(schema));
  const answers = Object.entries(said.responses)
    .filter(([status]) => Number(status) < 400)
    .map(([status, { content = {} }]) => [`answer ${status}`, answerOf(content)] as const);
  const blocks = [["query", query] as const, ["body", body] as const, ...answers]
    .filter(([, lines]) => lines.length > 0)
    .flatMap(([head, lines]) => [`${head}:`, ...lines.map((line) => `  ${line}`)]);
  return `\`${request}\`: ${summary} (\`${operationId}\`, ${role})\n\n\`\`\`\n${blocks.join("\n")}\n\`\`\`\n`;
}

function answerOf(content: Content): string[] {
  const kinds = Object.entries(content);
  if (kinds.length === 0) return ["nothing"];
  return kinds.flatMap(([type, { schema = {} }]) =>
    type === "application/json" ? linesOf(schema) : ["bytes"],
  );
}

/** A line for each member, those inside of another below it. */
function linesOf(schema: Schema): string[] {
  const { properties = {}, required = [] } = innerOf(schema);
  return Object.entries(properties).flatMap(([name, member]) => [
    lineOf(name, member, required.includes(name)),
    ...linesOf(member).map((line) => `  ${line}`),
  ]);
}

function lineOf(name: string, schema: Schema, required: boolean): string {
  const said = [rangeOf(schema), schema.default === undefined ? "" : `${schema.default} if absent`];
  const rule = said.filter((one) => one !== "").join(", ");
  return `${name}${isList(schema) ? "[]" : ""}${required ? "*" : ""}${rule === "" ? "" : `  ${rule}`}`;
}

function isList({ items, anyOf = [] }: Schema): boolean {
  return items !== undefined || anyOf.some(isList);
}

/** What has the members: of a list its entries, of a choice the branch that has any. */
function innerOf(schema: Schema): Schema {
  if (schema.items !== undefined) return innerOf(schema.items);
  const branch = schema.anyOf?.find((one) => one.properties !== undefined || one.items !== undefined);
  return branch === undefined ? schema : innerOf(branch);
}

function rangeOf({ enum: words, minimum, maximum, maxLength, maxItems }: Schema): string {
  if (words !== undefined) return words.filter((word) => word !== null).join(" | ");
  if (minimum !== undefined) return maximum === undefined ? `from ${minimum}` : `${minimum} to ${maximum}`;
  if (maximum !== undefined) return `up to ${maximum}`;
  if (maxLength !== undefined) return `at most ${maxLength} characters`;
  return maxItems === undefined ? "" : `at most ${maxItems}`;
}
