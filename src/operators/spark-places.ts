/** What a Spark program on this server reads and writes: it finds at its output what lies there, and leaves there what it made of it. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../domain/fault.ts";
import type { AttemptFolder } from "./attempt-folder.ts";
import { createOutputClaim } from "./mapreduce-output.ts";
import type { Work, WorkContext } from "./operator.ts";
import type { SparkProgram } from "./spark-program.ts";
import { folderStage, type PlacedWork, placesOf } from "./work-places.ts";

export interface PlacedSparkWork {
  readonly placed: PlacedWork;
  /** After success: Fault `reference-invalid` where the program wrote where it was thought to read. */
  readonly publish: () => Promise<void>;
}

export async function placeSparkWork(
  work: Work,
  { args, confs }: SparkProgram,
  folder: AttemptFolder,
  context: WorkContext,
): Promise<PlacedSparkWork> {
  const input = work.properties.input?.trim() || undefined;
  const output = work.properties.output?.trim() || work.places?.output?.url;
  const placed = await placesOf({ ...work, args, configs: confs }, folderStage(folder), context, {
    addresses: "all",
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
  });
  const claim = createOutputClaim(work, context.buckets);
  // What an earlier try of this node left half done is begun anew.
  const isNew = output === undefined || !placed.outputIsThere || (await claim.isOwn(output));
  if (output !== undefined && !isNew) await fetchOutput(output, placed, folder, context);
  const before = await inputMarks(folder);
  return {
    placed,
    publish: async () => {
      const changed = changedName(before, await inputMarks(folder));
      if (changed !== undefined)
        throw new Fault(
          "invalid",
          "reference-invalid",
          `The program wrote at ${changed}, which its node reads: name the place as the node's output. Nothing was published.`,
        );
      if (output !== undefined && isNew) await claim.around(output, placed.publish);
      else await placed.publish();
    },
  };
}

async function fetchOutput(
  output: string,
  placed: PlacedWork,
  folder: AttemptFolder,
  { buckets, signal }: WorkContext,
): Promise<void> {
  const base = output.replace(/\/+$/, "");
  const name = (placed.output ?? "").slice(folder.path.length + 1).replace(/\/+$/, "");
  const below = await buckets.list(base);
  for (const path of below.length > 0 ? below : [base]) {
    signal.throwIfAborted();
    // A copy: the program may change it.
    await folder.write(`${name}${path.slice(base.length)}`, await buckets.open(path));
  }
}

/** Of each file that was brought here to be read, what tells whether it still is the same. */
async function inputMarks(folder: AttemptFolder): Promise<ReadonlyMap<string, string>> {
  const marks = new Map<string, string>();
  for (const name of await folder.list("in")) {
    const found = await lstat(join(folder.path, name)).catch(() => undefined);
    if (found !== undefined) marks.set(name, `${found.ino} ${found.size} ${found.mtimeMs}`);
  }
  return marks;
}

const CHECKSUM = /(?:^|\/)\.[^/]*\.crc$/;

/** The address of a file that is there in one of the two only, or in both but not the same. */
function changedName(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string | undefined {
  const names = [...before.keys(), ...after.keys()].filter((name) => !CHECKSUM.test(name));
  const changed = names.find((name) => before.get(name) !== after.get(name));
  return changed === undefined ? undefined : `obs://${changed.slice("in/".length)}`;
}
