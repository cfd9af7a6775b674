/** The route of DataArts Factory v2 that searches jobs and scripts (dataarts-factory 5, `F/search`). */
import type { Static } from "typebox";
import { search } from "../../store/search.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import type { FactoryDeps } from "./deps.ts";
import { readPage } from "./request-wire.ts";
import { decodeSearch, encodeHit, SearchQuery, SearchResult } from "./search-wire.ts";
import { searchedWorkspaces } from "./searched-workspaces.ts";

export function searchRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/v2/:project_id/factory/search",
      role: "reader",
      contract: {
        operation: "show_factory_full_text",
        summary: "Finds texts in jobs, their nodes and scripts, saved last first",
        tag: "Search",
        query: SearchQuery,
        replies: { 200: SearchResult },
      },
      handle: (request) => find(deps, request, readQuery(SearchQuery, request.query)),
    },
  ];
}

async function find(
  deps: FactoryDeps,
  { caller }: CallerRequest,
  asked: Static<typeof SearchQuery>,
): Promise<Reply> {
  const { projectId } = caller;
  const wanted = decodeSearch(asked);
  const filter = { ...wanted, ...(await searchedWorkspaces(deps, caller, asked.workspace_id)) };
  const { offset, limit } = asked;
  const { hits, total } = await readPage({ offset, limit }, (records) =>
    search(deps.pool, projectId, filter, records),
  );
  const search_details = hits.map((hit) => encodeHit(hit, { projectId, asked }));
  return json(200, { limit, offset, total_hits: total, search_details });
}
