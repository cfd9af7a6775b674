import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text as streamText } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type SaharaWorld, saharaWorld, tokenOf } from "../../../test/setup/sahara-world.ts";
import { LOCAL_CLUSTER_ID } from "../../domain/cluster.ts";
import { formatObjectId } from "../../domain/shared-object.ts";
import { transaction } from "../../store/database.ts";
import { deleteProject } from "../../store/projects.ts";

const CLUSTER = formatObjectId(LOCAL_CLUSTER_ID);
const FINAL = ["SUCCEEDED", "FAILED", "KILLED"];

let world: SaharaWorld;

beforeAll(async () => {
  world = await saharaWorld("real");
});
afterAll(() => world.close());

/** A project of its own: calls in it, programs, runs. */
function setup() {
  const project = randomUUID().replaceAll("-", "");
  const call = async (method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: object) => {
    const answer = await world.app.inject({
      method,
      url: `/v1.1/${project}${path}`,
      headers: { "x-auth-token": tokenOf(project) },
      ...(body && { payload: body }),
    });
    return { status: answer.statusCode, body: answer.body === "" ? undefined : answer.json() };
  };
  const addBinary = async (name: string, bytes: string | Buffer, changes: object = {}): Promise<string> => {
    const stored = await world.app.inject({
      method: "PUT",
      url: `/v1.1/${project}/job-binary-internals/${name}`,
      headers: { "x-auth-token": tokenOf(project), "content-type": "application/octet-stream" },
      payload: bytes,
    });
    const url = `internal-db://${stored.json().job_binary_internal.id}`;
    return (await call("POST", "/job-binaries", { name, url, ...changes })).body.job_binary.id;
  };
  const addShell = async (name: string, text: string, changes: object = {}): Promise<string> => {
    const main = await addBinary(`${name}.sh`, text);
    return (await call("POST", "/jobs", { name, type: "Shell", mains: [main], ...changes })).body.job.id;
  };
  const execute = (job: string, body: object = {}) =>
    call("POST", `/jobs/${job}/execute`, { cluster_id: CLUSTER, ...body });
  const reached = (id: string, ...statuses: string[]) =>
    vi.waitFor(
      async () => {
        const { body } = await call("GET", `/job-executions/${id}`);
        expect(statuses).toContain(body.job_execution.info.status);
        return body.job_execution;
      },
      { timeout: 20_000, interval: 30 },
    );
  const run = async (job: string, body: object = {}) => {
    const started = await execute(job, body);
    expect(started.status, JSON.stringify(started.body)).toBe(202);
    return await reached(started.body.job_execution.id, ...FINAL);
  };
  return { project, call, addBinary, addShell, execute, reached, run };
}

/** What the run wrote. */
async function logOf(project: string): Promise<string> {
  const keys = (await world.deps.blobs.list(project, "")).filter((key) => key.startsWith("logs/"));
  const texts = await Promise.all(
    keys.toSorted().map(async (key) => {
      const path = await world.deps.blobs.localPath(project, key);
      return path === undefined ? "" : await readFile(path, "utf8");
    }),
  );
  return texts.join("");
}

test("a Shell job finds its libraries, arguments and variables", async () => {
  const { project, addBinary, addShell, run } = setup();
  const library = await addBinary("words.txt", "from the library\n");
  const job = await addShell(
    "all",
    'cat words.txt\nprintf "[%s]" "$@"\necho "$PLACE $N $(env | grep -c edp)"\n',
    {
      libs: [library],
    },
  );
  const args = ["two words", "$HOME", "'quoted\"", "#{Job.name}", ""];
  const configs = { args, params: { PLACE: "here" }, configs: { N: 5, "edp.x": "1" } };
  const done = await run(job, { job_configs: configs });
  expect(done).toMatchObject({ info: { status: "SUCCEEDED" }, return_code: "0", job_configs: configs });
  expect(done.end_time >= done.start_time).toBe(true);
  expect(done.engine_job_id).toBe(done.oozie_job_id);
  const log = await logOf(project);
  expect(log).toContain("from the library\n");
  expect(log).toContain("[two words][$HOME]['quoted\"][#{Job.name}][]");
  expect(log).toContain("here 5 0");
});

test("a program that fails gives FAILED with its code", async () => {
  const { addShell, run } = setup();
  expect(await run(await addShell("bad", "exit 7"))).toMatchObject({
    info: { status: "FAILED" },
    return_code: "7",
  });
});

test("a run whose program is gone fails and says so in its instance", async () => {
  const { project, call, addShell, run } = setup();
  const job = await addShell("gone", "true");
  const { binaries } = (await call("GET", "/job-binary-internals")).body;
  await call("DELETE", `/job-binary-internals/${binaries[0].id}`);
  expect(await run(job)).toMatchObject({ info: { status: "FAILED" } });
  const { rows } = await world.database.pool.query(
    "select error_message from instance where project_id = $1",
    [project],
  );
  expect(rows[0].error_message).toMatch(/gone\.sh .* are gone/);
});

test("a Java job runs its main class from the libraries", { timeout: 60_000 }, async () => {
  const { project, addBinary, call, run } = setup();
  const lib = await addBinary("hello.jar", await buildJar());
  const { body } = await call("POST", "/jobs", { name: "hello", type: "Java", libs: [lib] });
  const configs = {
    configs: { "edp.java.main_class": "Hello", "edp.java.java_opts": "'-Dwho=#{no} ${expression}'" },
    args: ["a b"],
  };
  expect(await run(body.job.id, { job_configs: configs })).toMatchObject({ info: { status: "SUCCEEDED" } });
  expect(await logOf(project)).toContain("hello #{no} ${expression}: a b");
});

test("a run reads its data sources and leaves its output where they say, in every way that names them", async () => {
  const { project, call, addShell, run } = setup();
  const put = (path: string, text: string) => world.buckets(project).write(path, Readable.from([text]));
  await put("obs://data/words/a", "the cat the\n");
  await put("obs://data/words/b", "dog the\n");
  const addSource = async (name: string, url: string) =>
    (await call("POST", "/data-sources", { name, type: "obs", url })).body.data_source.id;
  const input = await addSource("words", "obs://data/words");
  const output = await addSource("counts", "obs://data/counts/%JOB_EXEC_ID%");
  const job = await addShell(
    "count",
    'mkdir -p "$AZALAI_OUTPUT"\ncat "$1"/* | tr " " "\\n" | sort | uniq -c > "$AZALAI_OUTPUT/part-0"\n' +
      '[ "$1" = "$AZALAI_INPUT" ] && [ "$2" = "$1" ] && [ "$FROM" = "$1" ] && echo "as it was, $3"\n',
  );
  const configs = {
    configs: { "edp.substitute_data_source_for_name": true, "edp.substitute_data_source_for_uuid": "True" },
    params: { FROM: "datasource://words" },
    args: ["datasource://words", input, "datasource://nobody"],
  };
  const done = await run(job, { input_id: input, output_id: output, job_configs: configs });
  expect(done).toMatchObject({ info: { status: "SUCCEEDED" }, job_configs: configs });
  const place = `obs://data/counts/${done.id}`;
  expect(done.data_source_urls).toEqual({ [input]: "obs://data/words", [output]: place });
  expect(await logOf(project)).toContain("as it was, datasource://nobody\n");
  const counts = await streamText(await world.buckets(project).open(`${place}/part-0`));
  expect(counts.trim().split(/\s+/)).toEqual(["1", "cat", "1", "dog", "3", "the"]);
});

test("a run that fails leaves nothing where its output was to go", async () => {
  const { project, call, addShell, run } = setup();
  const source = { name: "out", type: "obs", url: "obs://data/out" };
  const { id } = (await call("POST", "/data-sources", source)).body.data_source;
  const job = await addShell("half", 'mkdir -p "$AZALAI_OUTPUT"; echo half > "$AZALAI_OUTPUT/part"; exit 1');
  expect(await run(job, { output_id: id })).toMatchObject({ info: { status: "FAILED" } });
  expect(await world.buckets(project).exists("obs://data/out")).toBe(false);
});

test("secrets of data sources and settings show in no log", async () => {
  const { project, call, addShell, run } = setup();
  const credentials = { user: "someone", password: "hidden-of-the-source" };
  const source = { name: "in", type: "swift", url: "swift://data/in", credentials };
  const { id } = (await call("POST", "/data-sources", source)).body.data_source;
  await world.buckets(project).write("obs://data/in", Readable.from(["x"]));
  const job = await addShell("tell", 'echo "hidden-of-the-source $MY_PASSWORD"');
  const params = { MY_PASSWORD: "hidden-of-the-run" };
  const done = await run(job, { input_id: id, job_configs: { params } });
  expect(done.info.status).toBe("SUCCEEDED");
  const log = await logOf(project);
  expect(log).toContain("********* *********");
  expect(log).not.toContain("hidden-of");
});

/** A jar with one class, made by the machine's own JDK. */
async function buildJar(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-jar-"));
  const source =
    'public class Hello { public static void main(String[] a) { System.out.println("hello " + System.getProperty("who") + ": " + a[0]); } }';
  await writeFile(join(folder, "Hello.java"), source);
  const run = promisify(execFile);
  await run("javac", ["Hello.java"], { cwd: folder });
  await run("jar", ["cf", "hello.jar", "Hello.class"], { cwd: folder });
  const bytes = await readFile(join(folder, "hello.jar"));
  await rm(folder, { recursive: true });
  return bytes;
}

test("cancelling ends what runs; cancelling again, or deleting then, changes nothing", async () => {
  const { call, addShell, execute, reached } = setup();
  const job = await addShell("endless", "sleep 1000");
  const { id } = (await execute(job)).body.job_execution;
  await reached(id, "RUNNING");
  const cancelled = await call("GET", `/job-executions/${id}/cancel`);
  expect(cancelled.status).toBe(200);
  expect(["TOBEKILLED", "KILLED"]).toContain(cancelled.body.job_execution.info.status);
  const done = await reached(id, "KILLED");
  expect(done.end_time).not.toBeNull();
  expect((await call("GET", `/job-executions/${id}/cancel`)).body.job_execution.end_time).toBe(done.end_time);
});

test("PATCH with the status cancel cancels, with suspend is refused while the run goes on, and takes nothing beside it", async () => {
  const { call, addShell, execute, reached } = setup();
  const { id } = (await execute(await addShell("endless", "sleep 1000"))).body.job_execution;
  await reached(id, "RUNNING");
  const path = `/job-executions/${id}`;
  const suspended = await call("PATCH", path, { info: { status: "suspend" } });
  expect(suspended.body).toMatchObject({ error_name: "INVALID_REFERENCE", vendor_code: "12000054" });
  await reached(id, "RUNNING");
  const both = await call("PATCH", path, { info: { status: "cancel" }, is_protected: true });
  expect(both.body.error_name).toBe("INVALID_JOB_STATUS");
  expect((await call("PATCH", path, { info: { status: "cancel" } })).status).toBe(202);
  await reached(id, "KILLED");
});

test("no change is taken for a run whose cluster is gone", async () => {
  const { project, call, addShell, run } = setup();
  const { id } = await run(await addShell("left", "true"));
  const path = `/job-executions/${id}`;
  expect((await call("PATCH", path, { is_protected: false })).status).toBe(202);
  await world.database.pool.query("update job_execution set cluster_id = $2 where project_id = $1", [
    project,
    randomUUID(),
  ]);
  for (const changes of [{ is_protected: true }, { info: { status: "cancel" } }])
    expect((await call("PATCH", path, changes)).body).toMatchObject({
      error_code: 400,
      error_name: "INVALID_DATA",
    });
  expect((await call("GET", `${path}/cancel`)).status).toBe(200);
});

test("a scheduled run waits for its time, may be suspended until then, and is refused one that has passed or is none", async () => {
  const { call, addShell, execute, reached } = setup();
  const job = await addShell("later", "true");
  const at = (start: unknown) =>
    execute(job, { job_configs: { job_execution_info: { job_execution_type: "scheduled", start } } });
  const { status, body } = await at("2999-01-31 12:00:00");
  expect(status).toBe(202);
  const path = `/job-executions/${body.job_execution.id}`;
  const shown = (await call("GET", path)).body.job_execution;
  expect(shown).toMatchObject({ info: { status: "PENDING" }, start_time: null, end_time: null });
  expect(shown.job_configs.job_execution_info).toEqual({});
  expect((await call("GET", "/job-executions?status=pending")).body.job_executions).toHaveLength(1);
  const suspend = () => call("PATCH", path, { info: { status: "suspend" } });
  const held = { status: 202, body: { job_execution: { info: { status: "SUSPENDED" } } } };
  expect(await suspend()).toMatchObject(held);
  expect(await suspend()).toMatchObject(held);
  expect((await call("GET", `${path}/cancel`)).status).toBe(200);
  await reached(body.job_execution.id, "KILLED");
  expect((await suspend()).body.job_execution.info.status).toBe("KILLED");
  expect((await at("2001-01-31 12:00:00")).body.error_name).toBe("INVALID_JOB_EXECUTION_INFO");
  for (const start of ["tomorrow", "2999-13-31 12:00:00", 5])
    expect((await at(start)).body).toMatchObject({ error_code: 400, error_name: "INVALID_DATA" });
  const soon = new Date(Date.now() + 4_000).toISOString().slice(0, 19).replace("T", " ");
  await reached((await at(soon)).body.job_execution.id, "SUCCEEDED");
});

test("deleting a run that has not ended ends it", async () => {
  const { project, call, addShell, execute, reached } = setup();
  const job = await addShell("endless", "sleep 1000");
  const { id } = (await execute(job)).body.job_execution;
  await reached(id, "RUNNING");
  expect((await call("DELETE", `/jobs/${job}`)).body.error_name).toBe("DELETION_FAILED");
  expect((await call("DELETE", `/job-executions/${id}`)).status).toBe(204);
  expect((await call("GET", `/job-executions/${id}`)).status).toBe(404);
  await vi.waitFor(
    async () => {
      const { rows } = await world.database.pool.query("select state from instance where project_id = $1", [
        project,
      ]);
      expect(rows).toEqual([{ state: "stopped" }]);
    },
    { timeout: 20_000, interval: 30 },
  );
  expect((await call("DELETE", `/jobs/${job}`)).status).toBe(204);
});

test("a public job runs in another project, with programs that are not seen there; its runs are not others' to end", async () => {
  const [owner, guest] = [setup(), setup()];
  const job = await owner.addShell("shared", "true", { is_public: true });
  const done = await guest.run(job);
  expect(done).toMatchObject({ tenant_id: guest.project, info: { status: "SUCCEEDED" } });
  expect((await owner.call("GET", `/job-executions/${done.id}`)).status).toBe(404);
  expect((await owner.call("DELETE", `/jobs/${job}`)).body.error_name).toBe("DELETION_FAILED");
  await guest.call("PATCH", `/job-executions/${done.id}`, { is_public: true });
  expect((await owner.call("GET", `/job-executions/${done.id}`)).status).toBe(200);
  expect((await owner.call("GET", `/job-executions/${done.id}/cancel`)).body.error_name).toBe(
    "CANCELING_FAILED",
  );
  expect((await owner.call("DELETE", `/job-executions/${done.id}`)).body.error_name).toBe("DELETION_FAILED");
  await guest.call("DELETE", `/job-executions/${done.id}`);
  expect((await owner.call("DELETE", `/jobs/${job}`)).status).toBe(204);
});

test("a project goes with its runs, but not while another project runs its public job", async () => {
  const [owner, guest] = [setup(), setup()];
  const job = await owner.addShell("shared", "true", { is_public: true });
  await owner.run(job);
  const { id } = await guest.run(job);
  const { pool } = world.database;
  const remove = () => transaction(pool, (db) => deleteProject(db, owner.project));
  await expect(remove()).rejects.toMatchObject({ code: "object-in-use" });
  await guest.call("DELETE", `/job-executions/${id}`);
  await remove();
  const { rows } = await pool.query("select 1 as one from job_execution where project_id = $1", [
    owner.project,
  ]);
  expect(rows).toEqual([]);
});

test("a type without an engine is refused after its own rules, and what is missing is named", async () => {
  const { call, addBinary, execute } = setup();
  const binary = await addBinary("p.pig", "x");
  const source = async (name: string) =>
    (await call("POST", "/data-sources", { name, type: "hdfs", url: `/${name}` })).body.data_source.id;
  const [input, output] = [await source("in"), await source("out")];
  const job = async (type: string, programs: object) =>
    (await call("POST", "/jobs", { name: `j-${type}`, type, ...programs })).body.job.id;
  const pig = await job("Pig", { mains: [binary] });
  const spark = await job("Spark", { libs: [binary] });
  const storm = await job("Storm.Pyleus", { mains: [binary] });
  const streaming = await job("MapReduce.Streaming", {});
  const places = { input_id: input, output_id: output };
  const main = { configs: { "edp.java.main_class": "X" } };
  for (const [id, body, name, message] of [
    [pig, {}, "INVALID_DATA", /input_id and output_id/],
    [pig, { input_id: input }, "INVALID_DATA", /input_id and output_id/],
    [pig, { ...places, output_id: input }, "INVALID_DATA", /same place/],
    [pig, { ...places, output_id: randomUUID() }, "INVALID_REFERENCE", /no data source/],
    [pig, places, "INVALID_REFERENCE", /nothing to run Pig with/],
    [spark, {}, "INVALID_DATA", /edp\.java\.main_class/],
    [storm, { job_configs: main }, "INVALID_REFERENCE", /nothing to run Storm\.Pyleus with/],
    [streaming, places, "INVALID_DATA", /edp\.streaming\.mapper/],
    [pig, { ...places, cluster_id: randomUUID() }, "INVALID_REFERENCE", /no cluster/],
  ] as const) {
    const answer = await execute(id, body);
    expect([answer.status, answer.body.error_name]).toEqual([400, name]);
    expect(answer.body.error_message).toMatch(message);
  }
  expect((await execute(pig, places)).body.vendor_code).toBe("12000054");
  expect((await call("GET", "/job-executions")).body.job_executions).toEqual([]);
});

test("a data source that a run names stays until the run is deleted", async () => {
  const { call, addShell, run } = setup();
  const body = { name: "in", type: "hdfs", url: "/%JOB_EXEC_ID%/%RANDSTR(5)%" };
  const { id } = (await call("POST", "/data-sources", body)).body.data_source;
  const done = await run(await addShell("s", "true"), { input_id: id.replaceAll("-", "") });
  expect(done.input_id).toBe(id);
  expect(done.data_source_urls[id]).toMatch(new RegExp(`^/${done.id}/[a-z]{5}$`));
  expect((await call("DELETE", `/data-sources/${id}`)).body.error_name).toBe("DELETION_FAILED");
  await call("DELETE", `/job-executions/${done.id}`);
  expect((await call("DELETE", `/data-sources/${id}`)).status).toBe(204);
});

test("runs are listed by status, job and cluster, and sorted by each", async () => {
  const { call, addShell, run } = setup();
  const [good, bad] = [await addShell("good", "true"), await addShell("bad", "false")];
  const ids = [await run(good), await run(bad), await run(good)].map(({ id }) => id);
  const found = async (query: string) =>
    (await call("GET", `/job-executions?${query}`)).body.job_executions.map(({ id }: { id: string }) =>
      ids.indexOf(id),
    );
  expect(await found("status=failed")).toEqual([1]);
  expect(await found("status=fail")).toEqual([]);
  expect((await found("job.name=^go")).toSorted()).toEqual([0, 2]);
  expect(await found(`job_id=${bad}&return_code=1`)).toEqual([1]);
  expect(await found("cluster.name=^loc")).toHaveLength(3);
  expect(await found("cluster.name=spark")).toEqual([]);
  expect((await found("sort_by=status"))[0]).toBe(1);
  expect((await found("sort_by=-status&limit=2")).toSorted()).toEqual([0, 2]);
  for (const sort of ["job_template", "-job_template", "cluster", "-status"]) {
    const walked: number[] = [];
    let marker = "";
    do {
      const page = (await call("GET", `/job-executions?sort_by=${sort}&limit=1${marker}`)).body;
      walked.push(...page.job_executions.map(({ id }: { id: string }) => ids.indexOf(id)));
      marker = page.markers.next && `&marker=${page.markers.next}`;
    } while (marker);
    expect(walked.toSorted(), sort).toEqual([0, 1, 2]);
  }
});

test("what is sent with a run about sharing is not applied", async () => {
  const { addShell, execute } = setup();
  const started = await execute(await addShell("s", "true"), { is_public: true, is_protected: true });
  expect(started.body.job_execution).toMatchObject({
    is_public: false,
    is_protected: false,
    info: { status: "PENDING" },
    oozie_job_id: null,
    job_configs: { job_execution_info: {} },
  });
});
