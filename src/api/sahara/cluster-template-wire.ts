/** Templates of clusters and of their groups of nodes on the wire: schema, decode, encode. Source: sahara-v1.1 9. */
import { type TSchema, Type } from "typebox";
import type { ClusterTemplateChanges, ClusterTemplateDraft } from "../../catalog/cluster-templates.ts";
import type { ClusterTemplate, TemplateKind } from "../../domain/cluster-template.ts";
import type { Flag } from "../../domain/shared-object.ts";
import { type ApiVersion, V2 } from "./api-version.ts";
import {
  CLOSED,
  decodeFlagChanges,
  decodeNewFlags,
  encodeShared,
  FlagValue,
  Name,
  NullableDescription,
  Uuid,
} from "./object-wire.ts";

/** Longest list of groups, processes or shares. */
const PARTS_MAX = 1000;

const Text = Type.Union([Type.String({ maxLength: 255 }), Type.Null()]);
const Count = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]);
const Texts = Type.Union([Type.Array(Type.String({ maxLength: 255 }), { maxItems: PARTS_MAX }), Type.Null()]);
const Shares = Type.Union([
  Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: PARTS_MAX }),
  Type.Null(),
]);
/** Settings by service, and in it by name. */
const Configs = Type.Record(
  Type.String(),
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer(), Type.Boolean(), Type.Null()])),
);
const NodeGroup = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255 }),
  count: Type.Integer({ minimum: 0 }),
  node_group_template_id: Type.Optional(Type.Union([Uuid, Type.Null()])),
});

/** What a cluster has in common with a template of one. */
export const CLUSTER_MEMBERS = {
  cluster_configs: Configs,
  node_groups: Type.Array(NodeGroup, { maxItems: PARTS_MAX }),
  anti_affinity: Texts,
  default_image_id: Text,
  neutron_management_network: Text,
  use_autoconfig: FlagValue,
  shares: Shares,
  domain_name: Text,
};

const GROUP_MEMBERS = {
  image_id: Text,
  node_configs: Configs,
  volumes_per_node: Count,
  volumes_size: Count,
  volume_type: Text,
  volumes_availability_zone: Text,
  volume_mount_prefix: Text,
  volume_local_to_instance: FlagValue,
  floating_ip_pool: Text,
  security_groups: Texts,
  auto_security_group: FlagValue,
  availability_zone: Text,
  is_proxy_gateway: FlagValue,
  use_autoconfig: FlagValue,
  shares: Shares,
};
const GROUP_MEMBERS_V2 = {
  boot_from_volume: FlagValue,
  boot_volume_type: Text,
  boot_volume_availability_zone: Text,
  boot_volume_local_to_instance: FlagValue,
};
/** What a new one must say beside its name and plug-in. */
const GROUP_NEEDS = {
  flavor_id: Type.Union([Type.String({ maxLength: 255 }), Type.Integer()]),
  node_processes: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    maxItems: PARTS_MAX,
    uniqueItems: true,
  }),
};

/** What is shown where nothing was given. */
const DEFAULTS: Readonly<Record<TemplateKind, Readonly<Record<string, unknown>>>> = {
  cluster: {
    cluster_configs: {},
    node_groups: [],
    anti_affinity: [],
    default_image_id: null,
    neutron_management_network: null,
    use_autoconfig: true,
    shares: null,
    domain_name: null,
  },
  "node-group": {
    flavor_id: null,
    node_processes: [],
    image_id: null,
    node_configs: {},
    volumes_per_node: 0,
    volumes_size: 0,
    volume_type: null,
    volumes_availability_zone: null,
    volume_mount_prefix: "/volumes/disk",
    volume_local_to_instance: false,
    floating_ip_pool: null,
    security_groups: null,
    auto_security_group: false,
    availability_zone: null,
    is_proxy_gateway: false,
    use_autoconfig: true,
    shares: null,
  },
};
const DEFAULTS_V2 = {
  boot_from_volume: false,
  boot_volume_type: null,
  boot_volume_availability_zone: null,
  boot_volume_local_to_instance: false,
};

/** The members by which every cluster and template is known. */
interface TemplateBody extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly description?: string | null;
  readonly plugin_name: string;
  readonly is_public?: Flag;
  readonly is_protected?: Flag;
}

export interface TemplateSchemas {
  readonly post: TSchema;
  readonly change: TSchema;
}

/** Bodies of POST, and of PUT or PATCH, where what is there is changed. */
export function templateSchemas(kind: TemplateKind, version: ApiVersion): TemplateSchemas {
  const needs = {
    name: Name,
    plugin_name: Type.String(),
    [version.pluginVersion]: Type.String(),
    ...(kind === "node-group" && GROUP_NEEDS),
  };
  const others = {
    description: NullableDescription,
    is_public: FlagValue,
    is_protected: FlagValue,
    ...(kind === "cluster" ? CLUSTER_MEMBERS : GROUP_MEMBERS),
    ...(kind === "node-group" && version === V2 && GROUP_MEMBERS_V2),
  };
  const optional = Type.Partial(Type.Object(others)).properties;
  const post = Type.Object({ ...needs, ...optional }, CLOSED);
  return { post, change: Type.Partial(post, CLOSED) };
}

/** `body` fits the schema of POST. */
export function decodeTemplate(body: unknown, { pluginVersion: word }: ApiVersion): ClusterTemplateDraft {
  const { name, description = null, plugin_name: pluginName, ...others } = body as TemplateBody;
  const { is_public: _public, is_protected: _protected, [word]: pluginVersion, ...details } = others;
  const flags = decodeNewFlags(others);
  return { name, description, pluginName, pluginVersion: String(pluginVersion), details, ...flags };
}

/** `body` fits the schema of PUT and PATCH. */
export function decodeTemplateChanges(
  body: unknown,
  { pluginVersion: word }: ApiVersion,
): ClusterTemplateChanges {
  const { name, description, plugin_name: pluginName, ...others } = body as Partial<TemplateBody>;
  const { is_public: _public, is_protected: _protected, [word]: pluginVersion, ...details } = others;
  return {
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(pluginName !== undefined && { pluginName }),
    ...(pluginVersion !== undefined && { pluginVersion: String(pluginVersion) }),
    ...(Object.keys(details).length > 0 && { details }),
    ...decodeFlagChanges(others),
  };
}

/** In the older version's words; the newer one's members are left to it. */
export function encodeTemplate(kind: TemplateKind, version: ApiVersion, template: ClusterTemplate) {
  return { ...encodeShared(template), ...encodeExport(kind, version, template), is_default: false };
}

/** A template without what makes it this one: another server makes its like of it. */
export function encodeExport(kind: TemplateKind, version: ApiVersion, template: ClusterTemplate) {
  const shown = {
    ...DEFAULTS[kind],
    ...(kind === "node-group" && version === V2 && DEFAULTS_V2),
  };
  const given = Object.entries(template.details).filter(([name]) => Object.hasOwn(shown, name));
  return {
    name: template.name,
    description: template.description,
    plugin_name: template.pluginName,
    hadoop_version: template.pluginVersion,
    is_public: template.isPublic,
    is_protected: template.isProtected,
    ...shown,
    ...Object.fromEntries(given),
  };
}
