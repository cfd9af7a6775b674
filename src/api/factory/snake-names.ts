/** The members of v1 under the names of v2, and back. */
import { type TObject, type TProperties, type TSchema, Type } from "typebox";
import { isObject, type WireObject } from "./request-wire.ts";

/** Members that only the older SDKs read. */
const OLD_MEMBERS = ["instancesId", "nodeType"];

/** Members of v2 whose own members have names that users gave. */
const OPAQUE_MEMBERS = ["custom_fields", "configuration"];

/** What v1 writes, in snake_case at any depth. */
export function withSnakeNames(value: WireObject): WireObject {
  const members = Object.entries(value).filter(([name]) => !OLD_MEMBERS.includes(name));
  return Object.fromEntries(members.map(([name, member]) => [snakeOf(name), withSnakeMembers(member)]));
}

function withSnakeMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSnakeMembers);
  return isObject(value) ? withSnakeNames(value) : value;
}

/** The schema of what `withSnakeNames` makes of what `schema` describes. */
export function snakeSchema({ properties }: TObject): TObject {
  const members = Object.entries<TSchema>(properties).filter(([name]) => !OLD_MEMBERS.includes(name));
  return Type.Object(
    Object.fromEntries(members.map(([name, member]) => [snakeOf(name), snakeMember(member)])),
  );
}

function snakeMember(schema: TSchema): TSchema {
  if (Type.IsObject(schema)) return snakeSchema(schema);
  return Type.IsArray(schema) && Type.IsObject(schema.items) ? Type.Array(snakeSchema(schema.items)) : schema;
}

function snakeOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What came by v2, in camelCase at any depth; a member that has both names counts by that of v2. */
export function withCamelNames(value: WireObject): WireObject {
  const members = Object.entries(value).map(([name, member]) => ({
    name,
    camel: name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    member: OPAQUE_MEMBERS.includes(name) ? member : withCamelMembers(member),
  }));
  const [same, renamed] = [
    members.filter(({ name, camel }) => name === camel),
    members.filter(({ name, camel }) => name !== camel),
  ];
  return Object.fromEntries([...same, ...renamed].map(({ camel, member }) => [camel, member]));
}

function withCamelMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withCamelMembers);
  return isObject(value) ? withCamelNames(value) : value;
}

type SnakeName<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? First extends Lowercase<First>
    ? `${First}${SnakeName<Rest>}`
    : `_${Lowercase<First>}${SnakeName<Rest>}`
  : Name;

/** Members of a v1 schema under the names of v2; what lies inside of them stays. */
export function snakeMembers<Members extends TProperties>(members: Members) {
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [snakeOf(name), member])) as {
    [Name in keyof Members & string as SnakeName<Name>]: Members[Name];
  }; // The type renames as `snakeOf` does.
}
