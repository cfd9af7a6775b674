/** Builds `src/operators/java/azalai-launcher.jar` of the sources beside it: `node tools/launcher-jar.ts HADOOP_JARS`. */
import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { ZipFile } from "yazl";
import { launcherJar } from "../src/operators/launcher-jar.ts";

const SOURCES = join(import.meta.dirname, "../src/operators/java/azalai");
/** What clusters run may be as old. */
const JAVA_RELEASE = "8";
/** The same bytes whenever it is built. */
const MADE_AT = new Date(2026, 0, 1);

/** The classes by their places in a jar, compiled against the jars of that folder. */
export async function compileLauncher(jars: string): Promise<ReadonlyMap<string, Buffer>> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-launcher-"));
  try {
    const sources = (await readdir(SOURCES)).sort().map((name) => join(SOURCES, name));
    const line = [
      "--release",
      JAVA_RELEASE,
      "-encoding",
      "UTF-8",
      "-Xlint:-options",
      "-cp",
      join(jars, "*"),
      "-d",
      folder,
    ];
    await promisify(execFile)("javac", [...line, ...sources]);
    const names = (await readdir(join(folder, "azalai"))).sort();
    const classes = names.map(
      async (name) => [`azalai/${name}`, await readFile(join(folder, "azalai", name))] as const,
    );
    return new Map(await Promise.all(classes));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeJar(classes: ReadonlyMap<string, Buffer>): Promise<void> {
  const zip = new ZipFile();
  const add = (name: string, content: Buffer) =>
    zip.addBuffer(content, name, { mtime: MADE_AT, mode: 0o100644, compress: true });
  add("META-INF/MANIFEST.MF", Buffer.from("Manifest-Version: 1.0\r\n\r\n"));
  for (const [name, content] of classes) add(name, content);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(launcherJar()));
}

if (import.meta.main) await writeJar(await compileLauncher(process.argv[2] ?? ""));
