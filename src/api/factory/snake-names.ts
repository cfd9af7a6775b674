/** The members of v1 under the names of v2. */
import { isObject, type WireObject } from "./request-wire.ts";

/** Members that only the older SDKs read. */
const OLD_MEMBERS = ["instancesId", "nodeType"];

/** What v1 writes, in snake_case at any depth. */
export function withSnakeNames(value: WireObject): WireObject {
  const members = Object.entries(value).filter(([name]) => !OLD_MEMBERS.includes(name));
  return Object.fromEntries(members.map(([name, member]) => [snakeOf(name), withSnakeMembers(member)]));
}

function withSnakeMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSnakeMembers);
  return isObject(value) ? withSnakeNames(value) : value;
}

function snakeOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
