/** What a worker's calls tell it about what is ready. */
import { expect, test } from "vitest";
import { LANES, type Lane } from "../domain/instance.ts";
import type { Claim, StepReply, StepRequest } from "../store/node-runs.ts";
import { createReadySince } from "./ready-since.ts";

const NOW = new Date("2030-01-01T12:00:00Z");
const SINCE = new Date("2030-01-01T11:59:58Z");
const NOTHING: StepReply = {
  claims: [],
  ended: [],
  late: [],
  slow: [],
  ready: 0,
  more: false,
  busy: false,
  freed: false,
};

const wants = (want: number, lanes: readonly Lane[] = LANES) => lanes.map((lane) => ({ lane, want }));
const claims = (lane: Lane, count: number): Claim[] =>
  Array.from({ length: count }, (_, nodeNo) => ({
    projectId: "p",
    instanceId: 1,
    nodeNo,
    fence: 1,
    attempt: 1,
    tries: 0,
    losses: 0,
    lane,
  }));

/** A worker that makes calls one after the other. */
function worker() {
  const readySince = createReadySince();
  const call = (asked: StepRequest["wants"], reply: Partial<StepReply> = {}) => {
    const since = readySince.before(asked);
    const request = { now: NOW, serverId: "s", fence: 1, successes: [], wants: asked, used: [], since };
    readySince.after(request, { ...NOTHING, ...reply });
    return since;
  };
  return { call, forget: readySince.forget };
}

test("after a look that found a lane empty, the next one begins a little before it", () => {
  const { call } = worker();
  expect(call(wants(4))).toBeUndefined();
  expect(call(wants(4))).toEqual(SINCE);
  expect(call([])).toBeUndefined();
  expect(call(wants(4))).toEqual(SINCE);
});

test("a lane that gave all that was asked for may have more, and so may all where somebody else was busy", () => {
  const { call } = worker();
  call(wants(4), { claims: claims("process", 4) });
  expect(call(wants(4, ["inline", "child"]))).toEqual(SINCE);
  expect(call(wants(4))).toBeUndefined();
  const other = worker();
  other.call(wants(4), { busy: true });
  expect(other.call(wants(4), { more: true })).toBeUndefined();
  expect(other.call(wants(4))).toBeUndefined();
});

test("what processes took was not to be had for the background", () => {
  const { call } = worker();
  const both: readonly Lane[] = ["process", "background"];
  call(wants(4, both), { claims: [...claims("process", 3), ...claims("background", 1)] });
  expect(call(wants(4, ["process"]))).toEqual(SINCE);
  expect(call(wants(4, ["background"]))).toBeUndefined();
});

test("once told of more, each lane is looked at whole, those that had no slot then at their next turn", () => {
  const { call, forget } = worker();
  call(wants(4));
  forget();
  expect(call(wants(4, ["inline"]))).toBeUndefined();
  expect(call(wants(4, ["inline"]))).toEqual(SINCE);
  expect(call(wants(4))).toBeUndefined();
  expect(call(wants(4))).toEqual(SINCE);
});
