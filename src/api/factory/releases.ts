/**
 * Routes of DataArts Factory v2 about the review of changes before they count: it is off, so that there is nothing to
 * list, to release or to approve (dataarts-factory 5).
 */
import { checkWorkspace } from "../../catalog/workspaces.ts";
import type { Contract } from "../contract.ts";
import { readQuery } from "../query.ts";
import { type CallerRequest, type GuardedRoute, json, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import {
  ApprovalsQuery,
  checkPackageFilter,
  DeployBody,
  EmptyApprovals,
  EmptyList,
  PackageFilter,
  PackItemsBody,
  PendingItemsQuery,
  refuseItems,
  refusePackage,
  refusePackages,
  UnpackBody,
} from "./release-wire.ts";

const FACTORY = "/v2/:project_id/factory";
const PACKAGES = `${FACTORY}/release-packages`;
const ITEMS = `${FACTORY}/pending-items`;

export function releaseRoutes(deps: FactoryDeps): Route[] {
  return [...listRoutes(), ...actRoutes()].map((route) => inWorkspace(deps, route));
}

function listRoutes(): GuardedRoute[] {
  return [
    {
      method: "POST",
      path: PACKAGES,
      role: "reader",
      contract: contractOf("list_factory_release_packages", "Lists release packages: none without review", {
        body: PackageFilter,
        replies: { 200: EmptyList },
      }),
      handle: async ({ body }) => {
        checkPackageFilter(body);
        return json(200, { data: [], total: 0 });
      },
    },
    {
      method: "GET",
      path: ITEMS,
      role: "reader",
      contract: contractOf(
        "list_factory_pending_items",
        "Lists changes to be released: none without review",
        {
          query: PendingItemsQuery,
          replies: { 200: EmptyList },
        },
      ),
      handle: async ({ query }) => {
        readQuery(PendingItemsQuery, query);
        return json(200, { data: [], total: 0 });
      },
    },
    {
      method: "GET",
      path: `${FACTORY}/workspaces/approval`,
      role: "reader",
      contract: contractOf("list_factory_workspaces_approval", "Lists approvals: none without review", {
        query: ApprovalsQuery,
        replies: { 200: EmptyApprovals },
      }),
      handle: async ({ query }) => {
        readQuery(ApprovalsQuery, query);
        return json(200, { job_apply_search_list: [], total: 0 });
      },
    },
  ];
}

/** Each is refused for what it names. */
function actRoutes(): GuardedRoute[] {
  return [
    {
      method: "GET",
      path: `${PACKAGES}/:package_id`,
      role: "reader",
      contract: contractOf("show_factory_package_detail", "Shows a release package: there is none", {
        replies: {},
      }),
      handle: async ({ params }) => refusePackage(params.package_id ?? ""),
    },
    {
      method: "POST",
      path: `${PACKAGES}/deploy`,
      role: "member",
      contract: contractOf("deploy_factory_packages", "Releases packages: there are none", {
        body: DeployBody,
        replies: {},
      }),
      handle: async ({ body }) => refusePackages(DeployBody, body),
    },
    {
      method: "POST",
      path: `${PACKAGES}/unpack`,
      role: "member",
      contract: contractOf("cancel_factory_packages", "Takes release packages back: there are none", {
        body: UnpackBody,
        replies: {},
      }),
      handle: async ({ body }) => refusePackages(UnpackBody, body),
    },
    {
      method: "POST",
      path: `${ITEMS}/package`,
      role: "member",
      contract: contractOf("create_factory_pending_items_package", "Packs pending items: there are none", {
        body: PackItemsBody,
        replies: {},
      }),
      handle: async ({ body }) => refuseItems(body),
    },
  ];
}

function contractOf(
  operation: string,
  summary: string,
  rest: Pick<Contract, "query" | "body" | "replies">,
): Contract {
  return { operation, summary, tag: "Review", ...rest };
}

/** The workspace must be one that may be read, whatever follows. */
function inWorkspace(deps: FactoryDeps, route: GuardedRoute): Route {
  return {
    ...route,
    handle: async (request: CallerRequest) => {
      await checkWorkspace(deps.pool, deps, workspaceOf(request));
      return await route.handle(request);
    },
  };
}
