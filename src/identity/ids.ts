/** Ids of users and projects: 32 hexadecimal digits inside, with or without dashes from outside. */
import { randomUUID } from "node:crypto";

/** The id as it is written inside; undefined when the text is none. */
export function parseId(text: string): string | undefined {
  const id = text.toLowerCase().replaceAll("-", "");
  return /^[0-9a-f]{32}$/.test(id) ? id : undefined;
}

export function createId(): string {
  return randomUUID().replaceAll("-", "");
}
