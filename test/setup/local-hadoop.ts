/** Hadoop's jars for tests, fetched once by the product's own fetch, and a real text to count the words of. */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageClientEnvironment } from "../../src/config.ts";
import { createLocalSoftware, type LocalSoftware } from "../../src/operators/local-software.ts";
import { missingOf } from "./programs.ts";

/** Kept from one run of the tests to the next. */
export const ENGINES_FOLDER =
  process.env.AZALAI_ENGINES_DIR ?? join(import.meta.dirname, "../../.cache/engines");

/** Fetching takes its time, on the first run. */
export const FETCH_MS = 300_000;

/** Why Hadoop cannot run here; undefined when it can. */
export async function hadoopMissing(): Promise<string | undefined> {
  return await missingOf({ java: "-version", mvn: "-version" });
}

export function testSoftware(): LocalSoftware {
  return createLocalSoftware({
    folder: ENGINES_FOLDER,
    environment: packageClientEnvironment(process.env),
  });
}

/** The folder of the jars. */
export async function hadoopJars(): Promise<string> {
  const folder = await testSoftware().ensure("hadoop", AbortSignal.timeout(FETCH_MS));
  return join(folder, "jars");
}

export async function readHadoopJar(name: string): Promise<Buffer> {
  const jars = await hadoopJars();
  const found = (await readdir(jars)).find((file) => file.startsWith(`${name}-`) && file.endsWith(".jar"));
  return await readFile(join(jars, found ?? name));
}

/** A real text, by the names of its files: the declarations that come with TypeScript. */
export async function realText(): Promise<ReadonlyMap<string, string>> {
  const folder = dirname(createRequire(import.meta.url).resolve("typescript"));
  const names = (await readdir(folder)).filter((name) => /^lib\..*\.d\.ts$/.test(name)).sort();
  const texts = names.map(async (name) => [name, await readFile(join(folder, name), "utf8")] as const);
  return new Map(await Promise.all(texts));
}

/** How often each word is there, a word being what Java's StringTokenizer takes for one. */
export function countWords(texts: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const word of text.split(/[ \t\n\r\f]+/))
      if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** The counts that a job left as lines of word, tab, number. */
export function readCounts(texts: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const line of text.split("\n")) {
      const at = line.lastIndexOf("\t");
      if (at < 0) continue;
      const word = line.slice(0, at);
      if (counts.has(word)) throw new RangeError(`"${word}" is counted twice`);
      counts.set(word, Number(line.slice(at + 1)));
    }
  return counts;
}
