/** Templates of clusters and of their groups of nodes, by both versions. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SaharaWorld, saharaWorld, tokenOf } from "../../../test/setup/sahara-world.ts";

let world: SaharaWorld;

beforeAll(async () => {
  world = await saharaWorld("none");
});
afterAll(() => world.close());

function setup(project = randomUUID().replaceAll("-", "")) {
  return {
    project,
    call: async (method: string, path: string, body?: object) => {
      const answer = await world.app.inject({
        method: method as "GET",
        url: path.replace(/^\/v[\d.]+/, (version) => `${version}/${project}`),
        headers: { "x-auth-token": tokenOf(project) },
        ...(body !== undefined && { payload: body }),
      });
      return { status: answer.statusCode, body: answer.body === "" ? undefined : answer.json() };
    },
  };
}

const GROUP = {
  name: "workers",
  plugin_name: "vanilla",
  hadoop_version: "3.4.2",
  flavor_id: "2",
  node_processes: ["datanode", "nodemanager"],
};
const CLUSTER = { name: "small", plugin_name: "vanilla", hadoop_version: "3.4.2" };

async function setupGroup() {
  const world = setup();
  const made = await world.call("POST", "/v1.1/node-group-templates", GROUP);
  expect(made.status).toBe(202);
  return { ...world, group: made.body.node_group_template };
}

test("are made, shown with what was not said, listed, changed and deleted", async () => {
  const { call, group } = await setupGroup();
  expect(group).toMatchObject({ ...GROUP, volumes_per_node: 0, node_configs: {}, is_default: false });
  const groups = [{ name: "workers", count: 3, node_group_template_id: group.id }];
  const body = { ...CLUSTER, node_groups: groups, cluster_configs: { hdfs: { webhdfs: "http://h:9870" } } };
  const made = (await call("POST", "/v1.1/cluster-templates", body)).body.cluster_template;
  expect(made).toMatchObject({ ...body, anti_affinity: [], description: null, updated_at: null });
  const path = `/v1.1/cluster-templates/${made.id}`;
  expect((await call("GET", path)).body.cluster_template).toEqual(made);
  const changed = await call("PUT", path, { name: "large", anti_affinity: ["datanode"] });
  expect(changed).toMatchObject({
    status: 202,
    body: { cluster_template: { name: "large", anti_affinity: ["datanode"], node_groups: groups } },
  });
  const listed = await call("GET", "/v1.1/cluster-templates?plugin_name=vani&hadoop_version=3.4.2&name=lar");
  expect(listed.body.cluster_templates).toMatchObject([{ id: made.id }]);
  expect((await call("GET", "/v1.1/cluster-templates?hadoop_version=3")).body.cluster_templates).toEqual([]);
  expect((await call("DELETE", path)).status).toBe(204);
  expect((await call("GET", path)).status).toBe(404);
});

test("have the newer words in the second version, and PATCH for PUT", async () => {
  const { call, group } = await setupGroup();
  const path = `/v2/node-group-templates/${group.id}`;
  const shown = (await call("GET", path)).body.node_group_template;
  expect(shown).toMatchObject({ plugin_version: "3.4.2", boot_from_volume: false });
  expect(shown).not.toHaveProperty("hadoop_version");
  expect(group).not.toHaveProperty("boot_from_volume");
  const changed = await call("PATCH", path, { plugin_version: "3.4.2", boot_from_volume: true });
  expect(changed.body.node_group_template.boot_from_volume).toBe(true);
  expect((await call("PUT", path, {})).status).toBe(405);
  expect(await call("PATCH", path, { hadoop_version: "3.4.2" })).toMatchObject({
    status: 400,
    body: { error_name: "VALIDATION_ERROR" },
  });
  const listed = await call("GET", "/v2/node-group-templates?plugin_version=3.4.2&hadoop_version=3.4.2");
  expect(listed.body.node_group_templates).toMatchObject([{ id: group.id }]);
  expect((await call("GET", "/v2/cluster-templates?hadoop_version=3.4.2")).status).toBe(400);
});

test("are refused where they name what is not there, or a name that is taken", async () => {
  const { call, group } = await setupGroup();
  const refusal = async (path: string, body: object) => {
    const answer = await call("POST", path, body);
    expect(answer.status).toBe(400);
    return answer.body.error_name;
  };
  const groups = (id: string) => [{ name: "workers", count: 1, node_group_template_id: id }];
  const clusters = "/v1.1/cluster-templates";
  expect(await refusal(clusters, { ...CLUSTER, plugin_name: "nope" })).toBe("INVALID_REFERENCE");
  expect(await refusal(clusters, { ...CLUSTER, hadoop_version: "1" })).toBe("INVALID_REFERENCE");
  expect(await refusal(clusters, { ...CLUSTER, node_groups: groups(randomUUID()) })).toBe(
    "INVALID_REFERENCE",
  );
  expect(await refusal(clusters, { ...CLUSTER, colour: "red" })).toBe("VALIDATION_ERROR");
  expect((await call("POST", clusters, { ...CLUSTER, node_groups: groups(group.id) })).status).toBe(202);
  expect(await refusal(clusters, CLUSTER)).toBe("NAME_ALREADY_EXISTS");
  const nodeGroups = "/v1.1/node-group-templates";
  expect(await refusal(nodeGroups, { ...GROUP, name: "two", node_processes: ["cook"] })).toBe(
    "INVALID_REFERENCE",
  );
  const renamed = (await call("POST", nodeGroups, { ...GROUP, name: "two" })).body.node_group_template;
  expect(await call("PUT", `${nodeGroups}/${renamed.id}`, { name: GROUP.name })).toMatchObject({
    status: 400,
    body: { error_name: "NAME_ALREADY_EXISTS" },
  });
  expect(await call("DELETE", `${nodeGroups}/${group.id}`)).toMatchObject({
    status: 400,
    body: { error_name: "DELETION_FAILED" },
  });
  expect((await call("DELETE", `${nodeGroups}/${renamed.id}`)).status).toBe(204);
});

test("that are public are seen, and changed by their own project alone; protected ones stay", async () => {
  const { call, group } = await setupGroup();
  const path = `/v1.1/node-group-templates/${group.id}`;
  const other = setup();
  expect((await other.call("GET", path)).status).toBe(404);
  expect((await call("PUT", path, { is_public: true, is_protected: true })).status).toBe(202);
  expect((await other.call("GET", path)).status).toBe(200);
  expect((await other.call("PUT", path, { name: "x" })).body.error_name).toBe("UPDATE_FAILED");
  expect((await other.call("DELETE", path)).body.error_name).toBe("DELETION_FAILED");
  expect((await call("PUT", path, { volumes_per_node: 1 })).body.error_name).toBe("UPDATE_FAILED");
  expect((await call("DELETE", path)).body.error_name).toBe("DELETION_FAILED");
  const open = await call("PUT", path, { is_public: false, is_protected: false });
  expect(open.body.node_group_template).toMatchObject({ is_public: false, is_protected: false });
});

test("leave as what makes their like: an export is a body to make one of", async () => {
  const { call, group } = await setupGroup();
  const exported = (await call("GET", `/v1.1/node-group-templates/${group.id}/export`)).body;
  expect(Object.keys(exported)).toEqual(["node_group_template"]);
  const again = await call("POST", "/v1.1/node-group-templates", {
    ...exported.node_group_template,
    name: "again",
  });
  const { id: _id, created_at: _at, name: _name, ...same } = again.body.node_group_template;
  expect(group).toMatchObject(same);
});

test("images stand for the plug-ins, and are not changed", async () => {
  const { call } = setup();
  const { images } = (await call("GET", "/v1.1/images")).body;
  expect(images.map(({ name }: { name: string }) => name)).toEqual([
    "local-1",
    "spark-4.0.1",
    "vanilla-3.4.2",
  ]);
  const [, spark] = images;
  expect((await call("GET", "/v2/images?tags=spark&tags=4.0.1")).body.images).toEqual([spark]);
  expect((await call("GET", "/v1.1/images?username=root")).body.images).toEqual([]);
  expect((await call("GET", `/v2/images/${spark.id}`)).body.image).toEqual(spark);
  expect((await call("GET", `/v2/images/${spark.id}/tags`)).body.tags).toEqual(["spark", "4.0.1"]);
  const tagged = await call("PUT", `/v2/images/${spark.id}/tags`, { tags: [] });
  expect(tagged).toMatchObject({ status: 400, body: { error_name: "NOT_IMPLEMENTED_ERROR" } });
  expect((await call("POST", `/v1.1/images/${spark.id}/tag`, { tags: ["a"] })).status).toBe(400);
  expect((await call("POST", `/v1.1/images/${randomUUID()}`, {})).status).toBe(404);
});
