/** The console's API about instances that nodes of another began, and about which node began one. */
import { type Static, Type } from "typebox";
import { invalid, missing } from "../../domain/fault.ts";
import type { InstanceState } from "../../domain/states.ts";
import { createDefinitions, type Definitions } from "../../engine/definitions.ts";
import { type ChildOfNode, findParent, listChildInstances } from "../../store/child-instances.ts";
import type { Database } from "../../store/database.ts";
import { type CallerRequest, json, type Reply, type Route } from "../route.ts";
import { numberOf } from "./query-wire.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;

/** An instance that a node began. */
const ChildView = Type.Object({
  instanceId: Type.Integer({ minimum: 1 }),
  /** The node, by name; by its place where its definition is gone. */
  node: Type.String(),
  /** Each retry and each rerun of the node begins another. */
  round: Type.Integer({ minimum: 1 }),
  /** The row of a ForEach; 0 for a SubJob. */
  place: Type.Integer({ minimum: 0 }),
  state: Type.Unsafe<InstanceState>(Type.String()),
});

/** Answer of `GET /api/instances/{id}/children`. */
export const ChildPage = Type.Object({
  /** The node's instance, where the instance itself was begun by a node. */
  parent: Type.Union([
    Type.Object({
      instanceId: Type.Integer({ minimum: 1 }),
      node: Type.String(),
      place: Type.Integer({ minimum: 0 }),
    }),
    Type.Null(),
  ]),
  children: Type.Array(ChildView),
  /** What to give as `after` for the next page; null after the last. */
  next: Type.Union([Type.Integer(), Type.Null()]),
});
export type ChildPage = Static<typeof ChildPage>;

export function childInstanceRoutes({ pool }: { readonly pool: Database }): Route[] {
  const definitions = createDefinitions(pool);
  return [
    {
      method: "GET",
      path: "/api/instances/:instance_id/children",
      role: "reader",
      handle: (request) => list(pool, definitions, request),
    },
  ];
}

async function list(
  pool: Database,
  definitions: Definitions,
  { caller: { projectId }, params, query }: CallerRequest,
): Promise<Reply> {
  const instanceId = Number(params.instance_id);
  if (!Number.isSafeInteger(instanceId)) unknownInstance(params.instance_id);
  const limit = numberOf(query, "limit") ?? LIMIT_DEFAULT;
  if (limit < 1 || limit > LIMIT_MAX) invalid("request-invalid", [`limit: must be 1 to ${LIMIT_MAX}`]);
  const parent = await findParent(pool, projectId, instanceId);
  const children = await listChildInstances(pool, {
    projectId,
    parentId: instanceId,
    after: numberOf(query, "after") ?? 0,
    limit: limit + 1,
  });
  const [own, above] = await definitions.factsOf([
    { projectId, instanceId },
    { projectId, instanceId: parent?.instanceId ?? 0 },
  ]);
  if (own === undefined) unknownInstance(params.instance_id);
  const page = children.slice(0, limit);
  const answer: ChildPage = {
    parent: parent === undefined ? null : { ...parent, node: nameOf(above, parent.nodeNo) },
    children: page.map(({ nodeNo, ...child }) => ({ ...child, node: nameOf(own, nodeNo) })),
    next: children.length > limit ? (page.at(-1)?.instanceId ?? null) : null,
  };
  return json(200, answer);
}

function nameOf(
  facts: Awaited<ReturnType<Definitions["factsOf"]>>[number],
  nodeNo: ChildOfNode["nodeNo"],
): string {
  return facts?.pinned?.nodes[nodeNo]?.name ?? String(nodeNo);
}

function unknownInstance(id: string | undefined): never {
  missing("instance-missing", `there is no instance ${id}`);
}
