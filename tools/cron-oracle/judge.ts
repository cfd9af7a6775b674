/** Holds our cron evaluator against what Quartz answered, and tells a difference that we want from one that we do not. */
import { nextFire, parseCron } from "../../src/domain/cron.ts";
import { offsetAt, spanAt } from "../../src/domain/zone.ts";

/** One expression in one zone, with instants and what Quartz answered. */
export interface Vector {
  /** What is special about the expression, such as `plain LW year`. */
  readonly kind: string;
  readonly expression: string;
  readonly zone: string;
  readonly pairs: readonly Pair[];
}

/** Milliseconds since 1970. */
export interface Pair {
  readonly after: number;
  /** The first fire strictly later; infinite when Quartz finds none. */
  readonly next: number;
}

/**
 * `same`: we answer as Quartz does. `policy`: the earlier of the two answers lies where a clock change takes a time or
 * gives it twice, for which docs/decisions/0003 has a rule of its own. `wrong`: anything else.
 */
export type Verdict = "same" | "policy" | "wrong";

/** Nothing of ours fires later (cron.ts). */
const END = Date.UTC(2100, 0, 1);

/** Reads a line of CronPairs.java. */
export function readVector(line: string): Vector {
  const [kind = "", expression = "", zone = "", ...pairs] = line.split("\t");
  return { kind, expression, zone, pairs: pairs.map(readPair) };
}

function readPair(text: string): Pair {
  const [after, next] = text.split("=");
  return { after: Number(after) * 1000, next: next === "-" ? Number.POSITIVE_INFINITY : Number(next) * 1000 };
}

/** A verdict for each pair of the vector, with our own answer. */
export function judge({ expression, zone, pairs }: Vector): { verdict: Verdict; ours: number }[] {
  const cron = parseCron(expression);
  if ("problems" in cron) return pairs.map(() => ({ verdict: "wrong", ours: Number.NaN }));
  return pairs.map(({ after, next }) => {
    const ours = nextFire(cron, zone, after) ?? Number.POSITIVE_INFINITY;
    const same = ours === next || Math.min(ours, next) >= END;
    if (same) return { verdict: "same", ours };
    return { verdict: isNearChange(zone, Math.min(ours, next)) ? "policy" : "wrong", ours };
  });
}

/** Whether the clock skipped or repeated the instant, or does so a moment later: no further away than it is moved. */
function isNearChange(zone: string, instant: number): boolean {
  const { start, end } = spanAt(zone, instant);
  return [start, end].some((change) => {
    if (!Number.isFinite(change)) return false;
    return Math.abs(instant - change) <= Math.abs(offsetAt(zone, change) - offsetAt(zone, change - 1));
  });
}
