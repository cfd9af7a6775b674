/** Clusters and their templates on the wire: schema, encode. */
import { Type } from "typebox";
import type { Cluster } from "../../domain/cluster.ts";
import { encodeShared, Name } from "./object-wire.ts";

/** Body of POST `/clusters` and `/cluster-templates`: what a client must send before it hears that none is made here. */
export const ClusterPost = Type.Object({
  name: Name,
  plugin_name: Type.String(),
  hadoop_version: Type.String(),
});

/** Body of POST `/node-group-templates`. */
export const NodeGroupTemplatePost = Type.Object({
  name: Name,
  flavor_id: Type.String(),
  plugin_name: Type.String(),
  hadoop_version: Type.String(),
  node_processes: Type.Array(Type.String()),
});

/** Members without a meaning for a cluster that has no machines of its own are empty. */
export function encodeCluster(cluster: Cluster) {
  const { name, description, pluginName, pluginVersion, status, statusText } = cluster;
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
    cluster_configs: {},
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
  };
}
