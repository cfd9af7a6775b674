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

type Method = "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A project of its own, and calls in it. */
function setup() {
  const project = randomUUID().replaceAll("-", "");
  const token = { "x-auth-token": tokenOf(project) };
  const raw = (method: Method, url: string, headers: Record<string, string> = {}, payload?: string) =>
    world.app.inject({
      method,
      url,
      headers: { ...token, ...headers },
      ...(payload !== undefined && { payload }),
    });
  const call = async (method: Method, path: string, body?: unknown) => {
    const type = { "content-type": "application/json" };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await raw(method, `/v1.1/${project}${path}`, text === undefined ? {} : type, text);
    return { status: answer.statusCode, body: answer.body === "" ? undefined : answer.json() };
  };
  const addJob = async (name: string, changes: object = {}) =>
    (await call("POST", "/jobs", { name, type: "MapReduce.Streaming", ...changes })).body.job;
  return { project, raw, call, addJob };
}

describe("paths", () => {
  test("may lack the project, end in .json, double slashes before the resource", async () => {
    const { project, raw, addJob } = setup();
    const { id } = await addJob("one");
    for (const url of [
      `/v1.1/${project}/jobs`,
      "/v1.1/jobs",
      "/v1.1/jobs.json",
      `/v1.1/${project}/jobs.json`,
      `/v1.1/${project}//jobs`,
      `/v1.1//${project}/jobs?limit=5`,
    ])
      expect((await raw("GET", url)).json().jobs, url).toHaveLength(1);
    for (const url of [`/v1.1/${project}/jobs/${id}.json`, `/v1.1/jobs/${id}`])
      expect((await raw("GET", url)).json().job.id, url).toBe(id);
  });

  test("that lead nowhere get the router's form of error", async () => {
    const { project, raw } = setup();
    for (const url of [
      `/v1.1/${project}`,
      `/v1.1/${project}/`,
      `/v1.1/${project}/jobs/`,
      `/v1.1/${project}/jobs//`,
      `/v1.1/${project}/nope`,
      `/v1.1/${project}/jobs/${randomUUID()}/nope`,
      `/v1.0/${project}/jobs`,
    ]) {
      const answer = await raw("GET", url);
      expect(answer.statusCode, url).toBe(404);
      expect(answer.json()).toMatchObject({ error: 404, error_message: expect.any(String) });
    }
    const wrong = await raw("DELETE", `/v1.1/${project}/jobs`);
    expect(wrong.statusCode).toBe(405);
    expect(wrong.json()).toMatchObject({ error: 405, error_message: expect.any(String) });
  });

  test("of the oldest version reach clusters and plug-ins alone", async () => {
    const { project, raw } = setup();
    expect((await raw("GET", `/v1.0/${project}/plugins`)).json().plugins).toHaveLength(3);
    expect((await raw("GET", `/v1.0/${project}/clusters`)).json().clusters).toHaveLength(1);
  });

  test("answer OPTIONS with nothing, and HEAD as GET without the body", async () => {
    const { project, raw } = setup();
    const options = await raw("OPTIONS", `/v1.1/${project}/jobs`);
    expect([options.statusCode, options.body]).toEqual([200, ""]);
    for (const [path, status] of [
      ["/jobs", 200],
      ["/jobs?limit=0", 400],
      [`/jobs/${randomUUID()}`, 404],
    ] as const) {
      const head = await raw("HEAD", `/v1.1/${project}${path}`);
      expect([head.statusCode, head.body]).toEqual([status, ""]);
    }
  });
});

describe("requests", () => {
  test("are taken as JSON, whatever is not is refused by what it is", async () => {
    const { project, raw } = setup();
    const post = (type: string | undefined, payload: string) =>
      raw("POST", `/v1.1/${project}/jobs`, type === undefined ? {} : { "content-type": type }, payload);
    for (const [type, payload, name] of [
      ["application/json", "{", "MALFORMED_REQUEST_BODY"],
      ["application/json", '{"name":"\\u0000"}', "VALIDATION_ERROR"],
      ["application/json; charset=utf-8", "{}", "VALIDATION_ERROR"],
      ["application/json", "null", "VALIDATION_ERROR"],
      ["application/json", "[]", "VALIDATION_ERROR"],
      ["application/json", "", "VALIDATION_ERROR"],
      ["text/plain", "{}", "INVALID_DATA"],
      ["application/xml", "<x/>", "INVALID_DATA"],
      ["application/json", `{"name":"${"x".repeat(1024 * 1024)}"}`, "DATA_TOO_BIG"],
    ] as const) {
      const answer = await post(type, payload);
      expect([answer.statusCode, answer.json().error_name], payload.slice(0, 40)).toEqual([400, name]);
    }
  });

  test("for answers in another form are refused", async () => {
    const { project, raw } = setup();
    const asked = (accept: string) => raw("GET", `/v1.1/${project}/jobs`, { accept });
    for (const accept of ["text/html", "application/xml, text/plain;q=0.5"])
      expect((await asked(accept)).statusCode, accept).toBe(406);
    for (const accept of ["*/*", "application/*", "text/html, application/json;q=0.1"])
      expect((await asked(accept)).statusCode, accept).toBe(200);
  });

  test("hear of every schema error at once, in the words of both vendors", async () => {
    const { call } = setup();
    const { status, body } = await call("POST", "/jobs", {
      name: "a b",
      type: "Nope",
      mains: [""],
      extra: 1,
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error_code: 400, error_name: "VALIDATION_ERROR", vendor_code: "12000002" });
    for (const place of ["name", "type", "mains", "extra"]) expect(body.error_message).toContain(place);
    expect(body.error_msg).toBe(body.error_message);
    expect(body.error_id).toMatch(/^[0-9a-f]{8}-/);
    expect(body.error_message).not.toContain(body.error_id);
  });

  test("have their ids in the answer", async () => {
    const { project, raw } = setup();
    const { headers } = await raw("GET", `/v1.1/${project}/jobs`);
    expect(headers["x-openstack-request-id"]).toMatch(/^req-[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect(headers["x-request-id"]).toBeTruthy();
  });
});

describe("list queries", () => {
  test("take a limit as Python reads numbers, within the vendor's range", async () => {
    const { call, addJob } = setup();
    for (const name of ["a", "b", "c"]) await addJob(name);
    for (const limit of ["2", "%202%20", "%2B2", "02", "0_2"])
      expect((await call("GET", `/jobs?limit=${limit}`)).body.jobs, limit).toHaveLength(2);
    expect((await call("GET", "/jobs?limit=1073741822")).body.jobs).toHaveLength(3);
    expect((await call("GET", "/jobs?limit=1&limit=2")).body.jobs).toHaveLength(1);
    for (const limit of ["", "0", "-1", "abc", "1.5", "1e1", "_1", "1073741823", "99999999999999999999"]) {
      const { status, body } = await call("GET", `/jobs?limit=${limit}`);
      expect([status, body.error_name], limit).toEqual([400, 400]);
    }
  });

  test("sort by the fields of the list alone", async () => {
    const { call } = setup();
    const fields: Readonly<Record<string, string>> = {
      "/jobs": "id name type created_at updated_at",
      "/data-sources": "id name type created_at updated_at",
      "/job-binaries": "id name created_at updated_at",
      "/job-binary-internals": "id name created_at updated_at",
      "/job-executions": "id job_template cluster status",
      "/clusters": "id name plugin_name hadoop_version status",
      "/cluster-templates": "id name plugin_name hadoop_version created_at updated_at",
      "/node-group-templates": "id name plugin_name hadoop_version created_at updated_at",
    };
    for (const [path, names] of Object.entries(fields)) {
      for (const name of names.split(" "))
        for (const sort of [name, `-${name}`])
          expect((await call("GET", `${path}?sort_by=${sort}`)).status, `${path} ${sort}`).toBe(200);
      for (const sort of ["", "-", "--id", "ID", "id,name", "description", "constructor", "tenant_id"]) {
        const { status, body } = await call("GET", `${path}?sort_by=${sort}`);
        expect([status, body.error_name], `${path} ${sort}`).toEqual([400, 400]);
      }
    }
  });

  test("are judged marker first, then limit, then sort, then filters", async () => {
    const { call } = setup();
    for (const path of [
      "/jobs",
      "/job-binaries",
      "/job-binary-internals",
      "/data-sources",
      "/job-executions",
      "/clusters",
    ])
      for (const marker of [randomUUID(), "abc", ""]) {
        const { status, body } = await call("GET", `${path}?marker=${marker}&limit=0&sort_by=x&y=z`);
        expect([status, body.error_name], path).toEqual([404, "NOT_FOUND"]);
      }
    expect((await call("GET", "/jobs?limit=0&sort_by=x&y=z")).body.error_message).toMatch(/limit/);
    expect((await call("GET", "/jobs?sort_by=x&y=z")).body.error_message).toMatch(/sort_by/);
    expect((await call("GET", "/jobs?y=z")).body.error_message).toMatch(/y is not a filter/);
  });

  test("always answer with markers", async () => {
    const { call, addJob } = setup();
    const none = { prev: null, next: null };
    expect((await call("GET", "/jobs")).body).toEqual({ jobs: [], markers: none });
    const { id } = await addJob("a");
    expect((await call("GET", `/jobs?marker=${id}`)).body).toEqual({ jobs: [], markers: none });
  });

  test("filter by each field of the object in its own way", async () => {
    const { project, call, addJob } = setup();
    const job = await addJob("alpha.one", { description: "50% off" });
    await addJob("beta", { type: "DistCp", is_protected: true });
    const found = async (filter: string) => {
      const { status, body } = await call("GET", `/jobs?sort_by=name&${filter}`);
      return status === 200 ? body.jobs.map(({ name }: { name: string }) => name).join() : status;
    };
    for (const [filter, expected] of [
      ["name=a", "alpha.one,beta"],
      ["name=pha.o", "alpha.one"],
      ["name=pha_o", ""],
      ["name=%25", ""],
      ["name=^(alpha|gamma)", "alpha.one"],
      ["description=50%25", "alpha.one"],
      ["description=", "alpha.one"],
      ["type=DistCp", "beta"],
      ["type=Dist", ""],
      ["type=", ""],
      ["is_protected=true", "beta"],
      ["is_protected=FALSE", "alpha.one"],
      ["is_protected=maybe", 400],
      [`id=${job.id}`, "alpha.one"],
      ["id=x", ""],
      [`tenant_id=${project}`, "alpha.one,beta"],
      [`project_id=${randomUUID()}`, ""],
      [`created_at=${job.created_at}&name=alpha`, "alpha.one"],
      ["created_at=2001-01-01T00:00:00", ""],
      ["created_at=yesterday", 400],
      ["name=[", 400],
      ["name=(a)\\1", 400],
      [`name=${"a".repeat(256)}`, 400],
      ["mains=x", 400],
      ["hasOwnProperty=x", 400],
    ] as const)
      expect(await found(filter), filter).toBe(expected);
  });
});

describe("bodies", () => {
  const flags = ["is_public", "is_protected"];

  test("of jobs are held to names, types, lengths and unknown keys", async () => {
    const { call } = setup();
    const job = { name: "ok", type: "DistCp" };
    for (const changes of [
      { name: "" },
      { name: "a b" },
      { name: "-a" },
      { name: "a\n" },
      { name: "x".repeat(81) },
      { name: 5 },
      { type: "distcp" },
      { type: null },
      { description: null },
      { description: "x".repeat(65_536) },
      { mains: null },
      { mains: "x" },
      { libs: ["a", "a"] },
      { streaming: "yes" },
      { interface: null },
      { zzz: 1 },
      ...flags.flatMap((flag) => ["true", 1, {}].map((value) => ({ [flag]: value }))),
    ]) {
      const { status, body } = await call("POST", "/jobs", { ...job, ...changes });
      expect([status, body.error_name], JSON.stringify(changes).slice(0, 60)).toEqual([
        400,
        "VALIDATION_ERROR",
      ]);
    }
    for (const name of ["_a", "9", "A.b_c-9", "x".repeat(80)])
      expect((await call("POST", "/jobs", { ...job, name })).status, name).toBe(202);
    expect((await call("GET", "/jobs")).body.jobs).toHaveLength(4);
  });

  test("say which programs are missing by the vendor's code", async () => {
    const { call } = setup();
    const hive = await call("POST", "/jobs", { name: "a", type: "Hive" });
    expect(hive.body).toMatchObject({ error_name: "INVALID_DATA", vendor_code: "12000068" });
    const mapReduce = await call("POST", "/jobs", { name: "a", type: "MapReduce" });
    expect(mapReduce.body).toMatchObject({ error_name: "INVALID_DATA", vendor_code: "12000069" });
  });

  test("of binaries and data sources are held to theirs, and credentials never come back", async () => {
    const { call } = setup();
    const secret = "s3cr3t-value";
    const binary = { name: "b", url: "swift://c/o", extra: { user: "u", password: secret } };
    const source = {
      name: "d",
      type: "swift",
      url: "swift://c/o",
      credentials: { user: "u", password: secret },
    };
    for (const [path, body, changes] of [
      [
        "/job-binaries",
        binary,
        [{ url: "/".padEnd(256, "x") }, { extra: { a: null } }, { extra: { a: 1.5 } }, { extra: [] }],
      ],
      [
        "/data-sources",
        source,
        [{ url: "/".padEnd(256, "x") }, { credentials: [] }, { type: "ftp" }, { credentials: "x" }],
      ],
    ] as const)
      for (const change of [...changes, { name: "a b" }, { is_public: "x" }, { zzz: 1 }]) {
        const answer = await call("POST", path, { ...body, ...change });
        expect([answer.status, answer.body.error_name], JSON.stringify(change).slice(0, 50)).toEqual([
          400,
          "VALIDATION_ERROR",
        ]);
      }
    const made = [
      await call("POST", "/job-binaries", binary),
      await call("POST", "/data-sources", source),
      await call("GET", "/job-binaries"),
      await call("GET", "/data-sources"),
    ];
    expect(made.map(({ status }) => status)).toEqual([202, 202, 200, 200]);
    expect(JSON.stringify(made)).not.toContain(secret);
    const kept = await world.database.pool.query(
      "select extra_sealed as sealed from job_binary union all select credentials_sealed from data_source",
    );
    for (const { sealed } of kept.rows) expect(String(sealed)).not.toContain(secret);
  });

  test("of a changed Swift source may leave its credentials as they are", async () => {
    const { call } = setup();
    const credentials = { user: "u", password: "p" };
    const made = await call("POST", "/data-sources", {
      name: "d",
      type: "swift",
      url: "swift://c/o",
      credentials,
    });
    const path = `/data-sources/${made.body.data_source.id}`;
    expect((await call("PUT", path, { url: "swift://c/other" })).body.data_source.url).toBe(
      "swift://c/other",
    );
    expect((await call("PUT", path, { credentials: {} })).status).toBe(202);
    expect((await call("PUT", path, { credentials: { user: "u" } })).body.error_name).toBe(
      "INVALID_CREDENTIALS",
    );
  });

  test("of a public data source keep its name from others that see it", async () => {
    const [one, two] = [setup(), setup()];
    const name = `shared-${randomUUID().slice(0, 8)}`;
    await one.call("POST", "/data-sources", { name, type: "hdfs", url: "/a", is_public: true });
    const taken = await two.call("POST", "/data-sources", { name, type: "hdfs", url: "/b" });
    expect(taken.body.error_name).toBe("NAME_ALREADY_EXISTS");
    const other = await two.call("POST", "/data-sources", { name: `${name}-2`, type: "hdfs", url: "/b" });
    const renamed = await two.call("PUT", `/data-sources/${other.body.data_source.id}`, { name });
    expect(renamed.body.error_name).toBe("NAME_ALREADY_EXISTS");
  });
});

test("two creations of one name at once leave one object", async () => {
  const { call } = setup();
  const body = { name: "twin", type: "DistCp" };
  const answers = await Promise.all([1, 2, 3, 4].map(() => call("POST", "/jobs", body)));
  expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 400, 400, 400]);
  expect((await call("GET", "/jobs")).body.jobs).toHaveLength(1);
});

test("a list longer than a batch is streamed whole, in order, as one document", async () => {
  const { project, call } = setup();
  await call("GET", "/jobs"); // makes the project
  await world.database.pool.query(
    `insert into job_template (project_id, id, name, type, is_public, is_protected, created_at, updated_at)
     select $1, gen_random_uuid(), 'n' || n, 'DistCp', false, false, now(), now() from generate_series(1, 1234) n`,
    [project],
  );
  const { body } = await call("GET", "/jobs");
  expect(body.markers).toEqual({ prev: null, next: null });
  const ids = body.jobs.map(({ id }: { id: string }) => id);
  expect(ids).toHaveLength(1234);
  expect(ids).toEqual(ids.toSorted());
  const limited = (await call("GET", "/jobs?limit=700")).body;
  expect(limited.jobs).toHaveLength(700);
  expect(limited.markers).toEqual({ prev: null, next: ids[699] });
});

describe("clusters", () => {
  test("are the built-in one, which every project sees and nobody deletes", async () => {
    const { project, call } = setup();
    const id = formatObjectId(LOCAL_CLUSTER_ID);
    const { body } = await call("GET", "/clusters?name=^loc&status=Active");
    expect(body.clusters).toMatchObject([{ id, name: "local", tenant_id: project, status: "Active" }]);
    expect((await call("GET", `/clusters?marker=${id}`)).body.clusters).toEqual([]);
    const deleted = await call("DELETE", `/clusters/${id}`);
    expect([deleted.status, deleted.body.error_name]).toEqual([400, "DELETION_FAILED"]);
  });

  test("are registered by the addresses of their services, and taken away again", async () => {
    const { call } = setup();
    const services = { ray: { dashboard: "http://ray.example:8265" } };
    const body = { name: "c", plugin_name: "vanilla", hadoop_version: "3.4.2", cluster_configs: services };
    const made = await call("POST", "/clusters", body);
    expect(made).toMatchObject({
      status: 202,
      body: {
        cluster: { ...body, status: "Checking", description: "", verification: { status: "CHECKING" } },
      },
    });
    const path = `/clusters/${made.body.cluster.id}`;
    expect((await call("GET", path)).body.cluster.cluster_configs).toEqual(services);
    const listed = (await call("GET", "/clusters?plugin_name=vanilla")).body.clusters;
    expect(listed).toMatchObject([{ name: "c", cluster_configs: services }]);
    const changed = await call("PATCH", path, { description: "ours", is_public: true });
    expect(changed).toMatchObject({
      status: 202,
      body: { cluster: { description: "ours", is_public: true, cluster_configs: services } },
    });
    const other = setup();
    expect((await other.call("GET", path)).body.cluster.cluster_configs).toEqual({ ray: {} });
    const seen = (await other.call("GET", "/clusters?name=^c$")).body.clusters;
    expect(seen).toMatchObject([{ cluster_configs: { ray: {} } }]);
    expect((await other.call("DELETE", path)).body.error_name).toBe("DELETION_FAILED");
    expect((await call("PATCH", path, { verification: { status: "START" } })).status).toBe(202);
    expect((await call("POST", "/clusters", body)).body.error_name).toBe("NAME_ALREADY_EXISTS");
    expect((await call("DELETE", path)).status).toBe(204);
    expect((await call("GET", path)).status).toBe(404);
  });

  test("take their services from a template that the body names", async () => {
    const { call } = setup();
    const services = { flink: { rest: "http://flink.example:8081" } };
    const plugin = { plugin_name: "vanilla", hadoop_version: "3.4.2" };
    const template = (
      await call("POST", "/cluster-templates", { ...plugin, name: "t", cluster_configs: services })
    ).body.cluster_template;
    const body = { ...plugin, name: "of-template", cluster_template_id: template.id };
    const made = (await call("POST", "/clusters", body)).body.cluster;
    expect(made.cluster_configs).toEqual(services);
    const unknown = await call("POST", "/clusters", { ...body, cluster_template_id: randomUUID() });
    expect(unknown.body.error_name).toBe("INVALID_REFERENCE");
    expect((await call("DELETE", `/clusters/${made.id}`)).status).toBe(204);
  });

  test("are not made of machines: who asks for that hears what is wanted", async () => {
    const { call } = setup();
    const body = { name: "c", plugin_name: "vanilla", hadoop_version: "3.4.2" };
    const bare = await call("POST", "/clusters", body);
    expect(bare.body).toMatchObject({ error_code: 400, vendor_code: "12000054" });
    expect(bare.body.error_message).toContain("cluster_configs");
    const id = formatObjectId(LOCAL_CLUSTER_ID);
    expect((await call("PUT", `/clusters/${id}`, {})).body.vendor_code).toBe("12000054");
    expect((await call("PATCH", `/clusters/${id}`, { name: "other" })).status).toBe(400);
    for (const [changes, name] of [
      [{ name: 5 }, "VALIDATION_ERROR"],
      [{ colour: "red" }, "VALIDATION_ERROR"],
      [{ plugin_name: "nope" }, "INVALID_REFERENCE"],
      [{ cluster_configs: { ray: { dashboard: "ftp://nope" } } }, "INVALID_DATA"],
      [{ cluster_configs: { cook: { rest: "http://a" } } }, "INVALID_DATA"],
    ] as const)
      expect((await call("POST", "/clusters", { ...body, ...changes })).body.error_name).toBe(name);
  });

  test("have a plug-in with one version", async () => {
    const { call } = setup();
    expect((await call("GET", "/plugins/local")).body.plugin).toMatchObject({
      name: "local",
      versions: ["1"],
    });
    const { plugin } = (await call("GET", "/plugins/local/1")).body;
    expect(plugin).toMatchObject({ configs: [], required_image_tags: [] });
    expect((await call("GET", "/plugins/local/2")).status).toBe(404);
  });
});
