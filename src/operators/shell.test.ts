import { getPriority } from "node:os";
/** What programs of nodes are given: text, files, arguments, environment; and where they may not run. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld, workFile } from "../../test/setup/operators.ts";
import type { WorkScript } from "./operator.ts";

let world: OperatorWorld;

beforeAll(async () => {
  world = await operatorWorld();
});

afterAll(async () => await world.close());

function script(content: string): WorkScript {
  return { name: "script", type: "Shell", content };
}

describe("a shell node", () => {
  test("runs its script, or its statement when told so", async () => {
    const both = {
      type: "Shell",
      script: script("echo script"),
      properties: { statement: "echo statement" },
    };
    expect((await world.run(both)).log).toBe("script\n");
    const properties = { ...both.properties, statementOrScript: "STATEMENT" };
    expect((await world.run({ ...both, properties })).log).toBe("statement\n");
  });

  test("gets the arguments of its property, then those of the run, as words that nothing has expanded", async () => {
    const { log } = await world.run({
      type: "Shell",
      script: script('printf "[%s]" "$@"'),
      properties: { arguments: "a 'b c' $HOME *" },
      args: ["d e", "$(id)"],
    });
    expect(log).toBe("[a][b c][$HOME][*][d e][$(id)]");
  });

  test("gets the environment that it was given, which cannot take away its mark", async () => {
    const { log } = await world.run({
      type: "Shell",
      script: script('echo "$COLOUR $AZALAI_WORK"'),
      environment: { COLOUR: "blue", AZALAI_WORK: "none" },
    });
    expect(log).toMatch(/^blue [0-9a-f]{24}\.\d+\n$/);
  });

  test("may have been written on Windows", async () => {
    const { outcome } = await world.run({
      type: "Shell",
      script: script("if true; then\r\n  echo well\r\nfi\r\n"),
    });
    expect(outcome).toMatchObject({ state: "succeeded", output: "well" });
  });

  test("starts an uploaded main program with its libraries beside it", async () => {
    const { log } = await world.run({
      type: "Shell",
      files: [
        workFile("main.sh", "main", "cat data.txt; echo $1 $(basename $0)"),
        workFile("data.txt", "library", "library "),
      ],
      args: ["argument"],
    });
    expect(log).toBe("library argument main.sh\n");
  });

  test("starts a main program in the language that its first line names", async () => {
    const main = workFile("count", "main", "#!/usr/bin/env python3\nprint(sum(range(5)))\n");
    const { outcome } = await world.run({ type: "Shell", files: [main] });
    expect(outcome).toMatchObject({ state: "succeeded", output: "10" });
  });

  test("says so when a signal ended it", async () => {
    const { outcome } = await world.run({ type: "Shell", script: script("kill -SEGV $$") });
    expect(outcome).toMatchObject({ state: "failed", message: "ended by SIGSEGV" });
  });

  test("gives way to others when it is of a background instance, with all that it starts", async () => {
    const statement = { type: "Shell", properties: { statement: "nice; bash -c nice" } };
    const own = getPriority();
    expect((await world.run(statement)).log).toBe(`${own}\n${own}\n`);
    expect((await world.run(statement, { background: true })).log).toBe(`${own + 10}\n${own + 10}\n`);
  });

  test("does not wait for input", async () => {
    expect((await world.run({ type: "Shell", script: script("cat; echo end") })).log).toBe("end\n");
  });

  test("with arguments longer than the system takes is refused for good", async () => {
    const { outcome } = await world.run({
      type: "Shell",
      script: script("true"),
      args: ["x".repeat(200_000)],
    });
    expect(outcome).toMatchObject({
      state: "failed",
      permanent: true,
      message: expect.stringContaining("longer"),
    });
  });
});

describe("refused for good is", () => {
  const host = { type: "HOST" as const, config: { ip: "127.0.0.1" }, warehouse: false };

  test("a host that may not be dialled; the connection `local` is this server", async () => {
    const work = { type: "Shell", script: script("echo here") };
    const far = await world.run({ ...work, connection: { ...host, name: "far" } });
    expect(far.outcome).toMatchObject({
      state: "failed",
      permanent: true,
      message: expect.stringContaining("loopback"),
    });
    const near = await world.run({ ...work, connection: { ...host, name: "local" } });
    expect(near.outcome).toMatchObject({ state: "succeeded", output: "here" });
  });

  test("a quote that is not closed", async () => {
    const { outcome } = await world.run({
      type: "Shell",
      script: script("true"),
      properties: { arguments: "'a" },
    });
    expect(outcome).toMatchObject({
      state: "failed",
      permanent: true,
      message: expect.stringContaining("not closed"),
    });
  });

  test.each(["../main.sh", "a/b", ".."])("a file of the name %s", async (name) => {
    const { outcome } = await world.run({ type: "Shell", files: [workFile(name, "main", "true")] });
    expect(outcome).toMatchObject({
      state: "failed",
      permanent: true,
      message: expect.stringContaining("file name"),
    });
  });

  test("Java without its class, and Java where there is none", async () => {
    const withoutClass = await world.run({ type: "Java", files: [workFile("a.jar", "library", "")] });
    expect(withoutClass.outcome).toMatchObject({
      permanent: true,
      message: expect.stringContaining("mainClass"),
    });
    const bare = await operatorWorld({ searchPath: "/nowhere" });
    const { outcome } = await bare.run({ type: "Java", properties: { mainClass: "Main" } });
    expect(outcome).toMatchObject({
      permanent: true,
      message: expect.stringContaining("Java is not installed"),
    });
    await bare.close();
  });
});

test("a Python node finds the modules that were uploaded with it", async () => {
  const { outcome } = await world.run({
    type: "Python",
    files: [
      workFile("main.py", "main", "import lib, sys\nprint(lib.twice(sys.argv[1]))"),
      workFile("lib.py", "library", "def twice(x): return x * 2"),
    ],
    properties: { arguments: "ab" },
  });
  expect(outcome).toMatchObject({ state: "succeeded", output: "abab" });
});

test("a command that is to end has the node's own grace time, and is killed after it", async () => {
  const statement = "trap 'sleep 0.5; echo flushed; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
  for (const [stopGraceMs, flushed] of [
    [30_000, true],
    [0, false],
  ] as const) {
    const abort = new AbortController();
    const { outcome, log } = await world.run(
      { type: "Shell", properties: { statementOrScript: "STATEMENT", statement } },
      {
        signal: abort.signal,
        stopGraceMs,
        onLog: (text) => {
          if (text.includes("ready") && !abort.signal.aborted) abort.abort("stop");
        },
      },
    );
    expect(outcome.state).toBe("cancelled");
    expect(log.includes("flushed")).toBe(flushed);
  }
});
