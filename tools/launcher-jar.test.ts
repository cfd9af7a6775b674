/** The jar of our own Java programs is what their sources say. */
import { createReadStream } from "node:fs";
import { expect, test } from "vitest";
import { PACKAGE_LIMITS } from "../src/domain/package.ts";
import { launcherJar } from "../src/operators/launcher-jar.ts";
import { openArchive } from "../src/store/zip-archive.ts";
import { FETCH_MS, hadoopJars, hadoopMissing } from "../test/setup/local-hadoop.ts";
import { missingOf } from "../test/setup/programs.ts";
import { compileLauncher } from "./launcher-jar.ts";

const MISSING = (await hadoopMissing()) ?? (await missingOf({ javac: "-version" }));

async function shippedClasses(): Promise<ReadonlyMap<string, Buffer>> {
  const archive = await openArchive(createReadStream(launcherJar()), {
    ...PACKAGE_LIMITS,
    bytesMax: 2 ** 20,
  });
  const classes = new Map<string, Buffer>();
  for (const entry of archive.entries)
    if (entry.fileName.endsWith(".class")) classes.set(entry.fileName, await archive.read(entry));
  await archive.close();
  return classes;
}

test.skipIf(MISSING !== undefined)(
  "the shipped classes are those that the sources compile to",
  { timeout: FETCH_MS },
  async () => {
    const [shipped, compiled] = [await shippedClasses(), await compileLauncher(await hadoopJars())];
    expect([...shipped.keys()].sort()).toEqual([...compiled.keys()].sort());
    for (const [name, bytes] of compiled)
      expect(shipped.get(name)?.equals(bytes), `${name}: node tools/launcher-jar.ts builds it anew`).toBe(
        true,
      );
  },
);

test("every one of them runs on Java 8, as clusters may have it", async () => {
  const classes = await shippedClasses();
  expect(classes.size).toBeGreaterThan(3);
  for (const [name, bytes] of classes) expect(bytes.readUInt16BE(6), name).toBe(52);
});
