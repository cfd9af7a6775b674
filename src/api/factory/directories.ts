/** The route of DataArts Factory about directories (dataarts-factory 4, `directory/tree`). */
import type { Static } from "typebox";
import { checkWorkspace } from "../../catalog/workspaces.ts";
import { directoryTree, findDirectory } from "../../domain/directory.ts";
import { invalid } from "../../domain/fault.ts";
import { listDirectories, listDirectoryElements } from "../../store/directories.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import { DirectoryQuery, DirectoryTree, directoryIdOf, encodeDirectory } from "./directory-wire.ts";
import { readPage } from "./request-wire.ts";

/** More have no place in one answer; those whose path comes first are shown. */
const DIRECTORIES_MAX = 10_000;

export function directoryRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/v1.0/:project_id/directory/tree",
      role: "reader",
      contract: {
        operation: "show_directory_tree",
        summary: "Shows the directories below one, and a page of its elements by name",
        tag: "Directories",
        query: DirectoryQuery,
        replies: { 200: DirectoryTree },
      },
      handle: (request) => show(deps, request, readQuery(DirectoryQuery, request.query)),
    },
  ];
}

async function show(
  deps: FactoryDeps,
  request: CallerRequest,
  { category, directory_id: id, name: nameContains = "", ...page }: Static<typeof DirectoryQuery>,
): Promise<Reply> {
  const workspace = workspaceOf(request);
  await checkWorkspace(deps.pool, deps, workspace);
  const chosen = { nameContains, most: DIRECTORIES_MAX };
  const tree = directoryTree(await listDirectories(deps.pool, workspace, category, chosen));
  const directory = findDirectory(tree, ({ path }) => directoryIdOf(category, path) === id);
  if (directory === undefined)
    return invalid("request-invalid", ["directory_id: there is no such directory"]);
  const { spellings, count: total } = directory;
  const { elements } = await readPage(page, async (records) => ({
    total,
    elements: await listDirectoryElements(deps.pool, workspace, category, {
      spellings,
      nameContains,
      page: records,
    }),
  }));
  return json(200, encodeDirectory(category, directory, page, elements));
}
