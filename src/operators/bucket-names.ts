/** What a file of a bucket is called in the folder of an attempt. */
import { Fault } from "../domain/fault.ts";

/** `root` with the bucket and the whole key: folders such as `year=2001/` have a meaning. A key is a name, never a path that is resolved (product 5). */
export function localName(root: string, path: string): string {
  const parts = path.slice(path.indexOf("://") + 3).split("/");
  const key = parts.at(-1) === "" ? parts.slice(0, -1) : parts;
  if (
    key.length < 2 ||
    key.some((part) => part === "" || part === "." || part === ".." || part.includes("\0"))
  )
    throw new Fault("invalid", "reference-invalid", `"${path}" is not of the form obs://bucket/key.`);
  return [root, ...key].join("/");
}
