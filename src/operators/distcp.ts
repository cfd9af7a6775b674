/** `DistCp`: files copied from one address to another, as streams through this server (sahara-v1.1 6, mrs-v1.1 8). */
import { isBucketPath } from "../domain/bucket.ts";
import { Fault } from "../domain/fault.ts";
import { refuse, settleAttempt } from "./command.ts";
import type { Operator, Outcome, Work, WorkContext } from "./operator.ts";

const FILES_MAX = 100_000;

export function createDistCpOperator(): Operator {
  return {
    types: ["DistCp"],
    lane: "process",
    run: (work, context) => settleAttempt(context.signal, () => copy(work, context)),
  };
}

/** A file goes to the very address, a folder's files below it. What is there of the same names is replaced. */
async function copy(work: Work, { buckets, signal, log }: WorkContext): Promise<Outcome> {
  const from = addressOf(work.places?.input?.url ?? work.args.at(-2) ?? "");
  const to = addressOf(work.places?.output?.url ?? work.args.at(-1) ?? "");
  if (to === from || to.startsWith(`${from}/`))
    return refuse(`DistCp would copy ${from} into itself: choose another target.`);
  const below = await buckets.list(from);
  if (below.length > FILES_MAX)
    throw new Fault(
      "too-large",
      "reference-invalid",
      `There are more than ${FILES_MAX} files under ${from}.`,
    );
  const files = below.length === 0 ? [from] : below;
  for (const file of files) {
    signal.throwIfAborted();
    const target = `${to}${file.slice(from.length)}`;
    await buckets.write(target, await buckets.open(file));
    log(`${file} -> ${target}\n`);
  }
  return { state: "succeeded", output: String(files.length) };
}

function addressOf(text: string): string {
  if (text === "") throw new Fault("invalid", "reference-invalid", "DistCp needs a source and a target.");
  if (isBucketPath(text)) return text.replace(/\/+$/, "");
  throw new Fault(
    "invalid",
    "reference-invalid",
    `${text} cannot be reached from here: a cluster that has it must copy it.`,
  );
}
