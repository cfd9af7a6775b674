/** The data-processing API driven by OpenStack's own clients, python-saharaclient and the openstack command, over a running service. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LOCAL_CLUSTER_ID } from "../src/domain/cluster.ts";
import { formatObjectId } from "../src/domain/shared-object.ts";
import { openstackJson } from "./setup/openstack.ts";
import { type PythonClient, startPythonClient, testPython } from "./setup/python-client.ts";
import { type Service, startService } from "./setup/service.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;
const MISSING = "00000000-0000-4000-8000-000000000000";
const CLUSTER = formatObjectId(LOCAL_CLUSTER_ID);
/** Python's own start, and a run's, on a machine that does much else. */
const SLOW_MS = 120_000;

let service: Service;
let client: PythonClient;

beforeAll(async () => {
  testPython();
  service = await startService();
  client = startPythonClient("sahara", { url: service.url, ...service.credentials });
}, SLOW_MS);
afterAll(async () => {
  await client?.end();
  await service?.remove();
}, SLOW_MS);

/** A job binary with this text in it. */
async function addBinary(name: string, text: string): Promise<string> {
  const internal = await client.call("job_binary_internals.create", { name, data: text });
  const binary = await client.call("job_binaries.create", { name, url: `internal-db://${internal.id}` });
  return binary.id;
}

async function addShellJob(name: string, text: string): Promise<string> {
  const main = await addBinary(`${name}.sh`, text);
  return (await client.call("jobs.create", { name, type: "Shell", mains: [main], libs: [] })).id;
}

/** The execution once it has one of these statuses, asked for as the client's users do. */
function reached(id: string, ...statuses: string[]) {
  return vi.waitFor(
    async () => {
      const execution = await client.call("job_executions.get", { obj_id: id });
      expect(statuses).toContain(execution.info.status);
      return execution;
    },
    { timeout: SLOW_MS / 2, interval: 100 },
  );
}

test("a log-in by password finds the API in the catalogue, under the project", async () => {
  const { projectId } = service.credentials;
  expect(await client.call("session")).toEqual({
    project: projectId,
    endpoint: `${service.url}/v1.1/${projectId}`,
  });
});

test("a wrong password is refused", async () => {
  const login = { url: service.url, ...service.credentials, password: "guess" };
  const stranger = startPythonClient("sahara", login);
  expect(await stranger.refusal("jobs.list")).toMatchObject({ status: 401, name: "Unauthorized" });
  await stranger.end();
});

describe("job binaries", () => {
  test("give back the bytes that were uploaded", async () => {
    const text = "#!/bin/bash\nécho '€'\n";
    const internal = await client.call("job_binary_internals.create", { name: "bytes.sh", data: text });
    expect(internal).toMatchObject({
      id: expect.stringMatching(UUID),
      name: "bytes.sh",
      datasize: Buffer.byteLength(text),
      tenant_id: service.credentials.projectId,
      is_public: false,
      is_protected: false,
      created_at: expect.stringMatching(TIME),
    });
    const url = `internal-db://${internal.id}`;
    const binary = await client.call("job_binaries.create", { name: "bytes", url, description: "told" });
    expect(binary).toMatchObject({ name: "bytes", url, description: "told" });
    expect(await client.call("job_binaries.get_file", { job_binary_id: binary.id })).toBe(text);
  });

  test("are renamed, and deleted with what they name", async () => {
    const { id } = await client.call("job_binary_internals.create", { name: "old.sh", data: "true" });
    const changed = await client.call("job_binary_internals.update", { job_binary_id: id, name: "new.sh" });
    expect(changed.job_binary_internal).toMatchObject({ id, name: "new.sh", datasize: 4 });
    const url = `internal-db://${id}`;
    const { id: binary } = await client.call("job_binaries.create", { name: "b-old", url });
    const data = { name: "b-new", description: "later" };
    expect(await client.call("job_binaries.update", { job_binary_id: binary, data })).toMatchObject(data);
    await client.call("job_binaries.delete", { job_binary_id: binary });
    await client.call("job_binary_internals.delete", { job_binary_id: id });
    const gone = { status: 404, name: "NOT_FOUND" };
    expect(await client.refusal("job_binaries.get", { job_binary_id: binary })).toMatchObject(gone);
    expect(await client.refusal("job_binary_internals.get", { job_binary_id: id })).toMatchObject(gone);
  });

  test("refuse a name that is taken, and a URL without a scheme", async () => {
    await client.call("job_binaries.create", { name: "twice", url: "obs://bucket/twice.jar" });
    expect(
      await client.refusal("job_binaries.create", { name: "twice", url: "obs://b/2.jar" }),
    ).toMatchObject({
      status: 400,
      name: "DB_DUPLICATE_ENTRY",
    });
    expect(await client.refusal("job_binaries.create", { name: "plain", url: "plain" })).toMatchObject({
      status: 400,
      name: "INVALID_DATA",
    });
  });
});

test("data sources are made, changed, filtered by type and deleted", async () => {
  const source = {
    name: "raw",
    description: "raw flights",
    data_source_type: "hdfs",
    url: "hdfs://h/flights",
  };
  const made = await client.call("data_sources.create", source);
  expect(made).toMatchObject({
    name: "raw",
    type: "hdfs",
    url: "hdfs://h/flights",
    description: "raw flights",
  });
  const other = { name: "kept", description: "", data_source_type: "maprfs", url: "maprfs:///flights" };
  const { id: kept } = await client.call("data_sources.create", other);
  const listed = await client.call("data_sources.list", { search_opts: { type: "maprfs" } });
  expect(listed.items.map(({ id }: { id: string }) => id)).toEqual([kept]);
  await client.call("data_sources.update", { data_source_id: made.id, update_data: { url: "hdfs://h/all" } });
  const now = await client.call("data_sources.get", { data_source_id: made.id });
  expect(now).toMatchObject({ name: "raw", url: "hdfs://h/all", updated_at: expect.stringMatching(TIME) });
  await client.call("data_sources.delete", { data_source_id: made.id });
  const after = await client.call("data_sources.list");
  expect(after.items.map(({ name }: { name: string }) => name)).toEqual(["kept"]);
});

describe("jobs", () => {
  test("of every kind are made with their mains and libs", async () => {
    const binary = await addBinary("lib.jar", "jar");
    const script = await addBinary("main.sql", "select 1");
    for (const [type, mains, libs] of [
      ["Shell", [script], []],
      ["Hive", [script], [binary]],
      ["Spark", [binary], []],
      ["Pig", [script], []],
      ["Java", [], [binary]],
      ["MapReduce", [], [binary]],
      ["MapReduce.Streaming", [], []],
      ["Storm", [binary], []],
    ] as const) {
      const made = await client.call("jobs.create", { name: `kind-${type}`, type, mains, libs });
      const kept = await client.call("jobs.get", { job_id: made.id });
      expect(kept, type).toMatchObject({ name: `kind-${type}`, type, description: null });
      expect(kept.mains.map(({ id }: { id: string }) => id)).toEqual(mains);
      expect(kept.libs.map(({ id }: { id: string }) => id)).toEqual(libs);
    }
    const { items } = await client.call("jobs.list", { search_opts: { type: "Java" } });
    expect(items.map(({ name }: { name: string }) => name)).toEqual(["kind-Java"]);
    expect((await client.call("jobs.list", { search_opts: { name: "^kind-MapR" } })).items).toHaveLength(2);
    expect((await client.call("jobs.list", { search_opts: { name: "kind-none" } })).items).toEqual([]);
  });

  test("are listed page by page, each once, in the order asked for", async () => {
    const main = await addBinary("page.sh", "true");
    const names = Array.from({ length: 23 }, (_, place) => `page-${String(place).padStart(2, "0")}`);
    for (const name of names) await client.call("jobs.create", { name, type: "Shell", mains: [main] });
    for (const reverse of [false, true]) {
      const sizes: number[] = [];
      const seen: string[] = [];
      let marker: string | null = null;
      do {
        const search = { search_opts: { name: "^page-" }, sort_by: "name", reverse, limit: 5 };
        const page: { items: { id: string; name: string }[]; next: string | null } = await client.call(
          "jobs.list",
          marker === null ? search : { ...search, marker },
        );
        sizes.push(page.items.length);
        seen.push(...page.items.map(({ name }) => name));
        expect([null, page.items.at(-1)?.id]).toContain(page.next);
        marker = page.next;
      } while (marker !== null);
      expect(sizes).toEqual([5, 5, 5, 5, 3]);
      expect(seen).toEqual(reverse ? names.toReversed() : names);
    }
  });

  test("are changed and deleted; what is refused says why", async () => {
    const main = await addBinary("refuse.sh", "true");
    const job = { name: "first", type: "Shell", mains: [main] };
    const { id } = await client.call("jobs.create", { ...job, description: "one" });
    const changed = await client.call("jobs.update", { job_id: id, name: "second", description: "two" });
    expect(changed.job).toMatchObject({ id, name: "second", description: "two", type: "Shell" });
    const refusals = [
      [{ ...job, name: "second" }, "DB_DUPLICATE_ENTRY"],
      [{ ...job, name: "bad name!" }, "VALIDATION_ERROR"],
      [{ ...job, type: "Cobol" }, "VALIDATION_ERROR"],
      [{ ...job, mains: [] }, "INVALID_DATA"],
      [{ ...job, mains: [MISSING] }, "NOT_FOUND"],
      [{ ...job, is_public: "yes" }, "VALIDATION_ERROR"],
    ] as const;
    for (const [body, name] of refusals) {
      const refusal = await client.refusal("jobs.create", body);
      expect(refusal).toMatchObject({ status: 400, name, message: expect.stringMatching(/\w/) });
    }
    expect(await client.refusal("job_binaries.delete", { job_binary_id: main })).toMatchObject({
      status: 400,
    });
    await client.call("jobs.delete", { job_id: id });
    for (const method of ["jobs.get", "jobs.delete", "jobs.update"])
      expect(await client.refusal(method, { job_id: id })).toMatchObject({ status: 404, name: "NOT_FOUND" });
    for (const query of [{ limit: 0 }, { limit: -1 }, { sort_by: "colour" }])
      expect(await client.refusal("jobs.list", query)).toMatchObject({ status: 400 });
    expect(await client.refusal("jobs.list", { marker: MISSING })).toMatchObject({ status: 404 });
    expect(await client.refusal("jobs.list", { search_opts: { colour: "red" } })).toMatchObject({
      status: 400,
    });
  });

  test("that are protected stay", async () => {
    const id = await addShellJob("protected", "true");
    await client.call("jobs.update", { job_id: id, is_protected: true });
    expect(await client.refusal("jobs.delete", { job_id: id })).toMatchObject({ name: "DELETION_FAILED" });
    await client.call("jobs.update", { job_id: id, is_protected: false });
    await client.call("jobs.delete", { job_id: id });
  });
});

describe("job executions", () => {
  test("run a script with arguments and environment, and are followed to success or failure", {
    timeout: SLOW_MS,
  }, async () => {
    const text = '#!/bin/bash\n[[ $1 == "two words" && $COLOUR == red && $# == 1 ]] || exit 3\n';
    const job = await addShellJob("check-arguments", text);
    const configs = { args: ["two words"], params: { COLOUR: "red" }, configs: {} };
    const started = await client.call("job_executions.create", { job_id: job, cluster_id: CLUSTER, configs });
    expect(started).toMatchObject({
      id: expect.stringMatching(UUID),
      job_id: job,
      cluster_id: CLUSTER,
      info: { status: "PENDING" },
      job_configs: { ...configs, job_execution_info: {} },
    });
    const done = await reached(started.id, "SUCCEEDED");
    expect(done).toMatchObject({
      job_id: job,
      return_code: expect.toSatisfy((code: unknown) => code === null || code === "0" || code === 0),
      start_time: expect.stringMatching(TIME),
      end_time: expect.stringMatching(TIME),
    });
    const wrong = { ...configs, args: ["one"] };
    const other = { job_id: job, cluster_id: CLUSTER, configs: wrong };
    const { id } = await client.call("job_executions.create", other);
    await reached(id, "FAILED");
    const listed = await client.call("job_executions.list", { search_opts: { job_id: job } });
    expect(new Set(listed.items.map((item: { id: string }) => item.id))).toEqual(new Set([started.id, id]));
    const failed = await client.call("job_executions.list", { search_opts: { status: "failed" } });
    expect(failed.items.map((item: { id: string }) => item.id)).toEqual([id]);
    expect(await client.refusal("jobs.delete", { job_id: job })).toMatchObject({ name: "DELETION_FAILED" });
    for (const { id: one } of listed.items) {
      await client.call("job_executions.delete", { obj_id: one });
      await vi.waitFor(
        async () =>
          expect(await client.refusal("job_executions.get", { obj_id: one })).toMatchObject({ status: 404 }),
        { timeout: SLOW_MS / 2, interval: 100 },
      );
    }
    await client.call("jobs.delete", { job_id: job });
  });

  test("are cancelled while they run", { timeout: SLOW_MS }, async () => {
    const job = await addShellJob("endless", "#!/bin/bash\nsleep 3600\n");
    const { id } = await client.call("job_executions.create", {
      job_id: job,
      cluster_id: CLUSTER,
      configs: {},
    });
    await reached(id, "RUNNING");
    expect(await client.call("get", { path: `/job-executions/${id}/cancel` })).toMatchObject({
      status: 200,
      body: { job_execution: { id } },
    });
    expect(await reached(id, "KILLED")).toMatchObject({ end_time: expect.stringMatching(TIME) });
  });

  test("are refused where they cannot be: unknown job or cluster, an engine that is not there, wrong values", async () => {
    const job = await addShellJob("refused", "true");
    const start = (changes: object) =>
      client.refusal("job_executions.create", { job_id: job, cluster_id: CLUSTER, configs: {}, ...changes });
    expect(await start({ job_id: MISSING })).toMatchObject({ status: 404, name: "NOT_FOUND" });
    expect(await start({ cluster_id: MISSING })).toMatchObject({ status: 400, name: "INVALID_REFERENCE" });
    expect(await start({ cluster_id: "local" })).toMatchObject({ status: 400, name: "VALIDATION_ERROR" });
    expect(await start({ configs: { args: "x" } })).toMatchObject({ status: 400, name: "VALIDATION_ERROR" });
    expect(await start({ interface: { a: "b" } })).toMatchObject({ status: 400, name: "INVALID_DATA" });
    const jar = await addBinary("refused.jar", "jar");
    const spark = await client.call("jobs.create", { name: "refused-spark", type: "Spark", mains: [jar] });
    expect(await start({ job_id: spark.id })).toMatchObject({ status: 400, name: "INVALID_DATA" });
    const storm = { name: "refused-storm", type: "Storm.Pyleus", mains: [jar] };
    const unready = await start({ job_id: (await client.call("jobs.create", storm)).id });
    expect(unready.status).toBeGreaterThanOrEqual(400);
    expect(unready.status).toBeLessThan(500);
    expect(unready.message).toMatch(/Storm/);
  });
});

test("the built-in cluster, its plugin and the kinds of jobs are listed", async () => {
  const clusters = await client.call("clusters.list");
  expect(clusters.items).toMatchObject([{ id: CLUSTER, name: "local", status: "Active" }]);
  const kinds = await client.call("job_types.list");
  expect(kinds.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["Hive", "Java", "MapReduce", "Pig", "Shell", "Spark", "Storm"]),
  );
  expect(await client.call("plugins.list")).toMatchObject([
    { name: "local" },
    { name: "spark" },
    { name: "vanilla" },
  ]);
  expect((await client.call("cluster_templates.list")).items).toEqual([]);
  expect((await client.call("node_group_templates.list")).items).toEqual([]);
});

test("the openstack command makes, shows, runs and lists", { timeout: SLOW_MS }, async () => {
  const main = await addBinary("osc.sh", "true");
  const made = await openstack("job template create --name osc --type Shell --mains", main);
  expect(made).toMatchObject({ Name: "osc", Type: "Shell", Mains: expect.stringContaining(main) });
  expect(await openstack("job template list --type Shell --name osc")).toMatchObject([{ Name: "osc" }]);
  const run = await openstack("job execute --job-template osc --cluster local");
  expect(run).toMatchObject({ Status: "PENDING", "Job template id": made.Id });
  await reached(run.Id, "SUCCEEDED");
  expect(await openstack("job show", run.Id)).toMatchObject({ Id: run.Id, Status: "SUCCEEDED" });
});

/** `openstack dataprocessing <words…>`, its answer read. */
async function openstack(words: string, ...further: string[]) {
  return await openstackJson(service, "1.1", [...words.split(" "), ...further]);
}
