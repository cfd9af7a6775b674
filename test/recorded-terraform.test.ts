/** The Terraform provider's recorded commands as the sequences that they were: after an apply it has nothing left to plan. */
import { expect, test, vi } from "vitest";
import { createFactoryFace } from "../src/api/factory/routes.ts";
import { factoryWorld } from "./setup/factory.ts";
import { createBodySender, prepareRecorded, readRecorded } from "./setup/recorded.ts";
import { madeBy, plannedChanges } from "./setup/terraform.ts";

/** What the provider waits for in the job list after each action. */
const AWAITED: Readonly<Record<string, RegExp>> = {
  start: /^(SCHEDULING|NORMAL)$/,
  stop: /^(STOPPED|PAUSED)$/,
};

async function setup() {
  const world = await factoryWorld();
  await prepareRecorded(world, "terraform");
  const requests = await readRecorded("terraform_calls.json", createFactoryFace(world.deps).routes);
  return { world, requests, send: createBodySender(world) };
}

test("what it made is read as it was sent, until somebody takes it away", async () => {
  const { requests, send } = await setup();
  const state = new Map<string, Readonly<Record<string, unknown>>>();
  const planned = new Map<string, string[]>();
  for (const request of requests) {
    const { status, json } = await send(request);
    const made = madeBy(request);
    if (made !== undefined && status < 300) state.set(made.target, made.sent);
    const sent = state.get(request.target);
    if (request.method !== "GET" || sent === undefined) continue;
    const changes =
      status === 200 ? plannedChanges(request.target, sent, json) : [`gone: ${json.error_code}`];
    planned.set(request.call, [...(planned.get(request.call) ?? []), ...changes]);
  }
  expect(Object.fromEntries(planned)).toEqual({
    "job: create (three nodes, cron, dependency), provider start included": [],
    "job: refresh and plan, no difference": [],
    "job: update in place": [],
    "job: import": [],
    // It goes on to read the old name: no server can help.
    "job: rename (the client keeps the old name as its id)": ["gone: DLF.0100"],
    "job: plan after the rename": ["gone: DLF.0100"],
    "job: destroy": ["gone: DLF.0100"],
    "job: location 0,0 and no workspace": [],
    "job: plan with location 0,0": [],
    "job: destroy (no workspace)": [],
    "job: real-time with event and cron triggers on nodes": [],
    // The recording's stand-in lacked `cron_trigger`, and the plan was not empty.
    "job: plan of that job": [],
    "job: destroy real-time": [],
    "script: create": [],
    "script: plan": [],
    "script: update": [],
    "script: import": [],
    "script: destroy by the other state": [],
    "script: plan when it is gone (400, errors[0])": ["gone: DLF.6201"],
    "script: create without directory": [],
    "script: plan without directory": [],
    "resource: create": [],
    "resource: update": [],
    "resource: import": [],
    "resource: destroy by the other state": [],
    "resource: plan when it is gone": ["gone: DLF.6241"],
  });
});

test("its actions find the job in the state that they wait for", async () => {
  const { requests, send, world } = await setup();
  await world.startEngine();
  const acts = new Map<string, string>();
  const looks: string[] = [];
  for (const request of requests) {
    const { status } = await send(request);
    const path = decodeURIComponent(request.target);
    const [, name = "", act = ""] = /\/jobs\/([^/]+)\/(start|stop)$/.exec(path) ?? [];
    if (act !== "" && status === 204) acts.set(name, act);
    const asked = new URL(request.target, "http://here").searchParams.get("jobName") ?? "";
    const awaited = AWAITED[acts.get(asked) ?? ""];
    if (request.method !== "GET" || !request.call.startsWith("job action:") || awaited === undefined)
      continue;
    const look = async () => {
      const { json } = await send(request);
      const listed = json.jobs.find((job: { name: string }) => job.name === asked);
      expect(listed?.status, request.call).toMatch(awaited);
    };
    await vi.waitFor(look, { timeout: 20_000 });
    looks.push(request.call);
  }
  expect([...new Set(looks)]).toEqual([
    "job action: start a scheduled job",
    "job action: refresh",
    "job action: stop (update of the same resource)",
    "job action: start a real-time job with a non-ASCII name",
    "job action: stop the real-time job",
    "job action: start a run-once job that ends at once",
  ]);
});
