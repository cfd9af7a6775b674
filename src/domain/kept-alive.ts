/** How nodes of real-time jobs are kept alive: each exit is followed by another try, later and later, within a bound. */

import { type JobSettings, readNodeSettings, SETTING_DEFAULTS } from "./job-settings.ts";
import type { NodeRunState } from "./states.ts";

export interface KeepRules {
  /** A try that has lived so long is up: the nodes behind it begin. */
  readonly upMs: number;
  /** Whether an end without fault is followed by another try. */
  readonly restart: "always" | "on-failure";
  /** Most restarts within a window; one more, and the node is held until somebody acts. */
  readonly restartsMax: number;
  readonly windowMs: number;
  /** How long a node that is to stop may take, before it is killed. */
  readonly stopGraceMs: number;
}

/** What is remembered of a node's restarts. */
export interface Restarts {
  /** Exits in a row, none of which followed a healthy life. */
  readonly tries: number;
  /** When the present window began; null before the first exit. */
  readonly windowAt: Date | null;
  readonly inWindow: number;
}

/** The next try of a node that is held: somebody has to act before. */
export const HELD_UNTIL = new Date("9999-01-01T00:00:00Z");

const FIRST_DELAY_MS = 1_000;
const DELAY_MAX_MS = 60_000;
/** A try that lived so long was healthy: the delays begin anew. */
const HEALTHY_MS = 60_000;
/** Part of a delay that chance adds, so that nodes which fell together do not rise together. */
const JITTER = 0.2;
/** Beyond this many tries the delay no longer grows, and neither does the count. */
const TRIES_COUNTED_MAX = 20;

/** A node's own settings win over its job's. */
export function keepRulesOf(
  jobSettings: JobSettings | undefined,
  properties: Readonly<Record<string, string>>,
): KeepRules {
  const settings = { ...SETTING_DEFAULTS, ...jobSettings, ...readNodeSettings(properties).settings };
  return {
    upMs: settings.upSeconds * 1000,
    restart: settings.restart,
    restartsMax: settings.restartsMax,
    windowMs: settings.restartWindowSeconds * 1000,
    stopGraceMs: settings.stopGraceSeconds * 1000,
  };
}

/**
 * What follows an exit: the next try 1 s later, doubled for each exit in a row up to 60 s, and a little by chance; no
 * `readyAt` when the window has had all its restarts. `random` is from 0 to below 1.
 */
export function afterExit(
  before: Restarts,
  { began, ended, random }: { readonly began: Date; readonly ended: Date; readonly random: number },
  rules: KeepRules,
): Restarts & { readonly readyAt?: Date } {
  const now = ended.getTime();
  const tries = now - began.getTime() >= HEALTHY_MS ? 0 : before.tries;
  const open = before.windowAt !== null && now - before.windowAt.getTime() < rules.windowMs;
  const inWindow = (open ? before.inWindow : 0) + 1;
  const after = {
    tries: Math.min(tries + 1, TRIES_COUNTED_MAX),
    windowAt: open ? before.windowAt : ended,
    inWindow,
  };
  if (inWindow > rules.restartsMax) return after;
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** tries, DELAY_MAX_MS) * (1 + JITTER * random);
  return { ...after, readyAt: new Date(now + Math.round(delayMs)) };
}

/** What a kept node does, for people. */
export type LiveState = "waiting" | "starting" | "up" | "restarting" | "held" | NodeRunState;

/** `waiting` for those before it, `restarting` after an exit, `held` until somebody acts; else its node run's state. */
export function liveStateOf(run: {
  readonly state: NodeRunState;
  readonly attempt: number;
  readonly startedAt: Date | null;
  readonly upAt: Date | null;
  readonly readyAt: Date | null;
}): LiveState {
  const { state, attempt, startedAt, upAt, readyAt } = run;
  if (state === "running")
    return upAt !== null && startedAt !== null && upAt >= startedAt ? "up" : "starting";
  if (state !== "ready") return state;
  if (readyAt !== null && readyAt >= HELD_UNTIL) return "held";
  return attempt === 0 ? "starting" : "restarting";
}
