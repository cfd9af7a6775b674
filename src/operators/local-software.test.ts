import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ZipFile } from "yazl";
import { createLocalSoftware, type FetchProgress } from "./local-software.ts";
import { LOCAL_SOFTWARE, type Software } from "./local-software-versions.ts";

const JAR = "not really a jar\n";
const JARS_SHA256 = sha256(`${sha256(JAR)} tiny/one.jar\n`);

let folder: string;
let wheel: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "azalai-software-"));
  wheel = await makeWheel(join(folder, "packages"));
});
afterAll(async () => void (await rm(folder, { recursive: true })));

let count = 0;
const freshFolder = () => join(folder, `engines-${++count}`);
const never = new AbortController().signal;

/** The machine's own pip, with a folder for its index: nothing is asked of a network. */
function software(changes: Partial<Software> = {}, into = freshFolder()) {
  const tiny: Software = {
    ...LOCAL_SOFTWARE.hadoop,
    version: "1.0",
    steps: [{ client: "pip", requirement: "tiny==1.0", sha256: sha256(wheel) }],
    ...{ fetchBytes: 1_000_000, bytes: 1000, jarsSha256: JARS_SHA256 },
    ...changes,
  };
  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    PIP_NO_INDEX: "1",
    PIP_FIND_LINKS: join(folder, "packages"),
  };
  return {
    into,
    local: createLocalSoftware({ folder: into, environment }, { ...LOCAL_SOFTWARE, hadoop: tiny }),
  };
}

/** Where pip is not installed there is nothing to try. */
const hasPip = (() => {
  try {
    execFileSync("python3", ["-m", "pip", "--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!hasPip)("with pip, which this machine must have for it", () => {
  test("what is asked for first is fetched once, whole, and may be read by all", async () => {
    const { local, into } = software();
    expect(await local.find("hadoop")).toBeUndefined();
    const told: FetchProgress[] = [];
    const [first, second] = await Promise.all([
      local.ensure("hadoop", never, (progress) => told.push(progress)),
      local.ensure("hadoop", never),
    ]);
    expect(first).toBe(join(into, "hadoop-1.0"));
    expect(second).toBe(first);
    expect(told[0]).toEqual({ bytes: 0, ofBytes: 1_000_000 });
    expect(await readdir(into)).toEqual(["hadoop-1.0"]);
    expect(await readFile(join(first, "tiny/one.jar"), "utf8")).toBe(JAR);
    expect((await stat(first)).mode & 0o777).toBe(0o755);
    expect((await stat(join(first, "tiny/one.jar"))).mode & 0o777).toBe(0o644);
    expect(await local.find("hadoop")).toBe(first);
    // Nothing of it is fetched again: the index is gone.
    const other = software({ steps: [{ client: "pip", requirement: "nothing==1.0", sha256: "00" }] }, into);
    expect(await other.local.ensure("hadoop", never)).toBe(first);
  });

  test("an archive with another digest is refused by the client's own words, and nothing stays", async () => {
    const { local, into } = software({
      steps: [{ client: "pip", requirement: "tiny==1.0", sha256: "0".repeat(64) }],
    });
    await expect(local.ensure("hadoop", never)).rejects.toMatchObject({
      code: "engine-missing",
      message: expect.stringMatching(/^python3 ended with 1: .*hash/i),
    });
    expect(await readdir(into)).toEqual([]);
  });

  test("a package that the index does not have is refused by its name", async () => {
    const { local } = software({
      steps: [{ client: "pip", requirement: "nothing==1.0", sha256: "0".repeat(64) }],
    });
    await expect(local.ensure("hadoop", never)).rejects.toThrow(/nothing==1\.0/);
  });

  test("jars other than the known ones are refused, and nothing stays", async () => {
    const { local, into } = software({ jarsSha256: "0".repeat(64) });
    await expect(local.ensure("hadoop", never)).rejects.toThrow(
      `what was fetched of hadoop 1.0 is not what is known of it (${JARS_SHA256})`,
    );
    expect(await readdir(into)).toEqual([]);
  });

  test("the lock and the half of a fetch whose server has died are taken away", async () => {
    const { local, into } = software();
    await mkdir(join(into, "hadoop-1.0.unfinished-1"), { recursive: true });
    await writeFile(join(into, "hadoop-1.0.lock"), `${process.pid} 1`);
    await local.ensure("hadoop", never);
    expect(await readdir(into)).toEqual(["hadoop-1.0"]);
  });

  test("a fetch is given up with the server, and nothing stays; who leaves before does not end it", async () => {
    const { local, into } = software();
    const leaver = new AbortController();
    const left = local.ensure("hadoop", leaver.signal);
    const staying = local.ensure("hadoop", never);
    leaver.abort(new RangeError("left"));
    await expect(left).rejects.toThrow("left");
    const stopped = expect(staying).rejects.toMatchObject({ name: "AbortError" });
    await local.stop();
    await stopped;
    expect(await readdir(into)).toEqual([]);
  });
});

test("a disk without room is told before anything is fetched", async () => {
  const { local } = software({ fetchBytes: 2 ** 60 });
  await expect(local.ensure("hadoop", never)).rejects.toThrow(/hadoop 1\.0 needs [\d.]+ GB of disk/);
});

test("a client that is not installed is named", async () => {
  const bare = createLocalSoftware({ folder: freshFolder(), environment: { PATH: folder } });
  await expect(bare.ensure("hadoop", never)).rejects.toThrow(
    "mvn is not installed on this server: install Maven",
  );
  await expect(bare.ensure("spark", never)).rejects.toThrow(/^python3 is not installed/);
});

/** Gives the wheel's bytes. */
async function makeWheel(into: string): Promise<Buffer> {
  const zip = new ZipFile();
  const info = "tiny-1.0.dist-info";
  const files = {
    "tiny/__init__.py": "",
    "tiny/one.jar": JAR,
    [`${info}/METADATA`]: "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${info}/RECORD`]: "tiny/__init__.py,,\ntiny/one.jar,,\n",
  };
  for (const [name, text] of Object.entries(files)) zip.addBuffer(Buffer.from(text), name);
  zip.end();
  await mkdir(into, { recursive: true });
  const path = join(into, "tiny-1.0-py3-none-any.whl");
  await pipeline(zip.outputStream, createWriteStream(path));
  return await readFile(path);
}

function sha256(bytes: string | Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
