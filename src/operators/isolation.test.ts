/** What a node can reach: not the data folder, not another project's files or processes, nothing beyond its limits. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, chown, mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld } from "../../test/setup/operators.ts";
import { describeIsolation, type Isolation } from "./isolation.ts";
import { listProcesses } from "./process-table.ts";

const MIB = 1024 * 1024;
const ROOT = process.getuid?.() === 0;

let world: OperatorWorld;

beforeAll(async () => {
  process.env.AZALAI_MASTER_KEY = "not for nodes"; // what a service may well have in its own environment
  world = await operatorWorld({
    limits: { memoryBytes: 1024 * MIB, fileBytes: 8 * MIB, processes: 64, openFiles: 256 },
    logBytesMax: MIB,
  });
});

afterAll(async () => {
  delete process.env.AZALAI_MASTER_KEY;
  await world.close();
});

function shell(statement: string, projectId = "project-a", environment: Record<string, string> = {}) {
  return world.run({ type: "Shell", projectId, properties: { statement }, environment });
}

/** Runs `statement` while a node of the other project runs, whose folder and process it is told. */
async function besideAnother(statement: string, projectId = "project-b") {
  const controller = new AbortController();
  const { promise: told, resolve: tell } = Promise.withResolvers<string>();
  const other = world.run(
    { type: "Shell", properties: { statement: 'echo mine > file; echo "$PWD $$ begun"; sleep 1000' } },
    { signal: controller.signal, onLog: (log) => log.includes("begun") && tell(log) },
  );
  const [folder = "", pid = ""] = (await told).split(" ");
  const result = await shell(statement, projectId, { OTHER: folder, OTHER_PID: pid });
  controller.abort("stop");
  await other;
  return result;
}

describe("the service's own", () => {
  test("the data folder cannot be read by any operator that runs commands", async () => {
    const secret = join(world.dataFolder, "secret");
    const byShell = await shell(`cat ${secret}; ls ${world.dataFolder}; echo end`);
    expect(byShell.log).not.toContain("master key");
    const byPython = await world.run({
      type: "Python",
      properties: { statement: `print(open('${secret}').read())` },
    });
    expect(byPython.outcome.state).toBe("failed");
    const byDuckdb = await world.run({
      type: "DLISQL",
      properties: { statement: `from read_text('${secret}')` },
    });
    expect(byDuckdb.outcome).toMatchObject({
      state: "failed",
      message: expect.stringContaining("Permission Error"),
    });
  });

  test("the environment holds what the node was given and a path, and nothing of the service's", async () => {
    const { log } = await shell("env | cut -d= -f1 | sort | tr '\\n' ' '", "project-a", { GIVEN: "yes" });
    expect(log.trim().split(" ")).toEqual([
      "AZALAI_WORK",
      "GIVEN",
      "HOME",
      "LANG",
      "PATH",
      "PWD",
      "SHLVL",
      "TMPDIR",
      "_",
    ]);
  });

  test("no file is left open for a node but its own three", async () => {
    const { log } = await shell("ls /proc/self/fd | tr '\\n' ' '");
    expect(log.trim()).toBe("0 1 2 3"); // 3 is the listing itself
  });

  test("a node has no rights and can get none", async () => {
    const { log } = await shell("grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status | tr '\\t' ' '");
    expect(log.trim().split("\n")).toEqual([
      "CapPrm: 0000000000000000",
      "CapEff: 0000000000000000",
      "NoNewPrivs: 1",
    ]);
  });

  test("the service's processes can be neither seen nor ended", async () => {
    const { log } = await shell(
      `kill -9 ${process.pid} && echo killed; cat /proc/${process.pid}/environ; echo end`,
    );
    expect(log).not.toContain("killed");
    expect(log).not.toContain("AZALAI_MASTER_KEY");
  });

  test("a node that ends all that it can end ends only itself", async () => {
    const { outcome } = await shell("kill -9 -1; kill -9 0; echo there");
    expect(outcome.state).toBe("failed");
    expect((await shell("echo well")).outcome).toMatchObject({ state: "succeeded", output: "well" });
  });
});

describe.skipIf(!ROOT)("another project's", () => {
  test("nodes run as users of their own, none of them with another group", async () => {
    const users = await Promise.all(
      ["project-a", "project-b"].map((project) => shell("id -u; id -G", project)),
    );
    const [first, second] = users.map(({ log }) => log.trim().split("\n"));
    expect(first?.[0]).toBe(String(world.settings.userIdBase));
    expect(second?.[0]).toBe(String(world.settings.userIdBase + world.settings.userIdsPerProject));
    expect(first?.[1]).toBe(first?.[0]);
  });

  test("files cannot be listed or read", async () => {
    const { log } = await besideAnother('cat "$OTHER/file"; ls "$OTHER"; ls "$(dirname "$OTHER")"; echo end');
    expect(log).not.toContain("mine");
    expect(log.match(/Permission denied/g)).toHaveLength(3);
  });

  test("processes can be neither seen nor signalled", async () => {
    const { log } = await besideAnother(
      "kill -0 $OTHER_PID && echo reached; cat /proc/$OTHER_PID/environ; [ -e /proc/$OTHER_PID ] && echo seen; ps ax | wc -l",
    );
    expect(log).not.toContain("reached");
    if (world.runner.isolation.namespace) expect(log).not.toContain("seen");
  });

  test("two attempts of one project are strangers to each other too", async () => {
    const { log } = await besideAnother(
      'cat "$OTHER/file"; kill -0 $OTHER_PID && echo reached; echo end',
      "project-a",
    );
    expect(log).not.toContain("mine");
    expect(log).not.toContain("reached");
  });

  test("an input in the attempt's folder cannot be changed in the store through its link", async () => {
    await world.put("obs://bucket/in.csv", "a\n1\n");
    const sql = "copy (select 2 as a) to 'in/bucket/in.csv'; from 'obs://bucket/in.csv'";
    await world.run({ type: "DLISQL", properties: { statement: sql } });
    const { outcome } = await world.run({
      type: "DLISQL",
      properties: { statement: "from 'obs://bucket/in.csv'" },
    });
    expect(outcome).toMatchObject({ state: "succeeded", output: '[["1"]]' });
  });

  test("a work folder that other users cannot reach is refused at the start", async () => {
    const closed = join(world.dataFolder, "work");
    await expect(operatorWorld({ workFolder: closed })).rejects.toThrow(/closed to others/);
  });

  test("DuckDB runs although the clone is closed to other users", async () => {
    const runtimes = join(world.runner.runtimeFolder);
    await world.run({ type: "DLISQL", properties: { statement: "select 1" } });
    const [name = ""] = await readdir(runtimes);
    const names = await readdir(join(runtimes, name));
    expect(names.sort()).toEqual(["duckdb-child.ts", "frames.ts", "node", "node_modules", "package.json"]);
    expect((await stat(join(runtimes, name))).mode & 0o022).toBe(0);
  });
});

describe("limits", () => {
  test("memory beyond the limit is refused to the process, and the service goes on", async () => {
    const { outcome } = await world.run({
      type: "Python",
      properties: { statement: "x = bytearray(2 * 1024 ** 3)" },
    });
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("MemoryError") });
  });

  test("a file that grows beyond the limit ends its writer", async () => {
    const { outcome } = await shell("exec head -c 100M /dev/zero > file");
    expect(outcome).toMatchObject({ state: "failed" });
  });

  test("more processes than the limit are refused, and all are ended with the node", async () => {
    const bomb =
      "import os\nfor _ in range(1000):\n  try:\n    if os.fork() == 0:\n      os.setsid()\n      while True: os.fork()\n  except OSError: pass\nprint('tried')";
    const { outcome } = await world.run({ type: "Python", properties: { statement: bomb } });
    expect(outcome.state).toBe("succeeded");
    expect(ofNodes(world)).toEqual([]);
  });

  test("output beyond the limit is dropped, its last line kept", async () => {
    const { outcome, log } = await shell("yes | head -c 20000000; echo; echo last");
    expect(outcome).toMatchObject({ state: "succeeded", output: "last" });
    expect(log.length).toBeLessThan(MIB + 200);
    expect(log).toMatch(/more bytes of output were dropped/);
  });

  test("lines of one stream keep their order, and all arrive", async () => {
    const { log } = await shell("for i in $(seq 1 20000); do echo $i; done");
    expect(log).toBe(Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join(""));
  });
});

/** What a system may lack, and whether every process of a node is found then, whatever it does. */
const lacking: readonly { lack: string; without: Partial<Isolation>; certain: boolean }[] = [
  { lack: "nothing", without: {}, certain: true },
  { lack: "namespaces", without: { namespace: false, ...(ROOT ? {} : { ownUsers: false }) }, certain: ROOT },
  { lack: "users", without: { ownUsers: false }, certain: true },
  { lack: "users and namespaces", without: { ownUsers: false, namespace: false }, certain: false },
];

describe.each(lacking)("on a system that lacks $lack", ({ without, certain }) => {
  let own: OperatorWorld;
  // A process that also hides its mark can only be told by its user or its namespace.
  const hiding = certain ? "setsid env -i sleep 1000 &" : "";

  beforeAll(async () => {
    own = await operatorWorld({}, without);
  });

  afterAll(async () => await own.close());

  test.skipIf(without.ownUsers === false && without.namespace === false)(
    "the data folder stays hidden whatever a node tries",
    async () => {
      const folder = own.dataFolder;
      const tricks = `umount ${folder}; umount -l ${folder}; unshare -Urm umount ${folder}; mount --bind / /mnt; chmod 700 ${folder}`;
      const { log } = await own.run({
        type: "Shell",
        properties: {
          statement: `${tricks}; cat ${folder}/secret /mnt${folder}/secret /proc/1/root${folder}/secret; echo end`,
        },
      });
      expect(log).toContain("end");
      expect(log).not.toContain("master key");
    },
  );

  test("background processes end with their node, also those that left its group and hid their mark", async () => {
    const { outcome } = await own.run({
      type: "Shell",
      properties: {
        statement: `sleep 1000 & setsid sleep 1000 & ${hiding} (setsid bash -c 'sleep 1000 & disown' &); echo done`,
      },
    });
    expect(outcome).toMatchObject({ state: "succeeded", output: "done" });
    expect(ofNodes(own)).toEqual([]);
  });

  test("an end on request ends them too, and a process that will not hear is killed", async () => {
    const controller = new AbortController();
    const { outcome } = await own.run(
      {
        type: "Shell",
        properties: {
          statement: `trap '' TERM; setsid sleep 1000 & ${hiding} sleep 1000 & echo begun; while true; do sleep 1; done`,
        },
      },
      { signal: controller.signal, onLog: (log) => log.includes("begun") && controller.abort("stop") },
    );
    expect(outcome.state).toBe("cancelled");
    expect(ofNodes(own)).toEqual([]);
  });

  test("a process that ends well on request has time to do so", async () => {
    const controller = new AbortController();
    const { log } = await own.run(
      {
        type: "Shell",
        properties: {
          statement: "trap 'echo tidied; exit 0' TERM; echo begun; while true; do sleep 0.01; done",
        },
      },
      { signal: controller.signal, onLog: (text) => text.includes("begun") && controller.abort("stop") },
    );
    expect(log).toContain("tidied");
  });

  test("a lost spawner fails its attempts, takes all processes with it, and is replaced", async () => {
    const mark = randomBytes(8).toString("hex");
    const { outcome } = await own.run(
      { type: "Shell", properties: { statement: escapes(mark, certain) } },
      { onLog: (log) => log.includes("begun") && process.kill(spawnerOf(own), "SIGKILL") },
    );
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("lost") });
    await expect.poll(() => marked(mark), { timeout: 10_000 }).toEqual([]);
    const again = await own.run({ type: "Shell", properties: { statement: "echo again" } });
    expect(again.outcome).toMatchObject({ state: "succeeded", output: "again" });
  });

  test("nothing outlives a service that is killed", async () => {
    const mark = randomBytes(8).toString("hex");
    const folder = join(own.folder, mark);
    await mkdir(join(folder, "data"), { recursive: true });
    await chmod(folder, 0o711);
    const host = join(dirname(fileURLToPath(import.meta.url)), "../../test/setup/operator-host.ts");
    const args = [
      host,
      join(folder, "work"),
      join(folder, "data"),
      JSON.stringify(without),
      escapes(mark, certain),
    ];
    const service = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    for await (const chunk of service.stdout) if (String(chunk).includes("begun")) break;
    await expect.poll(() => marked(mark).length).toBeGreaterThan(1);
    service.kill("SIGKILL");
    await once(service, "exit");
    await expect.poll(() => marked(mark), { timeout: 10_000 }).toEqual([]);
  });
});

test("folders of a service that was killed are removed by the next one", async () => {
  const stale = join(world.settings.workFolder, "server-999999999-1");
  await mkdir(stale);
  await writeFile(join(stale, "file"), "");
  const next = await operatorWorld({ workFolder: world.settings.workFolder });
  expect(await readdir(world.settings.workFolder)).not.toContain("server-999999999-1");
  await next.close();
});

test("a work folder that somebody else made first is refused", async () => {
  const real = join(world.folder, "real");
  await mkdir(real);
  await symlink(real, join(world.folder, "link"));
  await expect(operatorWorld({ workFolder: join(world.folder, "link") })).rejects.toThrow(
    /not the service's own/,
  );
  if (!ROOT) return;
  await chown(real, 12_345, 12_345);
  await expect(operatorWorld({ workFolder: real })).rejects.toThrow(/not the service's own/);
});

test("without its hidden folder no node is run in a namespace", async () => {
  const own = await operatorWorld({ hiddenFolders: [join(world.folder, "missing")] });
  const running = own.run({ type: "Shell", properties: { statement: "true" } });
  if (own.runner.isolation.namespace)
    await expect(running).resolves.toMatchObject({ outcome: { state: "failed" } });
  await running;
  await own.close();
});

test("the isolation is described in words that name what is open", () => {
  const open = describeIsolation({ ownUsers: false, namespace: false, noNewPrivileges: false, limits: [] });
  expect(open.complete).toBe(false);
  expect(open.lines.join("\n")).toContain("can read what the service can");
  const full = describeIsolation({
    ownUsers: true,
    namespace: true,
    noNewPrivileges: true,
    limits: ["--core=0"],
  });
  expect(full).toEqual({ complete: true, lines: [expect.stringContaining("different for each project")] });
});

/** A node that leaves processes everywhere; their first word in the process table is the mark. */
function escapes(mark: string, hiding: boolean): string {
  const sleeper = `exec -a ${mark} sleep 1000`;
  const hidden = hiding ? `setsid env -i bash -c '${sleeper}' &` : "";
  return `${sleeper} & setsid bash -c '${sleeper}' & ${hidden} echo begun; sleep 1000`;
}

function marked(mark: string): number[] {
  return listProcesses()
    .filter(({ pid }) => commandLine(pid).startsWith(mark))
    .map(({ pid }) => pid);
}

/** What nodes of this world have running: all below the spawner but those that made it, whose words name its file. */
function ofNodes(of: OperatorWorld): string[] {
  return of
    .processes()
    .map(({ pid }) => commandLine(pid))
    .filter((line) => !line.includes("spawner.ts"));
}

function spawnerOf(of: OperatorWorld): number {
  const entry = of.processes().find(({ pid }) => commandLine(pid).startsWith(of.settings.nodePath));
  return entry?.pid ?? 0;
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return ""; // it has ended
  }
}
