/** The OpenAPI 3.1 page of a face, made from the contracts that its routes are held to. */
import { STATUS_CODES } from "node:http";
import type { TObject, TSchema } from "typebox";
import type { Contract, FaceContract, ReplyContent } from "./contract.ts";
import type { GuardedRoute, Route } from "./route.ts";

/** The page, ready to be written as JSON; the same for the same routes, member for member. */
export type OpenApiPage = Readonly<Record<string, unknown>>;

/** Every caller is known by one of these, whatever the face. */
const SECURITY_SCHEMES = {
  token: { type: "apiKey", in: "header", name: "X-Auth-Token", description: "A token of the identity API." },
  signature: {
    type: "apiKey",
    in: "header",
    name: "Authorization",
    description: "A signature with an access key, as the vendor's SDKs make it; `X-Sdk-Date` says when.",
  },
};

/** Describes the routes that have a contract. */
export function describeFace(routes: readonly Route[], face: FaceContract): OpenApiPage {
  const described = routes.flatMap((route) =>
    route.role !== "public" && route.contract !== undefined ? [{ route, contract: route.contract }] : [],
  );
  const refused = namedRefusals(face).map(({ status, name }) => [
    status,
    { $ref: `#/components/responses/${name}` },
  ]);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { route, contract } of described) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    const parameters = [...describePath(route.path), ...headerReferences(face.headers)];
    const operation = describeRoute(route, contract, Object.fromEntries(refused));
    paths[path] = { parameters, ...paths[path], [route.method.toLowerCase()]: operation };
  }
  const { title, description, version } = face;
  return {
    openapi: "3.1.0",
    info: { title, description, version },
    servers: [{ url: "/" }],
    security: Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] })),
    tags: [...new Set(described.map(({ contract }) => contract.tag))].map((name) => ({ name })),
    paths,
    components: describeComponents(face),
  };
}

/** What the operations refer to. */
function describeComponents(face: FaceContract) {
  const refusals = namedRefusals(face).map(({ status, name }) => [
    name,
    { description: STATUS_CODES[status], content: jsonOf({ $ref: "#/components/schemas/Refusal" }) },
  ]);
  return {
    securitySchemes: SECURITY_SCHEMES,
    parameters: Object.fromEntries(describeMembers("header", face.headers).map((one) => [one.name, one])),
    schemas: { Refusal: face.refusals.body },
    responses: Object.fromEntries(refusals),
  };
}

/** `BadRequest` for 400. */
function namedRefusals({ refusals }: FaceContract) {
  return refusals.statuses.map((status) => ({
    status,
    name: (STATUS_CODES[status] ?? String(status)).replaceAll(" ", ""),
  }));
}

function describePath(path: string) {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
  return names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
}

function headerReferences({ properties }: TObject) {
  return Object.keys(properties).map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

/** `refused`: what each route of the face may answer beside its own replies. */
function describeRoute(
  { role }: GuardedRoute,
  { operation, summary, tag, query, body, replies }: Contract,
  refused: Readonly<Record<string, unknown>>,
) {
  const own = Object.entries(replies).map(([status, content]) => [
    status,
    describeReply(Number(status), content),
  ]);
  return {
    operationId: operation,
    summary,
    description: `Needs the role \`${role}\` in the project.`,
    tags: [tag],
    ...(query !== undefined && { parameters: describeMembers("query", query) }),
    ...(body !== undefined && { requestBody: describeBody(body) }),
    responses: { ...Object.fromEntries(own), ...refused },
  };
}

/** A member with a default need not be given. */
function describeMembers(place: "query" | "header", { properties, required }: TObject) {
  return Object.entries<Keywords>(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    ...(required?.includes(name) && schema.default === undefined && { required: true }),
    ...(description !== undefined && { description }),
    schema,
  }));
}

function describeBody(body: Keywords) {
  const required = (body.required ?? []).length > 0;
  const schema = withNulls(body);
  return { required, content: jsonOf(required ? schema : orNull(schema)) };
}

function describeReply(status: number, content: ReplyContent | readonly ReplyContent[]) {
  const contents = [content].flat();
  return {
    description: STATUS_CODES[status],
    ...(!contents.includes("nothing") && {
      content: Object.assign(
        {},
        ...contents.map((one) =>
          typeof one === "string" ? { "application/octet-stream": {} } : jsonOf(one),
        ),
      ),
    }),
  };
}

function jsonOf(schema: TSchema) {
  return { "application/json": { schema } };
}

/** A JSON schema with the keywords that are looked at here. */
interface Keywords extends TSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Keywords[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Keywords>>;
  readonly patternProperties?: Readonly<Record<string, Keywords>>;
  readonly items?: Keywords;
}

/** The schema as clients see it, who may write null for each member that they leave out. */
function withNulls(schema: Keywords): Keywords {
  const { properties, patternProperties, items, anyOf, required = [] } = schema;
  const mapped = (members: Readonly<Record<string, Keywords>>, always: readonly string[]) =>
    Object.fromEntries(
      Object.entries(members).map(([name, member]) => [
        name,
        always.includes(name) ? withNulls(member) : orNull(withNulls(member)),
      ]),
    );
  return {
    ...schema,
    ...(properties !== undefined && { properties: mapped(properties, required) }),
    ...(patternProperties !== undefined && { patternProperties: mapped(patternProperties, []) }),
    ...(items !== undefined && { items: withNulls(items) }),
    ...(anyOf !== undefined && { anyOf: anyOf.map(withNulls) }),
  };
}

function orNull(schema: Keywords): object {
  if (schema.anyOf !== undefined) return { ...schema, anyOf: [...schema.anyOf, { type: "null" }] };
  if (schema.enum !== undefined) return { ...schema, enum: [...schema.enum, null] };
  if (schema.const !== undefined) return { anyOf: [schema, { type: "null" }] };
  return schema.type === undefined ? schema : { ...schema, type: [schema.type, "null"] };
}
