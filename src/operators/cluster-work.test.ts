import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { NO_SOURCES } from "../../test/setup/no-sources.ts";
import { workOf } from "../../test/setup/operators.ts";
import { type RayLikeCluster, startRayLikeCluster } from "../../test/setup/ray-like-cluster.ts";
import { type KeptSubmissions, keptSubmissions } from "../../test/setup/submissions.ts";
import { createClusterAdapters } from "./cluster-adapters.ts";
import { type NodeProgram, runElsewhere } from "./command-elsewhere.ts";
import type { AbortReason, Outcome, Work } from "./operator.ts";
import { OPERATOR_DEFAULTS } from "./settings.ts";

const TIMES = { pauseMs: 20, pauseMaxMs: 50, forgottenMs: 300, cancelMs: 5_000 };
const clusters = {
  ...createClusterAdapters({ ...OPERATOR_DEFAULTS, allowedAddresses: ["loopback"] }),
  times: TIMES,
};
let ray: RayLikeCluster;
beforeAll(async () => {
  ray = await startRayLikeCluster();
});
afterAll(async () => {
  clusters.close();
  await ray.close();
});

const bash = (script: string, ...args: readonly string[]): NodeProgram => ({
  command: { command: "bash", args: ["script.sh", ...args] },
  script: { name: "script.sh", text: script },
});

interface Try {
  readonly ended: Promise<Outcome>;
  readonly log: () => string;
  readonly abort: (reason: AbortReason) => void;
}

/** One try of an attempt; several with the same submissions are tries of servers that were lost one after another. */
function begin(submissions: KeptSubmissions, program: NodeProgram, changes: Partial<Work> = {}): Try {
  const aborter = new AbortController();
  let log = "";
  const work = workOf({
    type: "Shell",
    cluster: { id: "c", name: "far", local: false, services: { ray: { dashboard: ray.dashboard } } },
    ...changes,
  });
  const ended = runElsewhere(clusters, program, work, {
    signal: aborter.signal,
    log: (chunk) => {
      log += chunk.toString();
    },
    background: false,
    buckets: NO_SOURCES.buckets(""),
    children: { open: () => Promise.reject(new RangeError("no children here")) },
    submissions,
    publish: () => Promise.reject(new RangeError("no topics here")),
  });
  onTestFinished(() => {
    ray.behave("well");
    aborter.abort("stop");
  });
  return { ended, log: () => log, abort: (reason) => aborter.abort(reason) };
}

const idOf = ({ kept }: KeptSubmissions) => `azalai-${kept.key}`;
const runsOf = (submissions: KeptSubmissions) => ray.begun().filter((id) => id === idOf(submissions)).length;
const untilRuns = (submissions: KeptSubmissions) =>
  expect.poll(() => ray.running()).toContain(idOf(submissions));

test("a command runs there with its files, its words whole, and leaves its last line and its log", async () => {
  const submissions = keptSubmissions();
  const hostile = [`a b`, `"; touch /tmp/azalai-broken-out; echo "`, "$(id)", "`id`", "'", "\\", "*"];
  const { ended, log } = begin(
    submissions,
    bash('for word in "$@"; do echo "<$word>"; done; cat more.txt', ...hostile),
    {
      environment: { SECRET_WORD: "x" },
      files: [{ name: "more.txt", use: "library", open: async () => Readable.from([Buffer.from("last\n")]) }],
    },
  );
  expect(await ended).toEqual({ state: "succeeded", exitCode: 0, output: "last" });
  for (const word of hostile) expect(log()).toContain(`<${word}>\n`);
  expect(submissions.kept).toMatchObject({ state: "ended", engineId: idOf(submissions) });
});

test("a command that fails is a failure with its exit code and its last words", async () => {
  const { ended } = begin(keptSubmissions(), bash("echo before; echo why >&2; exit 7"));
  expect(await ended).toEqual({ state: "failed", message: "exit code 7: why", exitCode: 7 });
});

test("a program that is not there is a failure that says so", async () => {
  const { ended } = begin(keptSubmissions(), { command: { command: "no-such-program", args: [] } });
  expect(await ended).toMatchObject({
    state: "failed",
    exitCode: 127,
    message: expect.stringMatching(/no-such-program/),
  });
});

test("where the answer to the submit is lost, the work is found again and runs once", async () => {
  const submissions = keptSubmissions();
  ray.behave("answerless");
  const { ended } = begin(submissions, bash("echo done"));
  expect(await ended).toMatchObject({ state: "succeeded", output: "done" });
  expect(runsOf(submissions)).toBe(1);
});

test("a server lost between storing the id and submitting leaves a try that submits under the same id", async () => {
  const submissions = keptSubmissions();
  let lost: () => void = () => undefined;
  submissions.onReserved.after = () => lost();
  const first = begin(submissions, bash("echo never"));
  lost = () => first.abort("lost");
  expect(await first.ended).toMatchObject({ state: "cancelled" });
  expect(submissions.kept.state).toBe("reserved");
  submissions.onReserved.after = () => undefined;
  const second = begin(submissions, bash("echo second"));
  expect(await second.ended).toMatchObject({ state: "succeeded", output: "second" });
  expect(runsOf(submissions)).toBe(1);
});

test("what runs on after its server was lost is gone on with, its log from where it was read", async () => {
  const submissions = keptSubmissions();
  const script = "echo one; sleep 2; echo two; sleep 0.5; echo three";
  const first = begin(submissions, bash(script));
  await expect.poll(first.log, { timeout: 5_000 }).toContain("one\n");
  first.abort("lost");
  expect(await first.ended).toMatchObject({ state: "cancelled" });
  expect(ray.running()).toContain(idOf(submissions));
  const second = begin(submissions, bash(script), { attempt: 2 });
  expect(await second.ended).toMatchObject({ state: "succeeded", output: "three" });
  expect(second.log()).toContain(`goes on with ${idOf(submissions)}`);
  expect(second.log()).toContain("two\nthree\n");
  expect(second.log()).not.toContain("one");
  expect(runsOf(submissions)).toBe(1);
});

test("a try that goes on leaves the whole of stdout as a table", async () => {
  const submissions = keptSubmissions();
  const script = "echo one; sleep 2; echo two";
  const first = begin(submissions, bash(script), { outputForm: "table" });
  await expect.poll(first.log, { timeout: 5_000 }).toContain("one\n");
  first.abort("drain");
  await first.ended;
  const outcome = await begin(submissions, bash(script), { outputForm: "table" }).ended;
  expect(outcome.state).toBe("succeeded");
  expect("output" in outcome && JSON.parse(outcome.output ?? "")).toMatchObject({
    rowCount: 2,
    rows: [["one"], ["two"]],
  });
});

test("a stop ends the work on the cluster before it counts", async () => {
  const submissions = keptSubmissions();
  const { ended, abort } = begin(submissions, bash("echo begun; sleep 300"));
  await untilRuns(submissions);
  abort("stop");
  expect(await ended).toMatchObject({ state: "cancelled" });
  expect(ray.running()).not.toContain(idOf(submissions));
  expect(submissions.kept.state).toBe("ended");
});

test("a stop that the cluster does not hear leaves the work stored as going on", async () => {
  const submissions = keptSubmissions();
  const { ended, abort } = begin(submissions, bash("sleep 300"));
  await untilRuns(submissions);
  ray.behave("away");
  abort("stop");
  expect(await ended).toMatchObject({ state: "cancelled" });
  expect(submissions.kept.state).toBe("submitted");
});

test.each(["away", "failing"] as const)(
  "while a cluster is %s, work waits and does not fail",
  async (how) => {
    const submissions = keptSubmissions();
    const { ended, log } = begin(submissions, bash("sleep 1; echo done"));
    await untilRuns(submissions);
    ray.behave(how);
    await expect.poll(log).toContain("it is asked again");
    ray.behave("well");
    expect(await ended).toMatchObject({ state: "succeeded", output: "done" });
    expect(log()).toContain("answers again");
  },
);

test("what a cluster has forgotten is a failure that says that nothing is known, and is not submitted again", async () => {
  const submissions = keptSubmissions();
  const { ended } = begin(submissions, bash("sleep 300"));
  await untilRuns(submissions);
  ray.forget();
  expect(await ended).toMatchObject({
    state: "failed",
    message: expect.stringMatching(/forgotten .*whether it took effect is unknown/),
  });
  expect(runsOf(submissions)).toBe(1);
  expect(submissions.kept.state).toBe("abandoned");
});

test.each([
  ["refusing", /refuses the job .*no such runtime/],
  ["locked", /refuses the login/],
] as const)("a cluster that is %s is a failure that no further try can mend", async (how, message) => {
  const submissions = keptSubmissions();
  ray.behave(how);
  expect(await begin(submissions, bash("echo")).ended).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringMatching(message),
  });
  expect(submissions.kept.state).toBe("ended");
});

test("somebody who ends the work on the cluster makes a failure of it", async () => {
  const submissions = keptSubmissions();
  const { ended } = begin(submissions, bash("sleep 300"));
  await untilRuns(submissions);
  await fetch(`${ray.dashboard}/api/jobs/${idOf(submissions)}/stop`, { method: "POST" });
  expect(await ended).toMatchObject({
    state: "failed",
    message: expect.stringMatching(/was ended on cluster far/),
  });
});

test("a program is told what its run reads and writes, as far as the cluster can reach it", async () => {
  const output = { url: "hdfs://far/out" };
  const far = begin(keptSubmissions(), bash('echo "$AZALAI_OUTPUT"'), { places: { output, named: [] } });
  expect(await far.ended).toMatchObject({ state: "succeeded", output: "hdfs://far/out" });
  const input = { url: "swift://box/in" };
  const near = begin(keptSubmissions(), bash("echo"), { places: { input, named: [] } });
  await expect(near.ended).rejects.toThrow('cluster "far" cannot reach swift://box/in');
});
