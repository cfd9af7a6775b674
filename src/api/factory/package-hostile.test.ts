/** Packages that are broken, too large or made to do harm: refused by every call that takes one, and nothing is written. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody } from "../../../test/setup/factory.ts";
import { archiveOf, imported, put } from "../../../test/setup/packages.ts";
import { PACKAGE_LIMITS } from "../../domain/package.ts";

const GOOD = {
  "jobs/good.job": jobBody("good"),
  "scripts/s.script": { name: "s", type: "Shell", content: "ls" },
};
const MIB = 2 ** 20;
const PACKAGE_MAX = 8 * MIB;
const LIMITS = { ...PACKAGE_LIMITS, bytesMax: PACKAGE_MAX, entriesMax: 100 };

/** A package whose job lies at another path of the same length. */
async function renamed(path: string, files: object = GOOD, from = "jobs/good.job"): Promise<Buffer> {
  const bytes = await archiveOf({ ...files });
  expect(path).toHaveLength(from.length);
  return Buffer.from(bytes.toString("latin1").replaceAll(from, path), "latin1");
}

async function twice(): Promise<Buffer> {
  return await renamed("jobs/good.job", { ...GOOD, "jobs/boop.job": {} }, "jobs/boop.job");
}

/** The last byte of the last file's content turned over: its checksum is wrong then. */
async function spoilt(): Promise<Buffer> {
  const bytes = await archiveOf({ ...GOOD, "jobs/z.job": jobBody("z") });
  const directory = bytes.indexOf("PK\x01\x02", 0, "latin1");
  const end = bytes.lastIndexOf("PK\x07\x08", directory, "latin1");
  const copy = Buffer.from(bytes);
  copy[end - 1] = (copy[end - 1] ?? 0) ^ 0xff;
  return copy;
}

const zeros = (mebibytes: number) => "0".repeat(mebibytes * MIB);
const many = (count: number, content: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, no) => [`jobs/${no}.job`, content]));

/** How each is made, and what is said of it. */
const HOSTILE: Readonly<Record<string, readonly [make: () => Promise<Buffer>, message: RegExp]>> = {
  "an empty file": [async () => Buffer.alloc(0), /record signature not found/],
  "no archive": [async () => Buffer.from("x"), /record signature not found/],
  "the half of one": [async () => (await archiveOf(GOOD)).subarray(0, 200), /record signature not found/],
  "larger than it may be": [async () => Buffer.alloc(PACKAGE_MAX + 1), /larger than \d+ bytes/],
  "a path that leads out": [async () => renamed("../../go.job/"), /invalid relative path/],
  "a path from the root": [async () => renamed("/etc/good.job"), /absolute path/],
  "a path of another system": [async () => renamed("..\\jsgood.job"), /invalid characters in fileName/],
  "a path twice": [twice, /two files "jobs\/good.job"/],
  "one file that unpacks to more than it may": [
    async () => await archiveOf({ ...GOOD, "jobs/b.job": zeros(17) }),
    /more than 16777216 bytes, unpacked/,
  ],
  "files that unpack to a multiple": [
    async () => await archiveOf({ ...GOOD, ...many(5, zeros(15)) }),
    /200 times its size/,
  ],
  "more files than it may have": [async () => await archiveOf(many(101, "")), /more than 100 files/],
  "content that is not what was packed": [spoilt, /z[.]job|no connection/],
};

async function lists({ ok }: FactoryWorld, workspace: string): Promise<number[]> {
  const totals = ["jobs", "scripts", "resources", "connections"].map(
    async (kind) => (await ok("GET", `/${kind}`, { workspace })).json.total,
  );
  return await Promise.all(totals);
}

/** Where copies of archives are put aside from now on. */
async function ownTemporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-hostile-"));
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });
  return folder;
}

test.for(Object.entries(HOSTILE))(
  "%s: the task fails, the check is refused, nothing is written",
  async ([, [make, message]]) => {
    const world = await factoryWorld({ packageLimits: LIMITS });
    const temporary = await ownTemporary();
    const content = await make();
    for (const of of ["jobs", "connections"] as const)
      expect(await imported(world, content, {}, { of }), of).toMatchObject({
        status: "FAILED",
        message: expect.stringMatching(message),
        subtasks: [],
      });
    await put(world, "obs://b/p.zip", content);
    const body = { path: "obs://b/p.zip" };
    expect((await world.call("POST", "/jobs/check-file", { workspace: "w2", body })).status).toBe(400);
    expect(await lists(world, "w2")).toEqual([0, 0, 0, 0]);
    expect(await readdir(temporary)).toEqual([]);
  },
);
