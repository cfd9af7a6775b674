/** Prepared interpreters: what one program leaves is not there for the next, and any doubt ends the interpreter. */
import { readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld, type RunOptions, workFile } from "../../test/setup/operators.ts";
import type { WarmSession, Work } from "./operator.ts";
import { OPERATOR_DEFAULTS } from "./settings.ts";

const ROOT = process.getuid?.() === 0;
const MIB = 1024 * 1024;

let world: OperatorWorld;

beforeAll(async () => {
  world = await operatorWorld({ logBytesMax: MIB });
});

afterAll(async () => await world.close());

/** Each test has a user of its own, so that no interpreter is there before it. */
function asUser(by: string, modules: readonly string[] = [], of = world) {
  const warm: WarmSession = { by, modules };
  return (statement: string, work: Partial<Work> = {}, options: RunOptions = {}) =>
    of.run({ type: "Python", properties: { statement }, warm, ...work }, options);
}

const WHICH = "import os\nprint(os.getppid())";

async function output(result: Promise<{ outcome: object }>): Promise<string> {
  const { outcome } = await result;
  return "output" in outcome ? String(outcome.output) : JSON.stringify(outcome);
}

describe("what a program leaves", () => {
  const leaks: readonly (readonly [string, string, string, string])[] = [
    ["variables", "leak = 1", "print('leak' in globals())", "False"],
    ["built-ins", "import builtins\nbuiltins.leak = 1", "print('leak' in dir(__builtins__))", "False"],
    ["modules", "import sys\nsys.modules['leak'] = sys", "import sys\nprint('leak' in sys.modules)", "False"],
    ["a changed module", "import json\njson.leak = 1", "import json\nprint(hasattr(json, 'leak'))", "False"],
    [
      "the environment",
      "import os\nos.environ['LEAK'] = '1'",
      "import os\nprint('LEAK' in os.environ)",
      "False",
    ],
    ["the working folder", "import os\nos.chdir('/')", "import os\nprint(os.getcwd() == '/')", "False"],
    ["files", "open('leak', 'w').close()", "import os\nprint(os.listdir('.'))", "['script.py']"],
    [
      "the mask of new files",
      "import os\nos.umask(0o777)",
      "import os\nprint(os.umask(0) == 0o777)",
      "False",
    ],
    [
      "signal handlers",
      "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
      "import signal\nprint(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)",
      "False",
    ],
    [
      "limits",
      "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))",
      "import resource\nprint(resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 64)",
      "False",
    ],
    ["a closed output", "import os\nos.set_blocking(1, False)\nos.close(1)", "print('well')", "well"],
  ];
  test.each(leaks)("%s are not there for the next", async (name, leave, look, seen) => {
    const run = asUser(name);
    const first = await run(`${leave}\nimport os, sys\nprint(os.getppid(), file=sys.stderr)`);
    expect(first.outcome.state).toBe("succeeded");
    expect(await output(run(look))).toBe(seen);
    expect(await output(run(WHICH))).toBe(first.log.trim()); // all by one interpreter
  });

  test("a mark of its own in the environment", async () => {
    const run = asUser("marked");
    const mark = "import os\nprint(os.environ['AZALAI_WORK'])";
    const real = await output(run(mark));
    expect(await output(run(mark, { environment: { AZALAI_WORK: "another" } }))).toBe(real);
  });

  test("random numbers are others each time", async () => {
    const run = asUser("dice", ["random"]);
    const dice = "import random\nprint(random.random())";
    expect(await output(run(dice))).not.toBe(await output(run(dice)));
  });
});

describe("a program runs as in a clean interpreter", () => {
  const same: readonly (readonly [string, string, Partial<Work>])[] = [
    ["arguments and names", "import sys\nprint(sys.argv, __name__, __file__[-10:])", { args: ["a b"] }],
    [
      "the environment",
      "import os\nprint(os.environ['GIVEN'], sorted(os.environ))",
      { environment: { GIVEN: "yes" } },
    ],
    ["an exit code", "import sys\nsys.exit(7)", {}],
    ["an exit with words", "import sys\nsys.exit('no')", {}],
    ["an exception", "def f():\n  raise ValueError('no')\nf()", {}],
    ["a text that cannot be read", "x = (", {}],
    ["the end of a closed input", "print(input())", {}],
    [
      "an unclosed file",
      "f = open('f', 'w')\nf.write('x')\nimport atexit\natexit.register(lambda: print(open('f').read()))\nf = None",
      {},
    ],
    [
      "a thread that goes on",
      "import threading, time\nthreading.Timer(0.05, lambda: print('late')).start()",
      {},
    ],
    [
      "processes",
      "import multiprocessing as m\ndef f(x): return x * 2\nif __name__ == '__main__':\n  with m.Pool(2) as p: print(p.map(f, [1, 2]))",
      {},
    ],
    [
      "a module beside it",
      "import statistics, helper\nprint(statistics.name, helper.name)",
      {
        files: [
          workFile("statistics.py", "library", "name = 'own'"),
          workFile("helper.py", "library", "name = 'helper'"),
        ],
      },
    ],
    [
      "variables that are read at the start",
      "import sys\nprint(sys.flags.optimize, hash('a'))",
      { environment: { PYTHONOPTIMIZE: "1", PYTHONHASHSEED: "0" } },
    ],
  ];
  test.each(same)("%s", async (_, statement, work) => {
    const options = { type: "Python", properties: { statement }, ...work };
    const clean = await world.run(options);
    const warm = await world.run({ ...options, warm: { by: "same", modules: ["statistics"] } });
    expect(warm.outcome).toEqual(clean.outcome);
    expect(withoutFolders(warm.log)).toBe(withoutFolders(clean.log));
  });

  test("what it writes last is on the disk although it closes nothing", async () => {
    const statement =
      "import builtins, os\nr, w = os.pipe()\nif os.fork():\n  os.close(w); print(os.read(r, 9)); os.wait()\nelse:\n  builtins.kept = open(w, 'w'); builtins.kept.write('written')";
    const { log } = await asUser("writer")(statement);
    expect(log).toContain("b'written'");
  });

  test("output beyond the limit is dropped, its last line kept, and counted anew for the next", async () => {
    const run = asUser("loud");
    const { outcome, log } = await run("print('x' * 3_000_000)\nprint('last')");
    expect(outcome).toMatchObject({ state: "succeeded", output: "last" });
    expect(log.length).toBeLessThan(MIB + 200);
    expect(log).toMatch(/more bytes of output were dropped/);
    expect((await run("print('x' * 1_000_000)")).log).toHaveLength(1_000_001);
  });

  test.runIf(ROOT)(
    "memory beyond the limit is refused to the program, and the interpreter goes on",
    async () => {
      const own = await operatorWorld({
        limits: { ...OPERATOR_DEFAULTS.limits, memoryBytes: 1024 * MIB },
      });
      const run = asUser("greedy", [], own);
      const before = await output(run(WHICH));
      expect((await run("x = bytearray(2 * 1024 ** 3)")).outcome).toMatchObject({
        state: "failed",
        message: expect.stringContaining("MemoryError"),
      });
      expect(await output(run(WHICH))).toBe(before);
      await own.close();
    },
  );
});

describe("an interpreter is shared", () => {
  test("by nobody but attempts of one user in one workspace of one project", async () => {
    const others: readonly Partial<Work>[] = [
      {},
      { warm: { by: "another", modules: [] } },
      { workspaceId: "another" },
      { projectId: "project-b" },
    ];
    const run = asUser("owner");
    const seen = new Set<string>();
    for (const work of others)
      seen.add(await output(run("import os\nprint(os.getppid(), os.getuid())", work)));
    expect(seen.size).toBe(others.length);
  });

  test.runIf(ROOT)(
    "with no user of the system's: another attempt can neither end it nor look into it",
    async () => {
      const run = asUser("holder");
      const pid = await output(run(WHICH));
      const shell = { type: "Shell", properties: { statement: `kill -0 ${pid} && echo reached; echo end` } };
      expect((await world.run(shell)).log).not.toContain("reached");
      const look = "import os\ntry:\n  open(f'/proc/{os.getppid()}/mem')\nexcept OSError: print('closed')";
      expect(await output(run(look))).toBe("closed");
    },
  );

  test("with the modules that it was asked to prepare; one that is not there is named", async () => {
    const run = asUser("modules", ["decimal", "not_there"]);
    const { outcome, log } = await run("import sys\nprint('decimal' in sys.modules)");
    expect(outcome).toMatchObject({ state: "succeeded", output: "True" });
    expect(log).toContain("[the module not_there could not be prepared: No module named 'not_there']");
  });
});

describe("an interpreter is ended", () => {
  const doubts: readonly (readonly [string, string, string])[] = [
    ["by a program that dies of a signal", "import os\nos.kill(os.getpid(), 11)", "failed"],
    [
      "by a process that is left",
      "import subprocess\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)",
      "succeeded",
    ],
    [
      "by a change of its own limits",
      "import os, resource as r\nr.prlimit(os.getppid(), r.RLIMIT_CORE, (0, 0))\nr.prlimit(os.getppid(), r.RLIMIT_NOFILE, (64, 64))",
      "succeeded",
    ],
  ];
  test.each(doubts)("%s", async (name, statement, state) => {
    const run = asUser(name);
    const before = await output(run(WHICH));
    expect((await run(statement)).outcome.state).toBe(state);
    expect(await output(run(WHICH))).not.toBe(before);
    expect(
      (await world.run({ type: "Shell", properties: { statement: `kill -0 ${before}` } })).outcome.state,
    ).toBe("failed");
  });

  test("when it is killed: its attempt fails, may be tried again, and the next has another", async () => {
    const run = asUser("killer");
    const { outcome } = await run("import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(1000)");
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("SIGKILL") });
    expect(outcome).not.toHaveProperty("permanent");
    expect((await run("print(1)")).outcome.state).toBe("succeeded");
  });

  test("when it dies between two attempts, as soon as its end is told", async () => {
    const run = asUser("sleeper");
    const before = await output(run(WHICH));
    const killed = world.processes().length;
    process.kill(outerPid(before), "SIGKILL");
    await expect.poll(() => world.processes().length).toBeLessThan(killed);
    await expect.poll(() => output(run(WHICH))).toMatch(/^\d+$/);
    expect(await output(run(WHICH))).not.toBe(before);
  });

  test("when the fork is killed that waits for the next attempt, which fails and may be tried again", async () => {
    const run = asUser("waiting");
    const before = await output(run(WHICH));
    const interpreter = outerPid(before);
    const fork = () => world.processes().find(({ parentPid }) => parentPid === interpreter)?.pid ?? 0;
    await expect.poll(fork).toBeGreaterThan(0);
    process.kill(fork(), "SIGKILL");
    const { outcome } = await run(WHICH);
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("SIGKILL") });
    expect(outcome).not.toHaveProperty("permanent");
    expect(await output(run(WHICH))).not.toBe(before);
  });

  test("when an attempt does not end on request, which the processes of the attempt do not survive", async () => {
    const own = await operatorWorld();
    const run = asUser("deaf", [], own);
    await own.run({ type: "Shell", properties: { statement: "true" } });
    const before = own.processes().length;
    const controller = new AbortController();
    const { outcome } = await run(
      "import signal, subprocess, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsubprocess.Popen(['sleep', '1000'], start_new_session=True)\nprint('begun')\nwhile True: time.sleep(1)",
      {},
      { signal: controller.signal, onLog: (log) => log.includes("begun") && controller.abort("timeout") },
    );
    expect(outcome.state).toBe("cancelled");
    expect(own.processes().length).toBeLessThanOrEqual(before);
    await own.close();
  });

  test("when an attempt ends on request; it has time to do so well", async () => {
    const controller = new AbortController();
    const { outcome, log } = await asUser("polite")(
      "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit('tidied'))\nprint('begun')\nwhile True: time.sleep(1)",
      {},
      { signal: controller.signal, onLog: (text) => text.includes("begun") && controller.abort("stop") },
    );
    expect(outcome.state).toBe("cancelled");
    expect(log).toContain("tidied");
  });

  test("after so many uses", async () => {
    const own = await operatorWorld({ sessions: { usesMax: 2, idleMs: 60_000, idleMax: 8 } });
    const run = asUser("user", [], own);
    const seen = [];
    for (let use = 0; use < 4; use += 1) seen.push(await output(run(WHICH)));
    expect(seen[0]).toBe(seen[1]);
    expect(seen[2]).toBe(seen[3]);
    expect(seen[1]).not.toBe(seen[2]);
    await own.close();
  });
});

test("an attempt of a background instance has an interpreter that gives way, and shares it with its like alone", async () => {
  const run = asUser("patient");
  const look = "import os\nprint(os.nice(0), os.getppid())";
  const ahead = await output(run(look));
  const behind = await output(run(look, {}, { background: true }));
  expect([ahead.split(" ")[0], behind.split(" ")[0]]).toEqual([`${getPriority()}`, `${getPriority() + 10}`]);
  expect(await output(run(look))).toBe(ahead);
  expect(await output(run(look, {}, { background: true }))).toBe(behind);
});

test("a program that is no plain text runs in a clean interpreter", async () => {
  const files = [workFile("program", "main", "import sys\nprint(sys.orig_argv)")];
  const { outcome } = await world.run({ type: "Python", files, warm: { by: "zip", modules: [] } });
  expect(outcome).toMatchObject({ state: "succeeded", output: "['python3', '-u', '-B', 'program']" });
});

function withoutFolders(log: string): string {
  return log.replaceAll(/\/[\w/.-]*\/server-\d+-\d+\/\w+/g, "…");
}

/** The number outside of the namespace of the process that has this one inside. */
function outerPid(inner: string): number {
  const entry = world.processes().find(({ pid }) => innermost(pid) === inner);
  return entry?.pid ?? 0;
}

function innermost(pid: number): string | undefined {
  try {
    return /^NSpid:.*?(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined; // it has ended
  }
}
