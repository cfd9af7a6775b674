/** What the second version of the API says otherwise than the first. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SaharaWorld, saharaWorld, tokenOf } from "../../../test/setup/sahara-world.ts";
import { LOCAL_CLUSTER_ID } from "../../domain/cluster.ts";
import { formatObjectId } from "../../domain/shared-object.ts";

let world: SaharaWorld;

beforeAll(async () => {
  world = await saharaWorld("none");
});
afterAll(() => world.close());

const CLUSTER = formatObjectId(LOCAL_CLUSTER_ID);

/** A project of its own, and calls of both versions in it. */
function setup() {
  const project = randomUUID().replaceAll("-", "");
  const raw = (method: string, url: string, headers: object = {}, body?: unknown) =>
    world.app.inject({
      method: method as "GET",
      url,
      headers: { "x-auth-token": tokenOf(project), ...headers },
      ...(body !== undefined && { payload: body as object }),
    });
  const callOf = (version: string) => async (method: string, path: string, body?: unknown) => {
    const answer = await raw(method, `/${version}/${project}${path}`, {}, body);
    const { statusCode: status, headers } = answer;
    return { status, headers, body: answer.body === "" ? undefined : answer.json() };
  };
  return { project, raw, first: callOf("v1.1"), second: callOf("v2") };
}

/** A template of a Shell job, made by the second version. */
async function addTemplate({ second }: ReturnType<typeof setup>, name: string) {
  const binary = await second("POST", "/job-binaries", { name, url: `obs://bucket/${name}` });
  const body = { name, type: "Shell", mains: [binary.body.job_binary.id] };
  return (await second("POST", "/job-templates", body)).body.job_template;
}

describe("objects", () => {
  test("are the same by both versions, under the words of each", async () => {
    const world = setup();
    const { project, first, second } = world;
    const { id } = await addTemplate(world, "one");
    const older = (await first("GET", `/jobs/${id}`)).body.job;
    const { job_template: newer } = (await second("GET", `/job-templates/${id}`)).body;
    expect(older).toMatchObject({ id, tenant_id: project, mains: [{ tenant_id: project }] });
    expect(newer).toMatchObject({ id, project_id: project, mains: [{ name: "one", project_id: project }] });
    expect(newer).not.toHaveProperty("tenant_id");
    expect(newer.mains[0]).not.toHaveProperty("tenant_id");
    const cluster = (await second("GET", `/clusters/${CLUSTER}`)).body.cluster;
    expect(cluster).toMatchObject({ plugin_name: "local", plugin_version: "1" });
    expect(cluster).not.toHaveProperty("hadoop_version");
  });

  test("are changed by PATCH alone", async () => {
    const { second } = setup();
    const source = (await second("POST", "/data-sources", { name: "s", type: "hdfs", url: "/s" })).body;
    const path = `/data-sources/${source.data_source.id}`;
    const changed = await second("PATCH", path, { url: "/other" });
    expect(changed).toMatchObject({ status: 202, body: { data_source: { url: "/other" } } });
    const binary = (await second("POST", "/job-binaries", { name: "b", url: "obs://b/b" })).body.job_binary;
    expect(await second("PATCH", `/job-binaries/${binary.id}`, { description: "d" })).toMatchObject({
      status: 202,
      body: { job_binary: { description: "d" } },
    });
    for (const [of, id] of [
      ["data-sources", source.data_source.id],
      ["job-binaries", binary.id],
    ])
      expect(await second("PUT", `/${of}/${id}`, {})).toMatchObject({ status: 405, body: { error: 405 } });
  });
});

describe("runs", () => {
  test("are made of the template that the body names, and cancelled by PATCH", async () => {
    const world = setup();
    const { first, second } = world;
    const template = await addTemplate(world, "run");
    const started = await second("POST", "/jobs", { cluster_id: CLUSTER, job_template_id: template.id });
    expect(started.status).toBe(202);
    const { job } = started.body;
    expect(job).toMatchObject({ job_template_id: template.id, extra: {}, info: { status: "PENDING" } });
    for (const word of ["job_id", "oozie_job_id", "tenant_id"]) expect(job).not.toHaveProperty(word);
    expect((await first("GET", `/job-executions/${job.id}`)).body.job_execution.job_id).toBe(template.id);
    const asked = await second("GET", `/jobs/${job.id}?refresh_status=True`);
    expect(asked.body.job).toMatchObject({ id: job.id, info: { status: "RUNNING" } });
    const listed = await second("GET", `/jobs?job_template_id=${template.id}&status=running`);
    expect(listed.body.jobs).toMatchObject([{ id: job.id }]);
    expect((await second("GET", `/jobs?job_template_id=${randomUUID()}`)).body.jobs).toEqual([]);
    // Shown to nobody else for longer: every project would list it.
    for (const shown of [true, false])
      expect((await second("PATCH", `/jobs/${job.id}`, { is_public: shown })).body.job.is_public).toBe(shown);
    const cancelled = await second("PATCH", `/jobs/${job.id}`, { info: { status: "cancel" } });
    expect(cancelled.status).toBe(202);
    expect(["TOBEKILLED", "KILLED"]).toContain(cancelled.body.job.info.status);
  });

  test("are refused by the body's fault where the template is not there", async () => {
    const { second } = setup();
    const body = { cluster_id: CLUSTER, job_template_id: randomUUID() };
    expect(await second("POST", "/jobs", body)).toMatchObject({
      status: 400,
      body: { error_name: "INVALID_REFERENCE" },
    });
    expect(await second("POST", "/jobs", { ...body, streaming: true })).toMatchObject({
      status: 400,
      body: { error_name: "VALIDATION_ERROR" },
    });
  });
});

describe("queries", () => {
  test("have the names of the version, and no others", async () => {
    const world = setup();
    const { first, second } = world;
    await addTemplate(world, "asked");
    expect((await second("GET", "/job-templates?type=Shell&name=ask")).body.job_templates).toHaveLength(1);
    expect((await second("GET", "/clusters?plugin_version=1")).body.clusters).toHaveLength(1);
    expect((await first("GET", "/job-binaries?description=x")).status).toBe(200);
    for (const path of [
      "/job-templates?description=x",
      "/job-binaries?description=x",
      "/data-sources?url=x",
      "/jobs?job_id=x",
      "/clusters?hadoop_version=1",
      "/job-types?colour=red",
    ]) {
      const refused = await second("GET", path);
      expect(refused, path).toMatchObject({
        status: 400,
        body: { error_name: "INVALID_PARAMS_ON_REQUEST" },
      });
    }
  });

  test("of job types name the plug-in as the stock client does", async () => {
    const { second } = setup();
    const runners = async (query: string) =>
      (await second("GET", `/job-types?type=MapReduce${query}`)).body.job_types.flatMap(
        ({ plugins }: { plugins: { name: string }[] }) => plugins.map(({ name }) => name),
      );
    expect(await runners("")).toEqual(["local", "vanilla"]);
    expect(await runners("&plugin=vanilla")).toEqual(["vanilla"]);
    expect(await runners("&plugin_name=vanilla&plugin_version=3.4.2")).toEqual(["vanilla"]);
    expect(await runners("&plugin=spark")).toEqual([]);
  });
});

describe("the header that asks for a version", () => {
  test("is answered on every answer and on every refusal", async () => {
    const { project, raw, second } = setup();
    const words = { "openstack-api-version": "data-processing 2.0", vary: "openstack-api-version" };
    expect((await second("GET", "/jobs")).headers).toMatchObject(words);
    expect((await second("GET", `/jobs/${randomUUID()}`)).headers).toMatchObject(words);
    expect((await second("GET", "/job-executions")).headers).toMatchObject(words);
    const older = await raw("GET", `/v1.1/${project}/jobs`, {
      "openstack-api-version": "data-processing 3.7",
    });
    expect(older.statusCode).toBe(200);
    expect(older.headers).not.toHaveProperty("openstack-api-version");
  });

  test("may name other services too; one that is not served is refused", async () => {
    const { project, raw } = setup();
    const ask = (version: string) => raw("GET", `/v2/${project}/jobs`, { "openstack-api-version": version });
    for (const version of [
      "data-processing 2.0",
      "data-processing latest",
      "compute 2.90",
      "compute 2.90, data-processing 2.0",
    ])
      expect((await ask(version)).statusCode, version).toBe(200);
    const range = { min_version: "2.0", max_version: "2.0" };
    const unserved = await ask("compute 2.90, data-processing 3.7");
    expect(unserved.statusCode).toBe(406);
    expect(unserved.json()).toMatchObject({ error_name: "NOT_ACCEPTABLE", ...range });
    for (const version of ["data-processing bogus", "data-processing", "data-processing 2.0 2.1"]) {
      const refused = await ask(version);
      expect(refused.statusCode, version).toBe(400);
      expect(refused.json()).toMatchObject({ error_name: "BAD_REQUEST", ...range });
    }
  });
});

describe("paths", () => {
  test("may lack the project, end in .json, double slashes", async () => {
    const { project, raw } = setup();
    for (const url of ["/v2/jobs", "/v2/jobs.json", `/v2/${project}//jobs`, `/v2/${project}/jobs.json`])
      expect((await raw("GET", url)).json(), url).toMatchObject({ jobs: [] });
  });

  test("of the first version alone lead nowhere", async () => {
    const { second } = setup();
    for (const path of ["/job-executions", "/job-binary-internals", "/jobs/", "", "/nope"])
      expect(await second("GET", path), path).toMatchObject({ status: 404, body: { error: 404 } });
  });
});

test("a label of a plug-in is taken as it is, and not changed", async () => {
  const { second } = setup();
  const label = (status: boolean) => ({ plugin_labels: { enabled: { status } } });
  expect(await second("PATCH", "/plugins/spark", label(true))).toMatchObject({
    status: 202,
    body: { plugin: { name: "spark", plugin_labels: { enabled: { status: true } } } },
  });
  expect((await second("PATCH", "/plugins/spark", label(false))).status).toBe(400);
  const version = (name: string) => ({ version_labels: { [name]: { enabled: { status: true } } } });
  expect((await second("PATCH", "/plugins/spark", version("4.0.1"))).status).toBe(202);
  expect((await second("PATCH", "/plugins/spark", version("1.0"))).status).toBe(404);
  expect((await second("PATCH", "/plugins/nope", label(true))).status).toBe(404);
});
