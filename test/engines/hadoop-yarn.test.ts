/** The adapter of YARN against a real one: every rule of the contract, and what a user's texts must not be able to do. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { ClusterTask, CommandProgram, WorkStatus } from "../../src/operators/cluster-adapter.ts";
import { createClusterCallers } from "../../src/operators/cluster-call.ts";
import { createHdfsFiles } from "../../src/operators/hdfs-files.ts";
import { createWebHdfs } from "../../src/operators/webhdfs.ts";
import { createYarnAdapter, type YarnHandle } from "../../src/operators/yarn.ts";
import { contractOf } from "./contract.ts";
import { clusterMissing, type HadoopCluster, startHadoop } from "./setup/hadoop-cluster.ts";

const ALLOWED = ["loopback"];
const END_MS = 120_000;
const MISSING = await clusterMissing();
const signal = () => AbortSignal.timeout(60_000);

let cluster: HadoopCluster;
let adapter: ReturnType<typeof createYarnAdapter>;
const callers = createClusterCallers(ALLOWED);

function adapterOf({ services: { yarn, hdfs } }: HadoopCluster) {
  return createYarnAdapter({
    call: callers.callerOf("yarn", yarn.resourceManager),
    historyCall: callers.callerOf("yarn", yarn.historyServer ?? ""),
    nodeCall: (address) => callers.callerOf("yarn", address),
    files: (within) => createWebHdfs(ALLOWED, { webhdfs: hdfs.webhdfs, user: "azalai" }, within),
    defaultFs: hdfs.defaultFs,
    user: "azalai",
  });
}

function taskOf(argv: readonly string[], more: Partial<CommandProgram> = {}): ClusterTask {
  const program: CommandProgram = { form: "command", argv, environment: {}, files: [], ...more };
  return { key: `azalai-${randomBytes(16).toString("hex")}`, name: "test", program, confs: {} };
}

async function started(task: ClusterTask): Promise<YarnHandle> {
  return await adapter.submit(await adapter.reserve(task, signal()), task, signal());
}

async function statusOf(handle: YarnHandle): Promise<WorkStatus> {
  const [status] = await adapter.statuses([handle], signal());
  return status ?? { state: "unknown", why: "no answer", forgotten: false };
}

function reached(handle: YarnHandle, states: readonly string[]): Promise<WorkStatus> {
  return vi.waitFor(
    async () => {
      const status = await statusOf(handle);
      expect(states, JSON.stringify(status)).toContain(status.state);
      return status;
    },
    { timeout: END_MS, interval: 200 },
  );
}

const ended = (handle: YarnHandle) => reached(handle, ["succeeded", "failed", "killed"]);

/** All of a stream, read part after part as the service does. */
async function logOf(handle: YarnHandle, stream: "stdout" | "stderr"): Promise<string> {
  const parts: Buffer[] = [];
  let from = 0;
  await vi.waitFor(
    async () => {
      const { bytes, next, end } = await adapter.logs(handle, stream, from, signal());
      parts.push(bytes);
      from = next;
      expect(end).toBe(true);
    },
    { timeout: 60_000, interval: 300 },
  );
  return Buffer.concat(parts).toString();
}

describe.skipIf(MISSING !== undefined)(MISSING ?? "YARN", () => {
  beforeAll(async () => {
    cluster = await startHadoop();
    adapter = adapterOf(cluster);
  });
  afterAll(async () => {
    callers.close();
    await cluster?.stop();
  });

  contractOf("YARN", () => ({
    adapter,
    says: (word, exitCode) => taskOf(["bash", "-c", 'echo "$0"; exit "$1"', word, String(exitCode)]).program,
    lasts: () => taskOf(["sleep", "600"]).program,
    again: () => adapterOf(cluster),
    exitCodes: true,
  }));

  test("a command gets its words, its environment and its files as they are, whatever stands in them", async () => {
    const words = [
      "a b",
      "",
      `"; echo bad; exit 3 #`,
      "$(id)",
      "`id`",
      "'\n'",
      "<LOG_DIR>",
      "{{PWD}}",
      "ü€😀",
      "-x",
    ];
    const secret = `it's "$HOME" \`id\``;
    const task = taskOf(["bash", "print words.sh", ...words], {
      environment: { SECRET: secret },
      files: [
        {
          name: "print words.sh",
          open: async () =>
            Readable.from([
              `for w in "$@"; do printf '[%s]' "$w"; done; printf '%s' "$SECRET"; cat "sub/\\$(id)"`,
            ]),
        },
        { name: "sub/$(id)", open: async () => Readable.from(["of a file"]) },
      ],
    });
    const handle = await started(task);
    expect(await ended(handle)).toEqual({ state: "succeeded", exitCode: 0 });
    expect(await logOf(handle, "stdout")).toBe(
      `${words.map((word) => `[${word}]`).join("")}${secret}of a file`,
    );
    const answer = await fetch(`http://127.0.0.1:8088/ws/v1/cluster/apps/${handle.applicationId}`);
    expect(await answer.text()).not.toContain("HOME");
    const files = createWebHdfs(
      ALLOWED,
      { webhdfs: cluster.services.hdfs.webhdfs, user: "azalai" },
      signal(),
    );
    expect(await files.status(handle.folder)).toBeUndefined();
  });

  test("submitting again, before the end and after it, runs nothing again; a look by key finds it", async () => {
    const task = taskOf(["bash", "-c", "echo once; sleep 2"]);
    expect(await adapter.find(task.key, signal())).toBeNull();
    const handle = await started(task);
    expect(await adapter.submit(handle, task, signal())).toEqual(handle);
    expect(await adapter.find(task.key, signal())).toEqual(handle);
    await ended(handle);
    expect(await adapter.submit(handle, task, signal())).toEqual(handle);
    expect(await statusOf(handle)).toMatchObject({ state: "succeeded" });
    expect(await logOf(handle, "stdout")).toBe("once\n");
  });

  test("exit codes and reasons come back; a command that is not there says so", async () => {
    const failed = await started(taskOf(["bash", "-c", "echo why >&2; exit 3"]));
    expect(await ended(failed)).toEqual({ state: "failed", exitCode: 3 });
    expect(await logOf(failed, "stderr")).toContain("why\n");
    const missing = await started(taskOf(["no-such-command"]));
    expect(await ended(missing)).toMatchObject({
      state: "failed",
      exitCode: 127,
      reason: expect.stringContaining("no-such-command"),
    });
  });

  test("a log can be read while it grows, from any byte, and is whole at the end", async () => {
    const count = 300_000;
    const handle = await started(taskOf(["bash", "-c", `echo begun; sleep 3; seq 1 ${count}`]));
    await reached(handle, ["running"]);
    await vi.waitFor(
      async () => {
        const { bytes, next, end } = await adapter.logs(handle, "stdout", 2, signal());
        expect(bytes.toString()).toMatch(/^gun\n/);
        expect(next).toBe(2 + bytes.length);
        expect(end).toBe(false);
      },
      { timeout: 30_000, interval: 200 },
    );
    await ended(handle);
    const lines = Array.from({ length: count }, (_, index) => `${index + 1}\n`).join("");
    const text = await logOf(handle, "stdout");
    expect(text.length).toBe(lines.length + "begun\n".length);
    expect(text === `begun\n${lines}`).toBe(true);
  });

  test("what is told to end has ended, and what was told so twice too", async () => {
    const handle = await started(taskOf(["bash", "-c", "sleep 1000"]));
    await reached(handle, ["running"]);
    await adapter.cancel(handle, "kill", signal());
    expect(await ended(handle)).toMatchObject({ state: "killed" });
    await adapter.cancel(handle, "kill", signal());
    const files = createWebHdfs(
      ALLOWED,
      { webhdfs: cluster.services.hdfs.webhdfs, user: "azalai" },
      signal(),
    );
    expect(await files.status(handle.folder)).toBeUndefined();
  });

  test("work that YARN does not know is unknown, and so is all of it while YARN does not answer", async () => {
    const stranger = { applicationId: "application_1_0001", folder: "/user/azalai/.azalai/none" };
    expect(await statusOf(stranger)).toMatchObject({ state: "unknown", forgotten: true });
    const away = createClusterCallers(ALLOWED).callerOf("yarn", "http://127.0.0.1:9");
    const deaf = createYarnAdapter({ ...adapterOfParts(), call: away });
    await expect(deaf.statuses([stranger], signal())).rejects.toMatchObject({ kind: "unavailable" });
    await expect(deaf.find("azalai-0", signal())).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("many are asked for at once", async () => {
    const tasks = Array.from({ length: 7 }, () => taskOf(["true"]));
    const handles = await Promise.all(tasks.map(started));
    await Promise.all(handles.map(ended));
    const statuses = await adapter.statuses(handles, signal());
    expect(statuses).toEqual(handles.map(() => ({ state: "succeeded", exitCode: 0 })));
  });

  test("files of HDFS are written whole, read from any byte, replaced, listed and removed", async () => {
    const { webhdfs, defaultFs } = cluster.services.hdfs;
    const client = createWebHdfs(ALLOWED, { webhdfs, user: "azalai" }, signal());
    const files = createHdfsFiles(client, defaultFs);
    const name = "a b%20ü/c?#&=.txt";
    const address = `${defaultFs}/tmp/files/${name}`;
    const bytes = randomBytes(3_000_000);
    await files.write(address, Readable.from([Buffer.from("older")]));
    await files.write(address, Readable.from([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]));
    expect((await buffer(await files.open(address))).equals(bytes)).toBe(true);
    const tail = await buffer(await client.open(`/tmp/files/${name}`, 2_999_990));
    expect(tail.equals(bytes.subarray(2_999_990))).toBe(true);
    await files.write(`${defaultFs}/tmp/files/copy`, Readable.from([bytes]));
    const sums = [await client.checksum(`/tmp/files/${name}`), await client.checksum("/tmp/files/copy")];
    expect(sums[0]).toBe(sums[1]);
    expect(sums[0]).not.toBe("");
    expect(await files.list(`${defaultFs}/tmp/files`)).toEqual([address, `${defaultFs}/tmp/files/copy`]);
    const broken = Readable.from(
      (async function* () {
        yield bytes.subarray(0, 100_000);
        throw new RangeError("the source broke off");
      })(),
    );
    await expect(files.write(address, broken)).rejects.toThrow();
    expect((await buffer(await files.open(address))).equals(bytes)).toBe(true);
    expect(await files.list(`${defaultFs}/tmp/files`)).toHaveLength(2);
    await expect(files.open(`${defaultFs}/tmp/none`)).rejects.toMatchObject({ code: "reference-invalid" });
    await expect(files.open(`${defaultFs}/tmp/../etc`)).rejects.toMatchObject({ code: "reference-invalid" });
    expect(await files.remove(`${defaultFs}/tmp/files`)).toBe(true);
    expect(await files.exists(address)).toBe(false);
    expect(await files.remove(`${defaultFs}/tmp/files`)).toBe(false);
  });

  test("a resource manager that crashes and comes back loses neither what runs nor what has ended", async () => {
    const over = await started(taskOf(["true"]));
    await ended(over);
    const task = taskOf(["bash", "-c", "echo begun; sleep 25; echo survived"]);
    const handle = await started(task);
    await reached(handle, ["running"]);
    await cluster.restart("resourcemanager");
    expect(await statusOf(over)).toMatchObject({ state: "succeeded" });
    expect(await adapter.submit(handle, task, signal())).toEqual(handle);
    expect(await ended(handle)).toEqual({ state: "succeeded", exitCode: 0 });
    expect(await logOf(handle, "stdout")).toBe("begun\nsurvived\n");
  });

  function adapterOfParts() {
    const { hdfs, yarn } = cluster.services;
    return {
      call: callers.callerOf("yarn", yarn.resourceManager),
      nodeCall: (address: string) => callers.callerOf("yarn", address),
      files: (within: AbortSignal) => createWebHdfs(ALLOWED, { webhdfs: hdfs.webhdfs }, within),
      defaultFs: hdfs.defaultFs,
      user: "azalai",
    };
  }
});
