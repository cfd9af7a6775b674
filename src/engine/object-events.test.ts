/** Jobs that start on the files of an S3 endpoint: a real server of objects, a real database, several servers. */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCertificates } from "../../test/setup/certificates.ts";
import { engineWorld, node, type TestWork } from "../../test/setup/engine-world.ts";
import { NO_SOURCES } from "../../test/setup/no-sources.ts";
import { type S3Server, s3Missing, startS3 } from "../../test/setup/s3.ts";
import type { EventSchedule } from "../domain/event.ts";
import type { WorkConnection } from "../operators/operator.ts";
import { createBucketOpener, createEndpointTest } from "../operators/s3-bucket.ts";
import { listEventSources } from "../store/event-sources.ts";
import { listLedger } from "../store/ledger.ts";
import { explainJob } from "./why.ts";

const without = await s3Missing();
let s3: S3Server;
let buckets = 0;
let written = 0;

beforeAll(async () => {
  if (without === undefined) s3 = await startS3();
}, 300_000);

afterAll(async () => {
  await s3?.stop();
});

const openBucket = createBucketOpener({ allowedAddresses: ["loopback"], now: () => new Date() });

function connection(config: Readonly<Record<string, unknown>> = {}): WorkConnection {
  return {
    name: "lake",
    type: "S3",
    config: { ...s3.config, intervalSeconds: 1, ...config },
    warehouse: false,
  };
}

async function newBucket(): Promise<string> {
  buckets += 1;
  const bucket = `bucket-${buckets}`;
  await s3.createBucket(bucket);
  return bucket;
}

/** A job on files under `day` of a new bucket; `seen` has the path that each of its runs got. */
async function setup(
  changes: Partial<EventSchedule> = {},
  run?: TestWork,
  config: Readonly<Record<string, unknown>> = {},
) {
  const bucket = await newBucket();
  const seen: string[] = [];
  const world = await engineWorld((work, context) => {
    seen.push(work.properties.file?.replace(`s3a://${bucket}/`, "") ?? "");
    return run?.(work, context) ?? { state: "succeeded" };
  });
  const { projectId } = world;
  const { pool } = world.database;
  const event: EventSchedule = {
    source: "files",
    channel: `lake/s3a://${bucket}/day/`,
    failPolicy: "suspend",
    concurrent: 10,
    readFrom: "last",
    ...changes,
  };
  const properties = { file: "#{Job.trigger.obsNewFiles[0]}" };
  const nodes = [node("a", [], { properties })];
  const jobId = await world.addJob({ nodes, schedule: { type: "event", event } });
  const sources = { ...NO_SOURCES, openBucket, loadConnection: async () => connection(config) };
  const source = async () => (await listEventSources(pool, projectId, 1))[0];
  const listedAt = async () => {
    const position = (await source())?.position ?? null;
    return position !== null && "listedAt" in position ? position.listedAt : "";
  };
  return {
    world,
    bucket,
    seen,
    source,
    request: { projectId, jobId, by: "ann" },
    newEngine: () => world.newEngine({ sources }),
    put: async (...keys: string[]) => {
      for (const key of keys) {
        written += 1;
        await s3.put(bucket, key, `${written}`);
      }
    },
    /** Resolves when the bucket was listed whole, from now on. */
    listed: async () => {
      const before = await listedAt();
      await expect.poll(listedAt, WAIT).not.toBe(before);
    },
    ledger: async () =>
      (await listLedger(pool, projectId, { workspaceId: "default", jobIds: [jobId] }, { limit: 100 })).map(
        ({ state }) => state,
      ),
    blockers: async () => (await explainJob({ db: pool }, projectId, jobId))?.blockers,
  };
}

const WAIT = { timeout: 10_000 };

test.skipIf(without)(
  "each file that is new or another under the path becomes one run that knows it",
  async () => {
    const { seen, request, newEngine, put, listed, ledger, source } = await setup();
    await put("day/before.csv");
    const engine = await newEngine();
    await engine.start();
    await engine.startJob(request);
    await listed();
    await put("day/a.csv", "daylight.csv", 'day/deep/ä +%25&"<b>.csv', "night/c.csv");
    await expect.poll(() => seen.toSorted(), WAIT).toEqual(["day/a.csv", 'day/deep/ä +%25&"<b>.csv']);
    await put("day/before.csv");
    await expect.poll(() => seen.length, WAIT).toBe(3);
    await listed();
    expect(seen.slice(2)).toEqual(["day/before.csv"]);
    expect(await ledger()).toEqual(["started", "started", "started"]);
    expect(await source()).toMatchObject({ type: "objects", state: "listening", lag: 0, error: null });
  },
);

test.skipIf(without)("a start goes on behind what was seen, or with what comes from now on", async () => {
  for (const [readFrom, expected] of [
    ["last", ["day/1", "day/2", "day/3"]],
    ["new", ["day/1", "day/3"]],
  ] as const) {
    const { seen, request, newEngine, put, listed } = await setup({ readFrom });
    const engine = await newEngine();
    await engine.start();
    await engine.startJob(request);
    await listed();
    await put("day/1");
    await expect.poll(() => seen.length, WAIT).toBe(1);
    await engine.stopJob(request);
    await put("day/2");
    await engine.startJob(request);
    await listed();
    await put("day/3");
    await expect.poll(() => seen.toSorted(), WAIT).toEqual(expected);
  }
});

test.skipIf(without)(
  "many pages are told apart by two servers, and what was gone for a while is not new",
  async () => {
    const { bucket, seen, request, newEngine, listed, ledger } = await setup();
    const folder = join(s3.folderOf(bucket), "day");
    await mkdir(folder);
    const all = Array.from({ length: 2_500 }, (_, number) => `${number}`.padStart(5, "0"));
    for (const file of all) await writeFile(join(folder, file), "");
    const engines = [await newEngine(), await newEngine()];
    await Promise.all(engines.map((engine) => engine.start()));
    await engines[0]?.startJob(request);
    await listed();
    const elsewhere = join(s3.folderOf(bucket), "elsewhere");
    await rename(folder, elsewhere);
    await listed();
    await listed();
    await rename(elsewhere, folder);
    const fresh = ["00000a", "01000a", "02499a"];
    for (const file of fresh) await writeFile(join(folder, file), "");
    await expect.poll(() => seen.toSorted(), WAIT).toEqual(fresh.map((file) => `day/${file}`));
    await listed();
    await listed();
    expect(await ledger()).toHaveLength(3);
  },
);

test.skipIf(without)(
  "files wait for their turn, also behind a failure, and none of them is lost",
  async () => {
    const { seen, request, newEngine, put, listed, source } = await setup(
      { concurrent: 1 },
      ({ properties }) =>
        properties.file?.endsWith("bad") ? { state: "failed", message: "no" } : { state: "succeeded" },
    );
    const engine = await newEngine();
    await engine.start();
    await engine.startJob(request);
    await listed();
    await put("day/bad");
    await expect.poll(async () => (await source())?.state, WAIT).toBe("paused");
    await put("day/1", "day/2", "day/3");
    await engine.resumeEvents(request);
    await expect.poll(() => seen.toSorted(), WAIT).toEqual(["day/1", "day/2", "day/3", "day/bad"]);
    await expect.poll(async () => (await source())?.lag).toBe(0);
  },
);

test.skipIf(without)(
  "why an endpoint cannot be listed is told, and what came meanwhile starts runs",
  async () => {
    const config: Record<string, unknown> = {};
    const { world, seen, request, newEngine, put, listed, source, blockers } = await setup(
      {},
      undefined,
      config,
    );
    const engine = await newEngine();
    await engine.start();
    await engine.startJob(request);
    await listed();
    config.secretKey = "another";
    await world.observed((one) => one.event === "event-source-failed");
    await expect.poll(async () => (await source())?.error).toMatch(/403.*SignatureDoesNotMatch/);
    expect(await blockers()).toMatchObject([
      { kind: "events-unreachable", reason: expect.stringMatching(/SignatureDoesNotMatch/) },
    ]);
    await put("day/a");
    delete config.secretKey;
    await expect.poll(() => seen, WAIT).toEqual(["day/a"]);
    await expect.poll(source).toMatchObject({ error: null, failures: 0 });
    expect(await blockers()).toMatchObject([{ kind: "no-event" }]);
  },
);

test.skipIf(without)(
  "a connection that leads nowhere, or where it must not, is refused with the reason",
  async () => {
    const list = async (config: Readonly<Record<string, unknown>>, bucket = "refusals") =>
      await openBucket(connection(config), bucket).list("", { signal: new AbortController().signal });
    await s3.createBucket("refusals");
    expect(await list({})).toEqual({ objects: [] });
    for (const [config, why] of [
      [{ endpoint: "" }, /must be an address such as https/],
      [{ endpoint: "file:///etc" }, /must be an address such as https/],
      [{ endpoint: "http://169.254.169.254" }, /may not be reached/],
      [{ endpoint: "http://10.0.0.1" }, /private address/],
      [{ endpoint: "http://localhost:1" }, /ECONNREFUSED/],
      [{ accessKey: "" }, /both, or neither/],
      [{ accessKey: "", secretKey: "" }, /AccessDenied/],
      [{ region: "elsewhere" }, /region/],
      [{ intervalSeconds: 0 }, /intervalSeconds must be/],
      [{ caCertificate: "none" }, /caCertificate must be/],
    ] as const)
      await expect(list(config)).rejects.toThrow(why);
    await expect(list({}, "none-such")).rejects.toThrow(/404: NoSuchBucket/);
    expect(() => openBucket({ ...connection(), type: "Kafka" }, "refusals")).toThrow(/of type Kafka, not S3/);
  },
);

test.skipIf(without)("a try at an endpoint says what it thinks of the keys", async () => {
  const testEndpoint = createEndpointTest({ allowedAddresses: ["loopback"], now: () => new Date() });
  const tryOut = (config: Readonly<Record<string, unknown>>) =>
    testEndpoint(connection(config), new AbortController().signal);
  expect(await tryOut({})).toBe("the endpoint lists its buckets to these keys");
  expect(await tryOut({ accessKey: "", secretKey: "" })).toMatch(/^the endpoint answers; without keys/);
  await expect(tryOut({ secretKey: "wrong" })).rejects.toThrow(/SignatureDoesNotMatch/);
  // Amazon says `InvalidAccessKeyId`, this gateway a word of its own.
  await expect(tryOut({ accessKey: "nobody" })).rejects.toThrow(/UserNotFound: No user exists/);
  await expect(tryOut({ endpoint: "http://127.0.0.1:1" })).rejects.toThrow(/ECONNREFUSED/);
});

test.skipIf(without)(
  "an endpoint behind TLS is listed by who trusts its authority, and by nobody else",
  async () => {
    const certificates = await makeCertificates();
    const secured = await startS3(certificates);
    try {
      await secured.createBucket("behind-tls");
      const list = async (caCertificate = "") =>
        await openBucket(connection({ ...secured.config, caCertificate }), "behind-tls").list("", {
          signal: new AbortController().signal,
        });
      expect(await list(certificates.ca)).toEqual({ objects: [] });
      await expect(list()).rejects.toThrow(/certificate/);
      await expect(list((await makeCertificates()).ca)).rejects.toThrow(/certificate/);
    } finally {
      await secured.stop();
    }
  },
);
