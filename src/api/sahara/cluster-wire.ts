/** Clusters on the wire: schema, decode, encode. */
import { type Static, type TSchema, Type } from "typebox";
import type { Cluster, ClusterState } from "../../domain/cluster.ts";
import type { JsonObject } from "../../domain/cluster-services.ts";
import type { ApiVersion } from "./api-version.ts";
import { CLUSTER_MEMBERS } from "./cluster-template-wire.ts";
import { CLOSED, encodeShared, FlagValue, Name, NullableDescription, Uuid } from "./object-wire.ts";

const Members = Type.Object({
  ...CLUSTER_MEMBERS,
  description: NullableDescription,
  cluster_template_id: Uuid,
  user_keypair_id: Type.String({ maxLength: 255 }),
  is_transient: FlagValue,
  count: Type.Integer({ minimum: 1 }),
  is_public: FlagValue,
  is_protected: FlagValue,
});

/** Body of POST `/clusters`. What is said of machines is taken, and means nothing. */
export function clusterPost({ pluginVersion }: ApiVersion): TSchema {
  return Type.Object(
    {
      name: Name,
      plugin_name: Type.String(),
      [pluginVersion]: Type.String(),
      ...Type.Partial(Members).properties,
    },
    CLOSED,
  );
}

/** Body of PATCH `/clusters/{id}`. */
export const ClusterPatch = Type.Object(
  {
    name: Type.Optional(Name),
    description: Type.Optional(NullableDescription),
    shares: Type.Optional(CLUSTER_MEMBERS.shares),
    is_public: Type.Optional(FlagValue),
    is_protected: Type.Optional(FlagValue),
    verification: Type.Optional(Type.Object({ status: Type.Literal("START") }, CLOSED)),
  },
  CLOSED,
);

export interface ClusterRequest {
  readonly name: string;
  readonly description: string;
  readonly pluginName: string;
  readonly pluginVersion: string;
  readonly templateId: string | undefined;
  readonly services: JsonObject;
  readonly count: number;
  readonly isPublic: boolean;
  readonly isProtected: boolean;
}

/** `body` fits the schema of POST. */
export function decodeCluster(body: unknown, { pluginVersion: word }: ApiVersion): ClusterRequest {
  type Body = Partial<Static<typeof Members>> & { readonly name: string; readonly plugin_name: string };
  const given = body as Body & Readonly<Record<ApiVersion["pluginVersion"], string>>;
  return {
    name: given.name,
    description: given.description ?? "",
    pluginName: given.plugin_name,
    pluginVersion: given[word],
    templateId: given.cluster_template_id,
    services: given.cluster_configs ?? {},
    count: given.count ?? 1,
    isPublic: given.is_public ?? false,
    isProtected: given.is_protected ?? false,
  };
}

export function decodeClusterChanges(body: Static<typeof ClusterPatch>) {
  return {
    ...(body.name !== undefined && { name: body.name }),
    ...(body.description !== undefined && { description: body.description ?? "" }),
    ...(body.is_public !== undefined && { isPublic: body.is_public }),
    ...(body.is_protected !== undefined && { isProtected: body.is_protected }),
  };
}

const HEALTH: Readonly<Record<ClusterState, string>> = {
  Active: "GREEN",
  Error: "RED",
  Checking: "CHECKING",
};

/** Members without a meaning for a cluster that has no machines of its own are empty. */
export function encodeCluster(cluster: Cluster) {
  const { name, description, pluginName, pluginVersion, status, statusText, services } = cluster;
  const health = HEALTH[status];
  return {
    ...encodeShared(cluster),
    name,
    description,
    plugin_name: pluginName,
    hadoop_version: pluginVersion,
    status,
    status_description: statusText ?? "",
    trust_id: null,
    is_transient: false,
    cluster_configs: { ...services },
    default_image_id: null,
    neutron_management_network: null,
    anti_affinity: [],
    anti_affinity_ratio: 1,
    management_public_key: null,
    user_keypair_id: null,
    info: {},
    use_autoconfig: true,
    cluster_template_id: null,
    shares: null,
    domain_name: null,
    node_groups: [],
    provision_progress: [],
    verification: {
      status: health,
      checks: [{ name: "services", status: health, description: statusText ?? "" }],
    },
  };
}
