/** The route of DataArts Factory v2 that finds the jobs that use a table (dataarts-factory 5, `F/task-table-references`). */
import type { Static } from "typebox";
import { listTableReferences } from "../../catalog/table-references.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import type { FactoryDeps } from "./deps.ts";
import { readPage } from "./request-wire.ts";
import { searchedWorkspaces } from "./searched-workspaces.ts";
import {
  decodeTableReferences,
  encodeTableReference,
  TableReferenceList,
  TableReferenceQuery,
} from "./table-reference-wire.ts";

export function tableReferenceRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/v2/:project_id/factory/task-table-references",
      role: "reader",
      contract: {
        operation: "list_task_table_reference_detail",
        summary: "Finds the jobs whose SQL reads or writes a table, the newest job first",
        tag: "Search",
        query: TableReferenceQuery,
        replies: { 200: TableReferenceList },
      },
      handle: (request) => list(deps, request, readQuery(TableReferenceQuery, request.query)),
    },
  ];
}

async function list(
  deps: FactoryDeps,
  { caller }: CallerRequest,
  asked: Static<typeof TableReferenceQuery>,
): Promise<Reply> {
  const wanted = decodeTableReferences(asked);
  const filter = { ...wanted, ...(await searchedWorkspaces(deps, caller, asked.workspace_name)) };
  const references = await listTableReferences(deps.pool, caller.projectId, filter);
  const { page } = await readPage(asked, async ({ offset, limit }) => ({
    total: references.length,
    page: references.slice(offset, offset + limit),
  }));
  return json(200, {
    total: references.length,
    task_table_detail_list: page.map((one) => encodeTableReference(one, asked.db_type)),
  });
}
