/** Nodes of real-time jobs: they are to live for ever, so each exit is followed by another try, later and later. */
import type { AttemptOutcome } from "../domain/states.ts";
import type { InstanceFacts } from "./definitions.ts";

const FIRST_DELAY_MS = 1_000;
const DELAY_MAX_MS = 60_000;
/** A try that lived so long was healthy: the delays begin anew. */
const HEALTHY_MS = 60_000;
/** Part of a delay that chance adds, so that nodes which fell together do not rise together. */
const JITTER = 0.2;
/** Beyond this many tries the delay no longer grows, and neither does the count. */
const TRIES_COUNTED_MAX = 20;

/** Whether the instance's nodes are kept alive until they are stopped. */
export function isKeptAlive({ instance }: InstanceFacts): boolean {
  return instance.origin === "stream";
}

/** When a node that exited is tried again: 1 s later, doubled for each exit in a row up to 60 s, and a little by chance. */
export function nextStreamTry(
  { now, random }: { readonly now: () => Date; readonly random: () => number },
  tries: number,
  began: Date,
): { outcome: AttemptOutcome; readyAt: Date; triesAdded: number } {
  const ended = now().getTime();
  const before = ended - began.getTime() >= HEALTHY_MS ? 0 : tries;
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** before, DELAY_MAX_MS) * (1 + JITTER * random());
  const after = Math.min(before + 1, TRIES_COUNTED_MAX);
  return { outcome: "exited", readyAt: new Date(ended + Math.round(delayMs)), triesAdded: after - tries };
}
