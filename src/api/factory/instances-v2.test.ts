/** Job instances of v2 through HTTP: the list of one job, one instance, and running instances again. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";
import { nodes } from "../../../test/setup/job-nodes.ts";

const JOBS = `/v2/${PROJECT}/factory/jobs`;

/** A world with an engine and the ended runs of job `j`, whose node is of the type. */
async function setup(type: string, runs = 1) {
  const world = await factoryWorld();
  await world.ok("POST", "/jobs", { body: jobBody("j", { nodes: nodes(["a", type]) }) });
  await world.startEngine();
  const ids: number[] = [];
  for (let n = 0; n < runs; n += 1) {
    const { instanceId } = (await world.ok("POST", "/jobs/j/run-immediate")).json;
    await world.ended(instanceId);
    ids.push(instanceId);
    world.clock.now = new Date(world.clock.now.getTime() + 1000);
  }
  const list = async (query = "") => (await world.ok("GET", `${JOBS}/j/instances/detail?${query}`)).json;
  const show = async (id: number) => (await world.ok("GET", `${JOBS}/j/instances/${id}`)).json;
  const attempts = async (id: number) =>
    (await world.ok("GET", `/api/instances/${id}`)).json.nodes[0].attempts.length;
  const retry = (body: object) => world.call("POST", `${JOBS}/j/instances/retry`, { body });
  return { ...world, ids, list, show, attempts, retry };
}

test("a job's instances are listed newest first, with v1's members in snake case", async () => {
  const { list, ids, ok, call } = await setup("Dummy", 2);
  await ok("POST", "/jobs", { body: jobBody("other") });
  await ok("POST", "/jobs/other/run-immediate");
  const { total, instances } = await list();
  expect(total).toBe(2);
  expect(instances.map(({ instance_id: id }: { instance_id: number }) => id)).toEqual([ids[1], ids[0]]);
  expect(instances[1]).toEqual({
    job_name: "j",
    job_id: expect.any(Number),
    job_instance_name: "j",
    instance_id: ids[0],
    status: "success",
    plan_time: expect.any(Number),
    start_time: expect.any(Number),
    end_time: expect.any(Number),
    execute_time: expect.any(Number),
    submit_time: expect.any(Number),
    instance_type: 2,
    force_success: false,
    ignore_success: false,
    version: 1,
  });
  expect((await list("limit=1&offset=1")).instances).toMatchObject([{ instance_id: ids[0] }]);
  for (const query of ["status=fail", "force_success=true", "instance_type=5", `min_plan_time=${Date.now()}`])
    expect((await list(query)).instances, query).toEqual([]);
  expect(
    (await list("status=success&ignore_success=false&min_plan_time=0&max_plan_time=4000000000000")).total,
  ).toBe(2);
  for (const query of ["limit=1001", "min_plan_time=x", "force_success=perhaps", "status=gone"])
    expect(await call("GET", `${JOBS}/j/instances/detail?${query}`), query).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
  expect(await call("GET", `${JOBS}/nobody/instances/detail`)).toMatchObject({
    json: { error_code: "DLF.0100" },
  });
});

test("one instance is shown with its nodes, and what is not there has the code of v2", async () => {
  const { show, ids, call } = await setup("Fail");
  expect(await show(ids[0] ?? 0)).toMatchObject({
    job_name: "j",
    instance_id: ids[0],
    status: "fail",
    total: 1,
    nodes: [{ node_name: "a", status: "fail", type: "Fail", retry_times: 0, queue: "" }],
  });
  for (const id of ["999999", "x"])
    expect(await call("GET", `${JOBS}/j/instances/${id}`)).toMatchObject({
      status: 400,
      json: { error_code: "DLF.30137" },
    });
});

test("an instance is run again from where the request says, under its job and plan time", async () => {
  const { retry, show, ids, attempts, list } = await setup("Fail");
  const id = ids[0] ?? 0;
  const [{ job_id, plan_time, submit_time }] = (await list()).instances;
  const body = { retry_task_version: "original_version", task_retrys: [{ job_id, plan_time, submit_time }] };
  let tries = 1;
  for (const location of [
    { retry_location: "firstNode" },
    { retry_location: "errorNode" },
    { retry_location: "specifiedNode", node_name: "a" },
  ]) {
    expect(await retry({ ...body, ...location }), JSON.stringify(location)).toMatchObject({ status: 204 });
    tries += 1;
    await expect.poll(() => attempts(id)).toBe(tries);
    await expect.poll(async () => (await show(id)).status).toBe("fail");
  }
});

test("all instances of a stretch are run again, with the job as it is now", async () => {
  const { retry, ids, show, ok } = await setup("Fail", 2);
  await ok("PUT", "/jobs/j", { body: jobBody("j", { nodes: nodes(["a", "Dummy"]) }) });
  const stretch = { begin_time: 0, end_time: 4_000_000_000_000, jobs: [{ job_name: "j" }], concurrent: 2 };
  const body = { retry_location: "errorNode", retry_task_version: "current_version", ...stretch };
  expect(await retry(body)).toMatchObject({ status: 204 });
  for (const id of ids) await expect.poll(async () => (await show(id)).status).toBe("success");
});

test("a job that a retry names a thousand times is run again once", async () => {
  const { retry, ids, show, attempts } = await setup("Fail");
  const jobs = Array.from({ length: 1000 }, () => ({ job_name: "j" }));
  const stretch = { begin_time: 0, end_time: 4_000_000_000_000, jobs };
  const body = { retry_location: "firstNode", retry_task_version: "original_version", ...stretch };
  expect(await retry(body)).toMatchObject({ status: 204 });
  const [id = 0] = ids;
  await expect.poll(async () => [await attempts(id), (await show(id)).status]).toEqual([2, "fail"]);
});

test("of a stretch no more instances run at a time than the request says, the earliest first", async () => {
  const { retry, ids, show, ok, held, pool } = await setup("Dummy", 4);
  const [first = 0, second = 0, third = 0, last = 0] = ids;
  await ok("PUT", "/jobs/j", { body: jobBody("j", { nodes: nodes(["a", "Hold"]) }) });
  const stretch = { begin_time: 0, end_time: 4_000_000_000_000, concurrent: 2 };
  const body = { retry_location: "firstNode", retry_task_version: "current_version", ...stretch };
  expect(await retry(body)).toMatchObject({ status: 204 });
  const statuses = () => Promise.all(ids.map(async (id) => (await show(id)).status));
  await held.running(first, "a");
  await held.running(second, "a");
  expect(await statuses()).toEqual(["running", "running", "success", "success"]);
  held.letEnd(second, "a");
  await held.running(third, "a");
  expect(await statuses()).toEqual(["running", "success", "running", "success"]);
  // Somebody runs the last one by himself: its turn is passed over.
  await ok("POST", `/api/instances/${last}/acts`, {
    body: { act: "rerun", from: "first", version: "current" },
  });
  await held.running(last, "a");
  held.letEnd(first, "a");
  held.letEnd(third, "a");
  await expect.poll(async () => (await pool.query("select from rerun_batch")).rowCount).toBe(0);
  expect((await ok("GET", `/api/instances/${last}`)).json.nodes[0].attempts).toHaveLength(2);
});

test("a retry that says too little, or of what is not there, is refused", async () => {
  const { retry, list } = await setup("Hold", 0);
  const good = { retry_location: "firstNode", retry_task_version: "original_version" };
  for (const body of [
    {},
    good,
    { ...good, begin_time: 0 },
    { ...good, retry_location: "lastNode", begin_time: 0, end_time: 1 },
    { ...good, retry_location: "specifiedNode", begin_time: 0, end_time: 1 },
    { ...good, begin_time: 0, end_time: 1, concurrent: 129 },
  ])
    expect(await retry(body), JSON.stringify(body)).toMatchObject({
      status: 400,
      json: { error_code: "DLF.3051" },
    });
  const task_retrys = [{ job_id: 1, plan_time: 5 }];
  expect(await retry({ ...good, task_retrys })).toMatchObject({ json: { error_code: "DLF.30137" } });
  const jobs = [{ job_name: "nobody" }];
  expect(await retry({ ...good, begin_time: 0, end_time: 1, jobs })).toMatchObject({
    json: { error_code: "DLF.0100" },
  });
  expect((await list()).total).toBe(0);
});
