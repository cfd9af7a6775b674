/** Clusters as the console's API writes and reads them. */
import { type Static, Type } from "typebox";
import type { Cluster, ClusterDraft, ServiceTest } from "../../domain/cluster.ts";
import { formatObjectId } from "../../domain/shared-object.ts";
import type { ClusterDefault } from "../../store/cluster-defaults.ts";

/** Of PUT `/api/clusters/:name`; what each service has stands in docs/clusters.md, and the catalogue checks it. */
export const ClusterBody = Type.Object(
  {
    description: Type.Optional(Type.String()),
    plugin: Type.Optional(
      Type.Object({
        name: Type.String({ minLength: 1, maxLength: 80 }),
        version: Type.String({ minLength: 1, maxLength: 80 }),
      }),
    ),
    services: Type.Record(Type.String(), Type.Unknown()),
    public: Type.Optional(Type.Boolean()),
    protected: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

/** Of PUT `/api/cluster-default`, of the workspace that the header names, and `/api/cluster-default/project`. */
export const ClusterDefaultBody = Type.Object(
  {
    /** Name or id; null takes the choice away. */
    cluster: Type.Union([Type.String({ minLength: 1, maxLength: 128 }), Type.Null()]),
  },
  { additionalProperties: false },
);

export const ClusterView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  plugin: Type.Object({ name: Type.String(), version: Type.String() }),
  state: Type.String(),
  /** Why it is in that state. */
  stateText: Type.Union([Type.String(), Type.Null()]),
  checkedAt: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
  /** Secrets masked. */
  services: Type.Record(Type.String(), Type.Unknown()),
  public: Type.Boolean(),
  protected: Type.Boolean(),
  createdBy: Type.String(),
});
export type ClusterView = Static<typeof ClusterView>;

export const ClusterList = Type.Object({
  clusters: Type.Array(ClusterView),
  defaults: Type.Array(
    Type.Object({
      /** Null: of the project. */
      workspace: Type.Union([Type.String(), Type.Null()]),
      clusterId: Type.String(),
    }),
  ),
});
export type ClusterList = Static<typeof ClusterList>;

export const ClusterTestView = Type.Object({
  services: Type.Array(Type.Object({ service: Type.String(), ok: Type.Boolean(), detail: Type.String() })),
});
export type ClusterTestView = Static<typeof ClusterTestView>;

export function decodeCluster(name: string, body: Static<typeof ClusterBody>): ClusterDraft {
  return {
    name,
    description: body.description ?? "",
    ...(body.plugin !== undefined && { plugin: body.plugin }),
    services: body.services,
    isPublic: body.public ?? false,
    isProtected: body.protected ?? false,
  };
}

export function encodeCluster(cluster: Cluster): ClusterView {
  return {
    id: formatObjectId(cluster.id),
    name: cluster.name,
    description: cluster.description,
    plugin: { name: cluster.pluginName, version: cluster.pluginVersion },
    state: cluster.status,
    stateText: cluster.statusText,
    checkedAt: cluster.checkedAt?.toISOString() ?? null,
    services: { ...cluster.services },
    public: cluster.isPublic === true,
    protected: cluster.isProtected === true,
    createdBy: cluster.createdBy,
  };
}

export function encodeClusters(
  clusters: readonly Cluster[],
  defaults: readonly ClusterDefault[],
): ClusterList {
  return {
    clusters: clusters.map(encodeCluster),
    defaults: defaults.map(({ workspaceId, clusterId }) => ({
      workspace: workspaceId,
      clusterId: formatObjectId(clusterId),
    })),
  };
}

export function encodeTests(services: readonly ServiceTest[]): ClusterTestView {
  return { services: services.map((one) => ({ ...one })) };
}
