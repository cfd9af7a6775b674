/** Shell and Python on a real OpenSSH server: log-ins, keys of hosts, output, stops, lost lines. */
import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NO_SOURCES } from "../../test/setup/no-sources.ts";
import { type OperatorWorld, operatorWorld, type RunOptions, workFile } from "../../test/setup/operators.ts";
import { type SshServer, sshdMissing, startSshd } from "../../test/setup/sshd.ts";
import type { ConnectionConfig } from "../domain/connection.ts";
import { createConnectionTest } from "./connection-tests.ts";
import type { Work } from "./operator.ts";
import { listProcesses } from "./process-table.ts";

const missing = await sshdMissing();
const ANOTHER_KEY = `SHA256:${"A".repeat(43)}`;

let server: SshServer;
let world: OperatorWorld;

beforeAll(async () => {
  if (missing !== undefined) return;
  server = await startSshd();
  world = await operatorWorld({ allowedAddresses: ["loopback"], logBytesMax: 100_000 });
});

afterAll(async () => {
  await world?.close();
  await server?.stop();
});

interface Options extends RunOptions {
  readonly type?: "Shell" | "Python";
  readonly config?: ConnectionConfig;
  readonly work?: Partial<Work>;
}

async function run(statement: string, { type = "Shell", config = {}, work = {}, ...options }: Options = {}) {
  const connection = {
    ...{ name: "host", type: "HOST" as const, warehouse: false },
    config: { ...server.config, ...config },
  };
  // Commands on the server itself are another right.
  const all = { type, connection, localCommandsAllowed: false, properties: { statement }, ...work };
  return await world.run(all, options);
}

async function message(config: ConnectionConfig): Promise<string> {
  const { outcome } = await run("true", { config });
  return outcome.state === "failed" ? outcome.message : outcome.state;
}

const isAlive = (pid: number) => listProcesses().some((entry) => entry.pid === pid);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(20);
}

/** Runs a script that tells ids of processes; resolves with them while it runs. */
function begin(statement: string, options: Options = {}) {
  const { promise: pids, resolve } = Promise.withResolvers<number[]>();
  const onLog = (log: string) => {
    const [, found] = /^pids (.*)$/m.exec(log) ?? [];
    if (found !== undefined) resolve(found.split(" ").map(Number));
  };
  return { pids, ended: run(statement, { ...options, onLog }) };
}

describe.skipIf(missing !== undefined)(`OpenSSH${missing === undefined ? "" : `: ${missing}`}`, () => {
  test("a script runs there, its output is the log, its last line the output", async () => {
    const statement = "id -un\r\necho 'to err' >&2\necho $HOME\n[ -w . ] && echo \"$1|$2|$(cat)|\"";
    const properties = { statement, arguments: `"a  b" '$HOME;x'` };
    const { outcome, log } = await run("", { work: { properties } });
    expect(outcome).toEqual({ state: "succeeded", output: "a  b|$HOME;x||", exitCode: 0 });
    expect(log).toContain("ann\n");
    expect(log).toContain("to err\n");
    expect(log).toContain(`${server.home}\n`);
    expect(log).not.toMatch(/azalai-[0-9a-f]/);
  });

  test("an exit code, a signal and a program that is not there are told", async () => {
    expect((await run("echo sorry >&2; exit 7")).outcome).toEqual({
      ...{ state: "failed", message: "exit code 7: sorry", exitCode: 7 },
    });
    expect((await run("kill -SEGV $$")).outcome).toMatchObject({
      state: "failed",
      message: expect.stringContaining("SIGSEGV"),
    });
    expect((await run("no-such-program")).outcome).toMatchObject({ state: "failed", exitCode: 127 });
  });

  test("Python runs there, with files, arguments and the attempt's own key in its environment", async () => {
    await world.put("obs://b/folder/it's data.txt", "from a bucket");
    const statement =
      "import os, sys\nprint(open(\"it's data.txt\").read(), sys.argv[1:], os.environ['AZALAI_IDEMPOTENCY_KEY'], os.environ['EXTRA'])";
    const properties = { statement, files: "obs://b/folder/it's data.txt", arguments: "a 'b c'" };
    const work = { properties, args: ["d\ne"], environment: { EXTRA: "it's\nmore" } };
    const { outcome, log } = await run("", { type: "Python", work });
    expect(outcome).toMatchObject({ state: "succeeded", output: "more" });
    expect(log).toBe("from a bucket ['a', 'b c', 'd\\ne'] 1-node-1 it's\nmore\n");
  });

  test("an uploaded program runs by its first line", async () => {
    const files = [workFile("main.py", "main", "#!/usr/bin/env python3\nprint(6 * 7)\n")];
    const { outcome } = await run("", { work: { properties: {}, files } });
    expect(outcome).toMatchObject({ state: "succeeded", output: "42" });
  });

  test("nothing that a node wrote stands in the host's list of commands but the program's own words", async () => {
    const { log } = await run("ps -ww -u ann -o args", {
      work: { environment: { KEY: "secret-in-text" } },
    });
    expect(log).not.toContain("secret-in-text");
    expect(log).toContain("bash script.sh");
  });

  test("output comes while the program runs, and what is too much of it is dropped", async () => {
    const { pids, ended } = begin(
      "echo pids $$; sleep 1; head -c 200000 /dev/zero | tr '\\0' x; echo; echo end",
    );
    expect(isAlive((await pids)[0] ?? 0)).toBe(true);
    const { outcome, log } = await ended;
    expect(outcome).toMatchObject({ state: "succeeded", output: "end" });
    expect(log.length).toBeLessThan(101_000);
    expect(log).toMatch(/more bytes of output were dropped/);
  });

  test("a stop ends the whole group, with time to end in its own way", async () => {
    const stop = new AbortController();
    const script = "trap 'echo bye; exit 3' TERM; sleep 300 & echo pids $$ $!; wait";
    const { pids, ended } = begin(script, { signal: stop.signal, stopGraceMs: 20_000 });
    const all = await pids;
    stop.abort("stop");
    const { outcome, log } = await ended;
    expect(outcome).toMatchObject({ state: "cancelled" });
    expect(log).toContain("bye");
    expect(all.filter(isAlive)).toEqual([]);
  });

  test("who does not end in the grace time is killed, with what it has begun", async () => {
    const stop = new AbortController();
    const script = "trap '' TERM; sleep 300 & echo pids $$ $!; while :; do wait; done";
    const { pids, ended } = begin(script, { signal: stop.signal, stopGraceMs: 200 });
    const all = await pids;
    stop.abort("timeout");
    expect((await ended).outcome).toMatchObject({ state: "cancelled" });
    await until(() => !all.some(isAlive));
  });

  test("what a program leaves running ends with it, and its folder goes", async () => {
    const { pids, ended } = begin("pwd; sleep 300 & echo pids $!");
    const all = await pids;
    const { outcome, log } = await ended;
    expect(outcome).toMatchObject({ state: "succeeded" });
    await until(() => !all.some(isAlive));
    const [folder = ""] = /^\/tmp\/azalai-[0-9a-f]{18}$/m.exec(log) ?? [];
    await expect(access(folder)).rejects.toThrow(folder);
  });

  test("a host is known by its key, whole or by its fingerprint; another one is refused", async () => {
    const key = String(server.config.hostKey);
    const [, blob = ""] = key.split(" ");
    const hash = createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64");
    const fingerprint = `SHA256:${hash.replace(/=+$/, "")}`;
    expect(await message({ hostKey: fingerprint })).toBe("succeeded");
    expect(await message({ hostKey: `${ANOTHER_KEY}\n${key}` })).toBe("succeeded");
    expect(await message({ hostKey: ANOTHER_KEY })).toContain("shows another key");
    expect(await message({ hostKey: "" })).toContain(`shows the key ssh-ed25519 ${fingerprint}`);
    const { outcome } = await run("true", { config: { hostKey: ANOTHER_KEY } });
    expect(outcome).toMatchObject({ state: "failed", permanent: true });
  });

  test("a private key lets in, given inline or lying in a bucket", async () => {
    expect(await message({ password: "", privateKey: server.privateKey })).toBe("succeeded");
    await world.put("obs://keys/ann", server.privateKey);
    expect(await message({ password: "", keyLocation: "obs://keys/ann" })).toBe("succeeded");
    expect(await message({ password: "", keyLocation: "obs://keys/none" })).toContain("no file");
    expect(await message({ password: "", privateKey: "nonsense" })).toMatch(/privateKey/);
  });

  test("a wrong password, a closed port and an address that may not be dialled are told", async () => {
    expect(await message({ password: "wrong" })).toContain("does not let this user in");
    expect(await message({ userName: "nobody-there" })).toContain("does not let this user in");
    expect(await message({ port: 1 })).toContain("ECONNREFUSED");
    expect(await message({ ip: "169.254.169.254" })).toContain("link-local");
    expect(await message({ ip: "" })).toContain("no address");
  });

  test("a try at the connection tells the key that it found", async () => {
    const at = new Date();
    const tryOut = createConnectionTest({
      settings: world.settings,
      ...{ operators: [], buckets: () => NO_SOURCES.buckets("") },
      ...{ localCommandsAllowed: async () => true, now: () => at },
    });
    const connection = (config: ConnectionConfig, name = "host") => ({
      ...{ projectId: "project-a", workspaceId: "default", id: 1, name, description: null },
      ...{ type: "HOST" as const, config: { ...server.config, ...config }, warehouse: false },
      ...{ createdAt: at, createdBy: "x", updatedAt: at, updatedBy: "x" },
    });
    const { signal } = new AbortController();
    expect(await tryOut(connection({}), signal)).toEqual({
      ok: true,
      detail: expect.stringMatching(/^an SSH host, as "ann"; its key is ssh-ed25519 SHA256:.{43}$/),
    });
    expect(await tryOut(connection({ hostKey: "" }), signal)).toEqual({
      ok: false,
      reason: expect.stringContaining("give it as hostKey"),
    });
    expect(await tryOut(connection({}, "local"), signal)).toEqual({ ok: true, detail: "this server itself" });
  });

  test("a program whose line is lost is not taken for done: it is ended when the host is reached again", async () => {
    const { pids, ended } = begin("trap '' HUP PIPE; echo pids $$; while :; do sleep 0.2; done");
    const all = await pids;
    await server.cut();
    await server.start();
    const { outcome } = await ended;
    expect(outcome).toEqual({
      state: "failed",
      message: expect.stringMatching(
        /^The line to the host was lost .* is not known\. A new line was had, and it runs no more\.$/,
      ),
    });
    await until(() => !all.some(isAlive));
  });

  test("where the host is not reached again, it is said that the program may run on", async () => {
    const { pids, ended } = begin("trap '' HUP PIPE; echo pids $$; while :; do sleep 0.2; done");
    const all = await pids;
    await server.cut();
    const { outcome } = await ended;
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("may run on") });
    expect(all.every(isAlive)).toBe(true);
    await server.start();
    for (const pid of all) process.kill(pid, "SIGKILL");
  });
});
