/** What every adapter of a cluster's service has to hold, tried on a cluster that runs. */
import { randomBytes } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import type { JsonObject } from "../../src/domain/cluster-services.ts";
import type {
  ClusterAdapter,
  ClusterProgram,
  ClusterTask,
  WorkStatus,
} from "../../src/operators/cluster-adapter.ts";

export interface AdapterWorld {
  readonly adapter: ClusterAdapter;
  /** Says `word` on stdout and ends with the code. */
  readonly says: (word: string, exitCode: number) => ClusterProgram;
  /** Runs until it is ended, and not by itself within a minute. */
  readonly lasts: () => ClusterProgram;
  /** Another adapter for the same service, as another server would have it. */
  readonly again: () => ClusterAdapter;
  /** Restarts what speaks for the cluster; absent where a test cannot. Gives whether it then still knows its work. */
  readonly restartMaster?: () => Promise<"knows" | "forgets">;
  /** Whether the service says how a program ended in numbers. */
  readonly exitCodes: boolean;
}

const ENDED: readonly string[] = ["succeeded", "failed", "killed"];
const POLL_MS = 100;

export function contractOf(name: string, world: () => AdapterWorld): void {
  const time = AbortSignal.timeout;
  const soon = () => time(60_000);
  const taskOf = (program: ClusterProgram): ClusterTask => ({
    key: randomBytes(16).toString("hex"),
    name: "contract/node",
    program,
    confs: {},
  });
  const begin = async (program: ClusterProgram) => {
    const { adapter } = world();
    const task = taskOf(program);
    const reserved = await adapter.reserve(task, soon());
    const handle = await adapter.submit(reserved, task, soon());
    onTestFinished(async () => void (await adapter.cancel(handle, "kill", soon()).catch(() => ({}))));
    return { adapter, task, reserved, handle };
  };

  describe(`the adapter of ${name}`, () => {
    test("the probe says who answers", async () => {
      const { version, detail } = await world().adapter.probe(soon());
      expect(version).toMatch(/\d/);
      expect(detail).toContain(version);
    });

    test("what is reserved can be stored, and is not running", async () => {
      const { adapter, says } = world();
      const task = taskOf(says("reserved", 0));
      const handle = await adapter.reserve(task, soon());
      expect(JSON.parse(JSON.stringify(handle))).toEqual(handle);
      expect(JSON.stringify(handle).length).toBeLessThan(64 * 1024);
      const [status] = await adapter.statuses([handle], soon());
      expect(ENDED).not.toContain(status?.state);
      expect(status?.state).not.toBe("running");
    });

    test("work that succeeds is seen to, and its words are in its log", async () => {
      const { adapter, handle } = await begin(world().says("the-word", 0));
      expect(await ended(adapter, handle)).toMatchObject({ state: "succeeded" });
      expect(await logOf(adapter, handle)).toContain("the-word");
      expect(adapter.engineId(handle)).toMatch(/\w/);
    });

    test("work that fails is failed, with its exit code where the service knows it", async () => {
      const { adapter, handle } = await begin(world().says("about to fail", 3));
      const status = await ended(adapter, handle);
      expect(status.state).toBe("failed");
      if (world().exitCodes) expect(status).toMatchObject({ exitCode: 3 });
    });

    test("what is submitted again with the same handle runs once", async () => {
      const { adapter, task, reserved, handle } = await begin(world().says("once", 0));
      if (adapter.submitOnce !== "by-id") return;
      const second = await world().again().submit(reserved, task, soon());
      expect(adapter.engineId(second)).toBe(adapter.engineId(handle));
      expect(await ended(adapter, handle)).toMatchObject({ state: "succeeded" });
      await world().again().submit(reserved, task, soon());
      expect((await logOf(adapter, handle)).split("once").length - 1).toBe(1);
    });

    test("work is found by its key, and what was never submitted is not", async () => {
      const { adapter, task, handle } = await begin(world().lasts());
      if (adapter.submitOnce === "by-claim") return;
      const found = await world().again().find(task.key, soon());
      expect(found && adapter.engineId(found)).toBe(adapter.engineId(handle));
      expect(await adapter.find(randomBytes(16).toString("hex"), soon())).toBeNull();
    });

    test("another server follows it by what was stored", async () => {
      const { handle } = await begin(world().says("handed on", 0));
      const other = world().again();
      const stored: JsonObject = JSON.parse(JSON.stringify(handle));
      expect(await ended(other, stored)).toMatchObject({ state: "succeeded" });
      expect(await logOf(other, stored)).toContain("handed on");
    });

    test("a cancelled one is ended, and a second cancel is no fault", async () => {
      const { adapter, handle } = await begin(world().lasts());
      await adapter.cancel(handle, "kill", soon());
      expect(ENDED).toContain((await ended(adapter, handle)).state);
      await adapter.cancel(handle, "kill", soon());
    });

    test("a log is read on from where a reader was", async () => {
      const { adapter, handle } = await begin(world().says("0123456789", 0));
      await ended(adapter, handle);
      const whole = await partOf(adapter, handle, 0);
      const at = whole.indexOf("0123456789");
      expect(at).toBeGreaterThanOrEqual(0);
      expect(await partOf(adapter, handle, at + 4)).toMatch(/^456789/);
    });

    test("what the cluster does not know is unknown, not failed", async () => {
      const { adapter, says } = world();
      const handle = await adapter.reserve(taskOf(says("never", 0)), soon());
      const [status] = await adapter.statuses([handle], soon());
      expect(["unknown", "queued"]).toContain(status?.state);
    });

    test("many are asked for at once, each in its place", async () => {
      const { adapter, handle } = await begin(world().says("one of many", 0));
      await ended(adapter, handle);
      const never = await adapter.reserve(taskOf(world().says("never", 0)), soon());
      const asked = Array.from({ length: 12 }, (_, place) => (place === 5 ? handle : never));
      const states = (await adapter.statuses(asked, soon())).map(({ state }) => state);
      expect(states).toHaveLength(12);
      expect(states[5]).toBe("succeeded");
      expect(states.filter((state) => state === "succeeded")).toHaveLength(1);
    });

    test("a restart of its master never makes a failure of work", async () => {
      const { restartMaster } = world();
      if (restartMaster === undefined) return;
      const { adapter, handle } = await begin(world().says("before the restart", 0));
      expect(await ended(adapter, handle)).toMatchObject({ state: "succeeded" });
      const afterwards = await restartMaster();
      const [status] = await adapter.statuses([handle], soon());
      expect(status?.state).toBe(afterwards === "knows" ? "succeeded" : "unknown");
      if (status?.state === "unknown") expect(status.forgotten).toBe(true);
    });
  });

  async function ended(adapter: ClusterAdapter, handle: JsonObject): Promise<WorkStatus> {
    const until = time(240_000);
    for (;;) {
      const [status] = await adapter.statuses([handle], soon());
      if (status !== undefined && ENDED.includes(status.state)) return status;
      until.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async function partOf(adapter: ClusterAdapter, handle: JsonObject, from: number): Promise<string> {
    const until = time(60_000);
    const parts: Buffer[] = [];
    let next = from;
    for (;;) {
      const part = await adapter.logs(handle, "stdout", next, soon()).catch((error: unknown) => {
        until.throwIfAborted();
        if (!(error instanceof Error)) throw error;
        return { bytes: Buffer.alloc(0), next, end: false };
      });
      parts.push(part.bytes);
      next = part.next;
      if (part.end) return Buffer.concat(parts).toString();
      until.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async function logOf(adapter: ClusterAdapter, handle: JsonObject): Promise<string> {
    return await partOf(adapter, handle, 0);
  }
}
