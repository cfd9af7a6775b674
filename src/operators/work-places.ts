/**
 * The addresses of a run turned into what its program sees, wherever that runs: files are brought there before, and
 * outputs published to their buckets after success.
 *
 * What an operator of an engine receives for a run of the data-processing API. `Work.type` is the API's word; runs of the
 * vendor's calls come in the same form, and `#{…}` and `${…}` are left as they are in all of it:
 *
 * - `Java`: `files` (mains and libraries), `args`, the properties `mainClass` and `javaOpts`.
 * - `Shell`: the main file is the script; `args`; `environment` has the params and configs that can be names of variables.
 * - `MapReduce`: the first library is the jar. With `args` it is run as `hadoop jar` does, the class among them unless the
 *   jar's manifest names one; without, mapper and reducer are classes that `configs` name.
 * - `MapReduce.Streaming`: the properties `mapper` and `reducer`; `files` are shipped.
 * - `Spark`: the main file, else the first library, is the application, the others go with it; the property `mainClass`
 *   (absent for Python); `args`; `configs`.
 * - `Hive`, `hql`, `SparkSql`, `SparkScript`: the main file is the text of the statements; `params` fill `${name}` in it
 *   (`fillStatements`), `INPUT` and `OUTPUT` among them.
 * - `Flink`: as `Spark`. `DistCp`: `places`, else the last two of `args`.
 *
 * `configs` are the engine's settings, with those of the API (`edp.…`, `oozie.…`), which no engine needs to hear of. `places.input` and
 * `places.output` are the run's data sources, their placeholders filled; `context.buckets` opens their addresses with the
 * data sources' credentials. A Factory node has none of this but its properties, where addresses are found as well.
 */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { isBucketPath } from "../domain/bucket.ts";
import { Fault } from "../domain/fault.ts";
import type { AttemptFolder } from "./attempt-folder.ts";
import { localName } from "./bucket-names.ts";
import type { Buckets, Outcome, Work, WorkContext } from "./operator.ts";

/** Where a program finds its files. Names are relative, with slashes. */
export interface Stage {
  /** What the program calls the file or folder. */
  readonly nameOf: (name: string) => string;
  readonly write: (name: string, content: Readable) => Promise<void>;
  /** The same for a file of this machine, where it is to be had without a copy through us. */
  readonly place: (name: string, path: string) => Promise<boolean>;
  /** All folders on the way to `name`. */
  readonly makeParents: (name: string) => Promise<void>;
  /** Files at or below `name`. */
  readonly list: (name: string) => Promise<readonly string[]>;
  readonly open: (name: string) => Promise<Readable | undefined>;
  /** Whether programs there open the address themselves: then it stays as it is. */
  readonly isNative: (address: string) => boolean;
}

/** What a program is given, in its own names. */
export interface PlacedWork {
  readonly args: readonly string[];
  readonly configs: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string>>;
  /** With `AZALAI_INPUT` and `AZALAI_OUTPUT`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly output?: string;
  /** Whether there is something already where the output is to go. */
  readonly outputIsThere: boolean;
  /** Another text of the work with the addresses that were found in it, which `texts` must have named. */
  readonly localize: (text: string) => string;
  /** Sends what the program wrote where it belongs, and removes what was there before. Only after success. */
  readonly publish: () => Promise<void>;
}

export interface PlaceOptions {
  /** Which addresses count: all in the work's texts, or those of the run's data sources alone. */
  readonly addresses: "all" | "data-sources";
  /** Further texts that hold addresses. */
  readonly texts?: readonly string[];
  /** Where a node without data sources reads and writes. */
  readonly input?: string;
  readonly output?: string;
}

interface Placed {
  readonly address: string;
  readonly name: string;
  readonly use: "read" | "write";
}

const FILES_MAX = 10_000;
const ADDRESS = /\b(?:obs|s3a?|s3n|swift|hdfs|webhdfs|maprfs|manila):\/\/[^\s,;|'"]+/g;
const PATTERN = /[*?[{]/;
/** Checksums that Hadoop's local file system lays beside what it writes. */
const CHECKSUM = /(?:^|\/)\.[^/]*\.crc$/;

/** The folder of an attempt, for a program that runs in it. */
export function folderStage(folder: AttemptFolder): Stage {
  const { write, place, makeParents } = folder;
  return {
    nameOf: (name) => join(folder.path, name),
    write,
    place,
    makeParents,
    list: async (name) => ((await isWithin(folder, name)) ? await folder.list(name) : []),
    open: async (name) => ((await isWithin(folder, name)) ? await folder.open(name) : undefined),
    isNative: () => false,
  };
}

/** A folder of a file system of a cluster, such as `hdfs://host/user/azalai/staging/key`. */
export function bucketStage(files: Buckets, base: string, isNative: (address: string) => boolean): Stage {
  const at = (name: string) => `${base}/${name}`;
  return {
    nameOf: at,
    write: async (name, content) => await files.write(at(name), content),
    place: async () => false,
    makeParents: async () => undefined,
    list: async (name) => {
      const below = await files.list(at(name));
      if (below.length > 0) return below.map((path) => path.slice(base.length + 1));
      return (await files.exists(at(name))) ? [name] : [];
    },
    open: async (name) => await files.open(at(name)),
    isNative,
  };
}

/**
 * Brings what the work reads to the stage. An address is read where something lies there, and else written; the run's own
 * output is always written. @throws Fault `reference-invalid` for an input where nothing lies, and for an address that
 * neither this server nor the program can reach.
 */
export async function placesOf(
  work: Work,
  stage: Stage,
  context: WorkContext,
  options: PlaceOptions,
): Promise<PlacedWork> {
  const input = work.places?.input?.url ?? options.input;
  const output = work.places?.output?.url ?? options.output;
  const placed = await Promise.all(
    addressesOf(work, options, [input, output]).map((address) =>
      placeOne(address, { input, output }, stage, context.buckets),
    ),
  );
  const found = placed.filter((one) => one !== undefined);
  await fetchInputs(found, stage, context);
  const written = found.filter(({ use }) => use === "write");
  for (const { name } of written) await stage.makeParents(name);
  const localize = localizer(found, stage);
  const named = {
    ...(input !== undefined && { input: localize(withoutSlash(input)) }),
    ...(output !== undefined && { output: localize(withoutSlash(output)) }),
  };
  const fill = (text: string) => fillPlaces(localize(text), named);
  return {
    ...named,
    args: work.args.map(fill),
    configs: mapTexts(work.configs, fill),
    params: mapTexts(work.params, fill),
    environment: {
      ...mapTexts(work.environment, fill),
      ...(named.input !== undefined && { AZALAI_INPUT: named.input }),
      ...(named.output !== undefined && { AZALAI_OUTPUT: named.output }),
    },
    outputIsThere: output !== undefined && isBucketPath(output) && (await context.buckets.exists(output)),
    localize,
    publish: async () => {
      for (const one of written) await publish(one, stage, context);
    },
  };
}

/**
 * Runs a command between what it reads and what it leaves: its arguments and its environment name the run's data sources
 * by their places in the folder. Work without data sources runs as it is.
 */
export async function runPlaced(
  work: Work,
  folder: AttemptFolder,
  context: WorkContext,
  body: (placed: Work) => Promise<Outcome>,
): Promise<Outcome> {
  const { input, output, named = [] } = work.places ?? {};
  if (input === undefined && output === undefined && named.length === 0) return await body(work);
  const placed = await placesOf(work, folderStage(folder), context, { addresses: "data-sources" });
  const outcome = await body({ ...work, args: placed.args, environment: placed.environment });
  if (outcome.state === "succeeded") await placed.publish();
  return outcome;
}

/** Statements with `${name}` filled from `params`; other names stay, for the engine or as they are. */
export function fillStatements(text: string, params: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{([A-Za-z_][\w.-]*)\}/g, (whole, name: string) =>
    Object.hasOwn(params, name) ? (params[name] ?? whole) : whole,
  );
}

/** `${input}` and `${output}`, in small or capital letters. */
function fillPlaces(text: string, { input, output }: { input?: string; output?: string }): string {
  return text.replace(
    /\$\{(?:(input)|output)\}/gi,
    (whole, isInput?: string) => (isInput === undefined ? output : input) ?? whole,
  );
}

function addressesOf(
  work: Work,
  { addresses, texts = [] }: PlaceOptions,
  ends: readonly (string | undefined)[],
): string[] {
  const own = [work.configs, work.params, work.environment].flatMap((record) => Object.values(record ?? {}));
  const found = [...work.args, ...own, ...texts].flatMap((text) => text.match(ADDRESS) ?? []);
  const { input, output, named = [] } = work.places ?? {};
  const sources = [input, output, ...named].flatMap((place) => place?.url ?? []);
  const counted =
    addresses === "all" ? found : found.filter((one) => sources.some((url) => isUnder(one, url)));
  return [...new Set([...ends.filter((end) => end !== undefined), ...counted])];
}

async function placeOne(
  address: string,
  { input, output }: { readonly input: string | undefined; readonly output: string | undefined },
  stage: Stage,
  buckets: Buckets,
): Promise<Placed | undefined> {
  if (stage.isNative(address)) return undefined;
  if (!isBucketPath(address))
    throw new Fault(
      "invalid",
      "reference-invalid",
      `${address} cannot be reached from here: a cluster that has it must run the work.`,
    );
  if (output !== undefined && isUnder(address, output) && address !== input)
    return { address, name: localName("out", address), use: "write" };
  const folder = folderOfPattern(address);
  if (folder !== undefined) return { address: folder, name: localName("in", folder), use: "read" };
  if (address === input || (await buckets.exists(address)))
    return { address, name: localName("in", address), use: "read" };
  return { address, name: localName("out", address), use: "write" };
}

/** The folders before the first part that is a pattern; undefined for an address without one. */
function folderOfPattern(address: string): string | undefined {
  const parts = address.split("/");
  const first = parts.findIndex((part, place) => place > 2 && PATTERN.test(part));
  return first === -1 ? undefined : parts.slice(0, first).join("/");
}

async function fetchInputs(places: readonly Placed[], stage: Stage, context: WorkContext): Promise<void> {
  const { buckets, signal, log } = context;
  const files = await findInputs(places, buckets);
  for (const [name, path] of files) {
    signal.throwIfAborted();
    const local = await buckets.localPath(path);
    if (local !== undefined && (await stage.place(name, local))) continue;
    await stage.write(name, await buckets.open(path));
  }
  if (files.size > 0) log(`[fetched ${countFiles(files.size)} of buckets]\n`);
}

/** By name: one file may be asked for twice. */
async function findInputs(places: readonly Placed[], buckets: Buckets): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const { address, use } of places) {
    if (use === "write") continue;
    const below = await buckets.list(withoutSlash(address));
    for (const path of below.length > 0 ? below : [address]) files.set(localName("in", path), path);
  }
  if (files.size <= FILES_MAX) return files;
  throw new Fault(
    "too-large",
    "reference-invalid",
    `The work reads ${files.size} files of buckets; at most ${FILES_MAX} are fetched.`,
  );
}

function countFiles(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

/** Whole before older files go: who reads meanwhile finds either, or both. */
async function publish({ address, name }: Placed, stage: Stage, context: WorkContext): Promise<void> {
  const { buckets, signal, log } = context;
  const base = withoutSlash(address);
  const older = await buckets.list(base);
  const written = new Set<string>();
  for (const file of await stage.list(name)) {
    signal.throwIfAborted();
    const content = CHECKSUM.test(file) ? undefined : await stage.open(file);
    if (content === undefined) continue;
    const target = `${base}${file.slice(name.length)}`;
    await buckets.write(target, content);
    written.add(target);
  }
  if (written.size === 0) return;
  for (const path of older) if (!written.has(path)) await buckets.remove(path);
  log(`[published ${countFiles(written.size)} to ${base}]\n`);
}

/** The longest address first: one may begin as another does. */
function localizer(places: readonly Placed[], stage: Stage): (text: string) => string {
  const known = places.toSorted((one, other) => other.address.length - one.address.length);
  const nameOf = (address: string) => {
    const place = known.find((one) => isUnder(address, one.address));
    return place === undefined
      ? address
      : stage.nameOf(place.name) + address.slice(withoutSlash(place.address).length);
  };
  return (text) => text.replace(ADDRESS, nameOf);
}

function isUnder(address: string, folder: string): boolean {
  const base = withoutSlash(folder);
  return address === base || address.startsWith(`${base}/`);
}

function mapTexts(
  texts: Readonly<Record<string, string>> | undefined,
  change: (text: string) => string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(texts ?? {}).map(([name, text]) => [name, change(text)]));
}

/** A program may have put a link to another folder on the way: what lies there is not its own. */
async function isWithin({ path }: AttemptFolder, name: string): Promise<boolean> {
  const [root, target] = await Promise.all(
    [path, join(path, name)].map((one) => realpath(one).catch(() => undefined)),
  );
  return root !== undefined && target === join(root, name);
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, "");
}
