/** Trees of directories as DataArts Factory writes them: query, directories, elements (dataarts-factory 4). */
import { createHash } from "node:crypto";
import { type Static, Type } from "typebox";
import {
  DIRECTORY_CATEGORIES,
  type Directory,
  type DirectoryCategory,
  directoryName,
  parentPath,
} from "../../domain/directory.ts";
import type { DirectoryElement } from "../../store/directories.ts";
import { wordOf } from "../query.ts";
import { encodeKind, JOB_KINDS } from "./job-wire.ts";
import { pageMembers, type WirePage } from "./request-wire.ts";

const LIMIT_MAX = 100;
const ROOT_ID = "0";

const Category = Type.Enum([...DIRECTORY_CATEGORIES]);

export const DirectoryQuery = Type.Object({
  category: Type.Enum([...DIRECTORY_CATEGORIES], { default: "job" }),
  directory_id: Type.String({ default: ROOT_ID, description: "Whose elements are wanted." }),
  name: Type.Optional(Type.String({ description: "A part of the elements' names; case counts." })),
  ...pageMembers(LIMIT_MAX),
});

const Element = Type.Object({
  type: Category,
  parent_directory_id: Type.String(),
  name: Type.String(),
  element_id: Type.String(),
  owner: Type.Optional(Type.String()),
  process_type: Type.Optional(wordOf(JOB_KINDS)),
  is_single_node_job: Type.Optional(Type.Boolean()),
});

export const DirectoryTree = Type.Object({
  parent_directory_id: Type.Optional(Type.String({ description: "Not of the root." })),
  directory_name: Type.String(),
  category_type: Category,
  directory_id: Type.String(),
  paging: Type.Boolean({ description: "Whether it has elements that are not shown." }),
  offset: Type.Integer({ minimum: 0 }),
  limit: Type.Integer({ minimum: 1 }),
  count: Type.Integer({ minimum: 0, description: "All elements that the query chooses." }),
  elements: Type.Array(Element),
  sub_directories: Type.Array(Type.Unknown(), {
    description:
      "Directories like this one, with those below them; their elements are shown where they are asked for.",
  }),
});

/** The same for the same path at all times. */
export function directoryIdOf(category: DirectoryCategory, path: string): string {
  if (path === "/") return ROOT_ID;
  return createHash("sha256").update(`${category}${path}`).digest("hex").slice(0, 32);
}

export function encodeDirectory(
  category: DirectoryCategory,
  directory: Directory,
  page: WirePage,
  elements: readonly DirectoryElement[],
): Static<typeof DirectoryTree> {
  const id = directoryIdOf(category, directory.path);
  const parent = parentPath(directory);
  return {
    ...(parent !== undefined && { parent_directory_id: directoryIdOf(category, parent) }),
    directory_name: directoryName(directory),
    category_type: category,
    directory_id: id,
    paging: elements.length < directory.count,
    offset: page.offset,
    limit: page.limit,
    count: directory.count,
    elements: elements.map((element) => ({
      type: category,
      parent_directory_id: id,
      ...encodeElement(element),
    })),
    sub_directories: directory.below.map((one) => encodeDirectory(category, one, { ...page, offset: 0 }, [])),
  };
}

/** Members that only jobs have are absent of others. */
function encodeElement({ id, name, owner, kind, singleNode }: DirectoryElement) {
  return {
    name,
    element_id: id,
    ...(owner !== null && { owner }),
    ...(kind !== null && { process_type: encodeKind(kind) }),
    ...(singleNode !== null && { is_single_node_job: singleNode }),
  };
}
