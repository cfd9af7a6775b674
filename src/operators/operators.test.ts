/** One contract, held by every operator: success, failure, refusal, end on request, and what they may leave behind. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld, workFile } from "../../test/setup/operators.ts";
import { testDatabase } from "../../test/setup/postgres.ts";
import type { Work, WorkConnection } from "./operator.ts";
import type { ProcessEntry } from "./process-table.ts";

type Task = Partial<Work> & { type: string };

/** How each operator is brought to show a behaviour; absent where it has none. */
interface Case {
  readonly succeeds: Task;
  readonly output: string | undefined;
  readonly fails?: Task;
  readonly complaint?: RegExp;
  /** Says `begun` in its log or not at all, then works far longer than a test. */
  readonly lasts?: Task;
  readonly beginsBy?: string;
  readonly refused?: Task;
}

const WAREHOUSE: WorkConnection = { name: "warehouse", type: "RDS", config: {}, warehouse: true };
const HAS_JAVA = succeeds("javac", ["-version"]);

let world: OperatorWorld;
let http: { readonly url: string; readonly close: () => void };
let jar: Buffer = Buffer.alloc(0);

beforeAll(async () => {
  const { connection } = await testDatabase();
  http = await startHttp();
  if (HAS_JAVA) jar = await compileJar();
  world = await operatorWorld({
    allowedAddresses: ["loopback"],
    warehouse: async () => ({ ...connection, password: connection.password ?? "" }),
  });
  // So that what starts attempts is there before the first that is looked at.
  await world.run({ type: "Shell", properties: { statement: "true" } });
});

afterAll(async () => {
  http.close();
  await world.close();
});

const cases: Readonly<Record<string, () => Case>> = {
  Dummy: () => ({ succeeds: { type: "Dummy" }, output: undefined }),
  Shell: () => ({
    succeeds: { type: "Shell", properties: { statement: "echo first; echo last" } },
    output: "last",
    fails: { type: "Shell", properties: { statement: "echo no >&2; exit 3" } },
    complaint: /^exit code 3: no$/,
    lasts: { type: "Shell", properties: { statement: "echo begun; sleep 1000 & sleep 1000" } },
    beginsBy: "begun",
    refused: { type: "Shell" },
  }),
  Python: () => ({
    succeeds: { type: "Python", properties: { statement: "print('first')\nprint(20 + 22)" } },
    output: "42",
    fails: { type: "Python", properties: { statement: "raise ValueError('no')" } },
    complaint: /^exit code 1: ValueError: no$/,
    lasts: {
      type: "Python",
      properties: {
        statement:
          "import subprocess, time\nsubprocess.Popen(['sleep', '1000'])\nprint('begun')\ntime.sleep(1000)",
      },
    },
    beginsBy: "begun",
    refused: { type: "Python" },
  }),
  DLISQL: () => ({
    succeeds: { type: "DLISQL", properties: { statement: "select 1, 'x''y', null; select 'a' as b, 2" } },
    output: '[["a","2"]]',
    fails: { type: "DLISQL", properties: { statement: "select error('no')" } },
    complaint: /^Invalid Input Error: no$/,
    lasts: {
      type: "DLISQL",
      properties: {
        statement:
          "copy (select 1 from range(100000000) a, range(100000) b where hash(a.range + b.range) = 0) to 'obs://out/lasts.csv'",
      },
    },
    refused: { type: "DLISQL" },
  }),
  RDSSQL: () => ({
    succeeds: {
      type: "RDSSQL",
      connection: WAREHOUSE,
      properties: {
        statement: "create temp table t (a int, b text); insert into t values (1, null); select * from t",
      },
    },
    output: '[["1",null]]',
    fails: { type: "RDSSQL", connection: WAREHOUSE, properties: { statement: "select 1; select 1 / 0" } },
    complaint: /^division by zero$/,
    lasts: {
      type: "RDSSQL",
      connection: WAREHOUSE,
      properties: { statement: "do $$ begin raise notice 'begun'; perform pg_sleep(1000); end $$" },
    },
    beginsBy: "begun",
    refused: { type: "RDSSQL", properties: { statement: "select 1" } },
  }),
  RESTAPI: () => ({
    succeeds: { type: "RESTAPI", properties: { url: `${http.url}/good`, method: "GET" } },
    output: "good",
    fails: { type: "RESTAPI", properties: { url: `${http.url}/bad`, method: "GET" } },
    complaint: /^HTTP status 418 where 200 is expected: bad$/,
    lasts: { type: "RESTAPI", properties: { url: `${http.url}/slow`, method: "GET" } },
    refused: { type: "RESTAPI", properties: { url: "file:///etc/passwd", method: "GET" } },
  }),
  Java: () => ({
    succeeds: javaTask("good"),
    output: "good",
    fails: javaTask("fail"),
    complaint: /^exit code 7/,
    lasts: javaTask("wait"),
    beginsBy: "begun",
    refused: { type: "Java", properties: {} },
  }),
};

const RUN_COMMANDS = ["Shell", "Python", "DLISQL", "Java"];

/** Operators that keep sessions are held to the contract on one of these too. */
const WARM = ["Python", "DLISQL", "RDSSQL"];

const variants = Object.entries(cases).flatMap(([name, make]) => [
  { label: name, name, make },
  ...(WARM.includes(name) ? [{ label: `${name} on a warm session`, name, make: () => onWarm(make()) }] : []),
]);

describe.each(variants)("$label", ({ name, make }) => {
  const skipped = name === "Java" && !HAS_JAVA;

  test.skipIf(skipped)("a success says so and leaves its output", async () => {
    const { outcome } = await world.run(make().succeeds);
    expect(outcome).toMatchObject({ state: "succeeded" });
    expect(outcome.state === "succeeded" ? outcome.output : "").toBe(make().output);
  });

  test.skipIf(skipped || name === "Dummy")("a failure says why, and may be tried again", async () => {
    const { fails, complaint } = make();
    const { outcome } = await world.run(fails ?? { type: name });
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringMatching(complaint ?? /./) });
    expect(outcome).not.toHaveProperty("permanent");
  });

  test.skipIf(name === "Dummy")("what can never work fails for good", async () => {
    const { outcome } = await world.run(make().refused ?? { type: name });
    expect(outcome).toMatchObject({ state: "failed", permanent: true });
  });

  test.skipIf(skipped || name === "Dummy")("an end on request leaves nothing running", async () => {
    const { lasts = { type: name }, beginsBy } = make();
    const before = world.processes();
    const controller = new AbortController();
    const running = world.run(lasts, {
      signal: controller.signal,
      onLog: (log) => {
        if (beginsBy !== undefined && log.includes(beginsBy)) controller.abort("stop");
      },
    });
    if (beginsBy === undefined) await begun(name, before);
    if (beginsBy === undefined) controller.abort("timeout");
    const { outcome } = await running;
    expect(outcome.state).toBe("cancelled");
    // What was killed may stand in the system's table for a moment longer.
    await expect.poll(() => beganSince(before)).toEqual([]);
  });

  test.skipIf(name === "Dummy")("an attempt that was aborted before it began does not begin", async () => {
    const { outcome, log } = await world.run(make().succeeds, { signal: AbortSignal.abort("lost") });
    expect(outcome.state).toBe("cancelled");
    expect(log).toBe("");
  });

  test.skipIf(!RUN_COMMANDS.includes(name))(
    "a project without the right to run commands is told so",
    async () => {
      const { outcome } = await world.run({ ...make().succeeds, localCommandsAllowed: false });
      expect(outcome).toMatchObject({
        state: "failed",
        permanent: true,
        message: expect.stringContaining("administrator"),
      });
    },
  );
});

test("no attempt leaves a folder behind", async () => {
  const own = await operatorWorld();
  await own.run({ type: "Shell", properties: { statement: "mkdir -p a/b; touch a/b/c; chmod 000 a/b" } });
  const servers = (await readdir(own.settings.workFolder)).filter((name) => name.startsWith("server-"));
  expect(servers).toHaveLength(1);
  await expect.poll(() => readdir(join(own.settings.workFolder, servers[0] ?? ""))).toEqual([]);
  await own.close();
});

function onWarm({ succeeds, fails, lasts, refused, ...rest }: Case): Case {
  const warm = { by: "user", modules: [] };
  return {
    ...rest,
    succeeds: { ...succeeds, warm },
    ...(fails !== undefined && { fails: { ...fails, warm } }),
    // A session of its own, whose process is the sign that it has begun.
    ...(lasts !== undefined && { lasts: { ...lasts, warm: { ...warm, by: "another" } } }),
    ...(refused !== undefined && { refused: { ...refused, warm } }),
  };
}

const POLL = { timeout: 10_000, interval: 20 };

/** The names of all files in the folders of attempts. */
async function listWork(): Promise<string[]> {
  return (await readdir(world.settings.workFolder, { recursive: true })).map((path) => basename(path));
}

/** Waits for a process, a query or a call that gives no sign of itself in the log. */
async function begun(name: string, before: readonly ProcessEntry[]): Promise<void> {
  if (name === "RESTAPI") return await slowCalled.promise;
  // The process of a session is there before its attempt is; this file is not.
  if (name === "DLISQL") return await expect.poll(listWork, POLL).toContain("lasts.csv");
  await expect.poll(() => beganSince(before), POLL).not.toEqual([]);
}

/** Processes that were not there, but for those that sessions which were make ready for their next attempt. */
function beganSince(before: readonly ProcessEntry[]): number[] {
  const spawner = spawnerProcess();
  const sessions = new Set(before.map(({ pid }) => pid).filter((pid) => pid !== spawner));
  return world
    .processes()
    .filter(({ pid, parentPid }) => pid !== spawner && !sessions.has(pid) && !sessions.has(parentPid))
    .map(({ pid }) => pid);
}

/** The parent of all attempts: in a namespace of its own it has two above it. */
function spawnerProcess(): number | undefined {
  const processes = world.processes();
  let pid = world.runner.spawnerPid();
  for (let level = world.runner.isolation.namespace ? 2 : 0; level > 0; level -= 1)
    pid = processes.find(({ parentPid }) => parentPid === pid)?.pid;
  return pid;
}

const slowCalled = Promise.withResolvers<void>();

async function startHttp() {
  const server = createServer((request, response) => {
    if (request.url === "/good") response.end("good");
    else if (request.url === "/slow") slowCalled.resolve();
    else response.writeHead(418).end("bad");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.closeAllConnections() };
}

function javaTask(argument: string): Task {
  return {
    type: "Java",
    properties: { mainClass: "demo.Main" },
    files: [workFile("main.jar", "library", jar)],
    args: [argument],
  };
}

async function compileJar(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-jar-"));
  const source = `package demo; public class Main { public static void main(String[] a) throws Exception {
    if (a[0].equals("wait")) { System.out.println("begun"); Thread.sleep(1000000); }
    if (a[0].equals("fail")) System.exit(7);
    System.out.println(a[0]); } }`;
  execFileSync("bash", ["-c", "cat > Main.java && javac -d . Main.java && jar cf main.jar demo"], {
    cwd: folder,
    input: source,
  });
  const built = readFileSync(join(folder, "main.jar"));
  await rm(folder, { recursive: true });
  return built;
}

function succeeds(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
