/** What people do to instances and nodes, through the console's API on the real engine. */
import { expect, test } from "vitest";
import { factoryWorld, jobBody } from "../../../test/setup/factory.ts";
import { type NodeWords, nodes } from "../../../test/setup/job-nodes.ts";

/** A world whose engine runs, with a job that was run once. */
async function setup(...list: readonly NodeWords[]) {
  const world = await factoryWorld();
  await world.startEngine();
  await world.ok("POST", "/jobs", { body: jobBody("j", { nodes: nodes(...list) }) });
  const run = async (name = "j", body?: object): Promise<number> =>
    (await world.ok("POST", `/jobs/${name}/run-immediate`, body === undefined ? {} : { body })).json
      .instanceId;
  const show = async (id: number) => (await world.ok("GET", `/api/instances/${id}`)).json;
  /** `running a:succeeded b:waiting`, and so on. */
  const states = async (id: number): Promise<string> => {
    const instance = await show(id);
    const each = instance.nodes.map((node: { name: string; state: string }) => `${node.name}:${node.state}`);
    return [instance.state, ...each].join(" ");
  };
  return {
    ...world,
    run,
    show,
    states,
    act: (id: number, act: string, members: object = {}) =>
      world.ok("POST", `/api/instances/${id}/acts`, { role: "member", body: { act, ...members } }),
    refused: async (id: number, act: string, members: object = {}) =>
      (await world.call("POST", `/api/instances/${id}/acts`, { body: { act, ...members } })).json.code,
    saveAgain: (...changed: readonly NodeWords[]) =>
      world.ok("PUT", "/jobs/j", { body: jobBody("j", { nodes: nodes(...changed) }) }),
  };
}

test("a paused instance ends what runs, starts nothing, and goes on when it is resumed", async () => {
  const { run, act, ok, held, states, ended, refused } = await setup(["a", "Hold"], ["b", "Dummy", "a"]);
  const id = await run();
  await held.running(id, "a");
  expect((await act(id, "pause")).json).toEqual({ id, state: "paused" });
  const list = async (status: string) => (await ok("GET", `/jobs/instances/detail?status=${status}`)).json;
  expect((await list("pause")).instances).toMatchObject([{ instanceId: id, status: "pause" }]);
  expect(await refused(id, "pause")).toBe("instance-state");
  held.letEnd(id, "a");
  await expect.poll(() => states(id)).toBe("paused a:succeeded b:waiting");
  await act(id, "resume");
  await ended(id);
  expect(await states(id)).toBe("succeeded a:succeeded b:succeeded");
});

test("a held node waits with its branch while others go on", async () => {
  const { run, act, ok, held, states, ended, refused } = await setup(
    ["a", "Hold"],
    ["b", "Dummy", "a"],
    ["c", "Dummy", "b"],
    ["d", "Dummy", "a"],
  );
  const id = await run();
  await held.running(id, "a");
  await act(id, "pause-node", { node: "b" });
  expect(await refused(id, "pause-node", { node: "a" })).toBe("node-state");
  expect(await refused(id, "pause-node", { node: "z" })).toBe("node-missing");
  held.letEnd(id, "a");
  await expect.poll(() => states(id)).toBe("running a:succeeded b:waiting d:succeeded c:waiting");
  const detail = (await ok("GET", `/jobs/j/instances/${id}`)).json;
  expect(detail.nodes.map(({ status }: { status: string }) => status)).toEqual([
    "success",
    "pause",
    "success",
    "waiting",
  ]);
  await act(id, "resume-node", { node: "b" });
  await ended(id);
  expect(await states(id)).toBe("succeeded a:succeeded b:succeeded d:succeeded c:succeeded");
});

test("an instance is ended as succeeded, while it runs and after it failed", async () => {
  const { run, act, ok, held, states, ended, show } = await setup(["a", "Hold"], ["b", "Dummy", "a"]);
  const running = await run();
  await held.running(running, "a");
  await act(running, "force-success");
  await ended(running);
  expect(await states(running)).toBe("succeeded a:cancelled b:cancelled");
  expect(await show(running)).toMatchObject({ forceSuccess: true });
  await ok("POST", "/jobs", { body: jobBody("bad", { nodes: nodes(["f", "Fail"]) }) });
  const failed = await run("bad");
  await ended(failed);
  await act(failed, "force-success");
  const { instances } = (await ok("GET", "/jobs/instances/detail?status=forceSuccess")).json;
  expect(instances).toMatchObject([
    { instanceId: failed, status: "success", forceSuccess: true },
    { instanceId: running, status: "success", forceSuccess: true },
  ]);
});

test("a suspended instance goes on when somebody passes over the failed node, or says that it succeeded", async () => {
  const { run, act, states, ended } = await setup(
    ["a", "Fail", "", { failPolicy: "SUSPEND" }],
    ["b", "Dummy", "a"],
  );
  for (const [word, state] of [
    ["skip-node", "skipped"],
    ["succeed-node", "succeeded"],
  ] as const) {
    const id = await run();
    await expect.poll(() => states(id)).toBe("suspended a:failed b:waiting");
    await act(id, word, { node: "a" });
    await ended(id);
    expect(await states(id)).toBe(`succeeded a:${state} b:succeeded`);
  }
});

test("a rerun of a failed run keeps what succeeded, the earlier tries, and takes new parameters", async () => {
  const world = await setup(["a", "Echo"], ["b", "Fail", "a"]);
  const { run, act, ended, show, states } = world;
  const id = await run("j", {
    jobParams: [
      { name: "day", value: "1" },
      { name: "kept", value: "x" },
    ],
  });
  await ended(id);
  await act(id, "rerun", { parameters: { day: "2" } });
  await ended(id);
  expect(await states(id)).toBe("failed a:succeeded b:failed");
  const {
    parameters,
    nodes: [a, b],
  } = await show(id);
  expect(parameters).toEqual({ day: "2", kept: "x" });
  expect(a.attempts).toMatchObject([{ attempt: 1, outcome: "succeeded" }]);
  expect(b.attempts).toMatchObject([
    { attempt: 1, outcome: "failed", message: "no luck" },
    { attempt: 2, outcome: "failed" },
  ]);
});

test("a rerun begins with the first nodes, or with one and all below it", async () => {
  const { run, act, ended, show } = await setup(["a", "Dummy"], ["b", "Dummy", "a"], ["c", "Dummy", "b"]);
  const id = await run();
  await ended(id);
  const tries = async () =>
    (await show(id)).nodes.map(({ attempts }: { attempts: unknown[] }) => attempts.length);
  await act(id, "rerun", { from: { node: "b" } });
  await ended(id);
  expect(await tries()).toEqual([1, 2, 2]);
  await act(id, "rerun", { from: "first" });
  await ended(id);
  expect(await tries()).toEqual([2, 3, 3]);
});

test("a rerun with the current version runs the repaired job and keeps the results of nodes with the same name", async () => {
  const { run, act, ended, show, states, saveAgain, refused } = await setup(
    ["a", "Dummy"],
    ["b", "Fail", "a"],
  );
  const id = await run();
  await ended(id);
  await saveAgain(["zero", "Dummy"], ["a", "Dummy"], ["b", "Dummy", "a"], ["c", "Dummy", "b zero"]);
  await act(id, "rerun");
  await ended(id);
  expect(await states(id)).toBe("failed a:succeeded b:failed");
  expect(await refused(id, "rerun", { version: "current", from: { node: "gone" } })).toBe("node-missing");
  await act(id, "rerun", { version: "current", from: "failed" });
  await ended(id);
  expect(await states(id)).toBe("succeeded zero:succeeded a:succeeded b:succeeded c:succeeded");
  const instance = await show(id);
  expect(instance.jobVersion).toBe(2);
  // Its number changed with the version: what it did before is not told as if it were another node's.
  expect(instance.nodes[1].attempts).toHaveLength(1);
});

test("an act on all that a filter lets through says for each what was done or why not", async () => {
  const { run, ok, call, ended, held, states } = await setup(["a", "Hold"]);
  const first = await run();
  const second = await run();
  await held.running(first, "a");
  await held.running(second, "a");
  await ok("POST", `/api/instances/${first}/acts`, { body: { act: "pause" } });
  const stop = (filter: object, limit?: number) =>
    ok("POST", "/api/instance-acts", { role: "member", body: { act: { act: "pause" }, filter, limit } });
  const { results, total } = (await stop({ job: "j", exact: true })).json;
  expect(total).toBe(2);
  expect(results).toEqual([
    { instanceId: second, done: true },
    { instanceId: first, done: false, code: "instance-state", message: expect.stringContaining("paused") },
  ]);
  expect((await stop({ states: ["paused"] }, 1)).json).toMatchObject({ results: [{}], total: 2 });
  for (const filter of [{ job: "other" }, { origins: ["schedule"] }, { plannedTo: "2000-01-01T00:00:00Z" }])
    expect((await stop(filter)).json, JSON.stringify(filter)).toEqual({ results: [], total: 0 });
  const body = { act: { act: "force-success" }, filter: { states: ["paused"] } };
  await ok("POST", "/api/instance-acts", { body });
  await Promise.all([ended(first), ended(second)]);
  expect(await states(first)).toBe("succeeded a:cancelled");
  for (const wrong of [
    { filter: {} },
    { filter: { states: ["gone"] } },
    { filter: { job: "j" }, limit: 1001 },
  ])
    expect(
      (await call("POST", "/api/instance-acts", { body: { act: { act: "stop" }, ...wrong } })).status,
    ).toBe(400);
});

test("every act is in the trail, and what is refused is not", async () => {
  const { run, act, ok, ended, refused } = await setup(["a", "Dummy"]);
  const id = await run();
  await ended(id);
  await act(id, "rerun", { from: "first", parameters: { x: "1" } });
  await ended(id);
  expect(await refused(id, "resume")).toBe("instance-state");
  const { acts } = (await ok("GET", `/api/acts?kind=instance&id=${id}`)).json;
  expect(acts).toMatchObject([
    { act: "rerun", by: "member-user", detail: { from: "first", parameters: { x: "1" } } },
  ]);
});

test("acts that cannot be read, foreign instances and readers are refused", async () => {
  const { run, call, refused, ended } = await setup(["a", "Dummy"]);
  const id = await run();
  await ended(id);
  for (const body of [
    { act: "destroy" },
    { act: "pause-node" },
    { act: "rerun", from: "last" },
    { act: "rerun", from: { node: 1 } },
    { act: "rerun", parameters: { "no good": "1" } },
    { act: "stop", node: "a" },
    {},
  ])
    expect(
      (await call("POST", `/api/instances/${id}/acts`, { body })).json,
      JSON.stringify(body),
    ).toMatchObject({
      code: "request-invalid",
    });
  expect(await refused(999_999, "stop")).toBe("instance-missing");
  const answer = await call("POST", `/api/instances/${id}/acts`, { role: "reader", body: { act: "stop" } });
  expect(answer.json.code).toBe("role-missing");
});
