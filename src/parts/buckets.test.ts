/** Where the buckets of a project lie: at the endpoint that credentials of a run name, else in the server's own store. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type TestDatabase, testDatabase } from "../../test/setup/postgres.ts";
import { type S3Server, s3Missing, startS3 } from "../../test/setup/s3.ts";
import { createFolderBlobs } from "../store/blobs.ts";
import { createBuckets } from "../store/buckets.ts";
import { createMasterKey } from "../store/secrets.ts";
import { placeBuckets } from "./buckets.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 300_000 });

const without = (await s3Missing()) !== undefined;
const PROJECT = "0123456789abcdef0123456789abcdef";
let server: S3Server;
let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  if (without) return;
  server = await startS3();
  database = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), "azalai-buckets-"));
});
afterAll(async () => {
  if (without) return;
  await server.stop();
  await database.close();
  await rm(folder, { recursive: true });
});

test.skipIf(without)(
  "a place with credentials lies at their endpoint, with all below it and nothing beside it",
  async () => {
    await server.createBucket("lake");
    const blobs = createFolderBlobs(folder);
    const bucketsOf = placeBuckets(
      { allowedPrivateAddresses: ["loopback"] },
      {
        pool: database.pool,
        masterKeys: { current: createMasterKey(), previous: [] },
        now: () => new Date(),
        workspacesOnFirstUse: false,
      },
      (projectId) => createBuckets(blobs, projectId),
    );
    const { endpoint = "", accessKey, secretKey } = server.config;
    const url = new URL(endpoint);
    const credentials = { endpoint: url.host, accesskey: accessKey, secretkey: secretKey, ssl: false };
    const places = [
      { url: "s3a://lake/in", credentials },
      { url: "hdfs://host/in", credentials: { user: "x" } },
    ];
    const buckets = bucketsOf(PROJECT, undefined, places);
    await buckets.write("obs://lake/in/a", Readable.from(["there"]));
    await buckets.write("obs://lake/input", Readable.from(["here"]));
    expect(await text(await buckets.open("s3a://lake/in/a"))).toBe("there");
    expect(await buckets.list("s3a://lake/in")).toEqual(["s3a://lake/in/a"]);
    const own = bucketsOf(PROJECT);
    expect(await own.exists("obs://lake/in/a")).toBe(false);
    expect(await text(await own.open("obs://lake/input"))).toBe("here");
  },
);
