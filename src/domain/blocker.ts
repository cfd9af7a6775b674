/** What keeps something from running, exactly enough to act on it, and in words. */
import type { Lane } from "./instance.ts";
import type { DependencyFailPolicy } from "./schedule.ts";
import type { InstanceState, NodeRunState } from "./states.ts";

/** A node run, or a whole run where `node` is absent, that has what is waited for. */
export interface Holder {
  readonly instanceId: number;
  readonly jobName: string;
  readonly node?: string;
  readonly since: Date | null;
}

/** Who did something, and when; absent where the audit trail does not reach back so far. */
export interface Doer {
  readonly by: string;
  readonly at: Date;
}

/** One reason. Those with `node` concern this node of the instance, the others the whole of what was asked about. */
export type Blocker =
  /** A run of another job, or the own previous one, that is not there, not ended, or ended badly. */
  | {
      readonly kind: "dependency";
      readonly jobName: string;
      readonly workspaceId: string;
      /** Null while the runs that count are being looked up. */
      readonly plannedAt: Date | null;
      /** Null as long as there is no such run. */
      readonly instanceId: number | null;
      readonly instanceState: InstanceState | null;
      readonly failPolicy: DependencyFailPolicy;
      /** What was found in place of a success; null while it may still come. */
      readonly reason: string | null;
    }
  /** A run of a job in a workspace that does not exist for whoever asks. */
  | { readonly kind: "hidden-dependency" }
  /** As many runs of the schedule as may run at a time. */
  | { readonly kind: "overlap"; readonly most: number; readonly holders: readonly Holder[] }
  | { readonly kind: "frozen"; readonly doer?: Doer }
  /** `pausedWith`: the instance whose node began it, and whose pause has paused it too. */
  | { readonly kind: "paused"; readonly doer?: Doer; readonly pausedWith?: number }
  /** A node failed under the SUSPEND policy: somebody has to decide. */
  | { readonly kind: "suspended"; readonly message: string | null }
  | { readonly kind: "node-held"; readonly node: string; readonly doer?: Doer }
  | {
      readonly kind: "predecessors";
      readonly node: string;
      readonly unended: readonly { readonly node: string; readonly state: NodeRunState }[];
    }
  /** It failed and is tried again. */
  | {
      readonly kind: "retry";
      readonly node: string;
      readonly notBefore: Date;
      readonly message: string | null;
    }
  /** It ended too often in a short time, and is not begun again before somebody wants it. */
  | { readonly kind: "restarts-held"; readonly node: string; readonly message: string | null }
  /** No free slot of a limit. */
  | {
      readonly kind: "limit";
      readonly node: string;
      readonly limitId: number;
      readonly what: string;
      readonly slots: number;
      readonly holders: readonly Holder[];
      /** So many more lie where whoever asks may not look. */
      readonly hidden?: number;
    }
  /** No server takes work at all. */
  | { readonly kind: "no-worker"; readonly node: string }
  /** The servers' own slots are in use, or it is about to be taken. */
  | {
      readonly kind: "servers-busy";
      readonly node: string;
      readonly lane: Lane;
      readonly running: number;
      readonly workers: number;
      readonly holders: readonly Holder[];
    }
  | { readonly kind: "not-in-operation" }
  | { readonly kind: "schedule-paused"; readonly doer: Doer }
  | { readonly kind: "not-due"; readonly nextAt: Date }
  | { readonly kind: "nothing-follows" }
  | { readonly kind: "no-event"; readonly channel: string }
  | { readonly kind: "events-paused"; readonly channel: string; readonly reason: string | null }
  | { readonly kind: "events-unreachable"; readonly channel: string; readonly reason: string }
  /** Of a backfill: no server plans at all. */
  | { readonly kind: "no-scheduler" }
  /** Its times are not all in the ledger yet. */
  | { readonly kind: "planning" }
  /** Nothing more is started; what runs is waited for. */
  | { readonly kind: "ending"; readonly reason: string | null; readonly holders: readonly Holder[] }
  /** As many of its runs, or of its days, run as may. */
  | {
      readonly kind: "parallel";
      readonly most: number;
      readonly unit: "run" | "day";
      readonly holders: readonly Holder[];
    }
  | { readonly kind: "run-window"; readonly opensAt: Date }
  /** A planned time waits for runs of the backfill from `from` on: of another of its jobs, or the own previous one. */
  | {
      readonly kind: "order";
      readonly jobName: string;
      readonly plannedAt: Date;
      readonly upstreamName: string;
      readonly from: Date;
    };

/** What may not be told of: workspaces that do not exist for whoever asks, and runs there. */
export interface Hidden {
  readonly workspaces: readonly string[];
  readonly instances: ReadonlySet<number>;
}

/** The runs that a blocker tells of. */
export function instancesOf(blocker: Blocker): number[] {
  return "holders" in blocker ? blocker.holders.map(({ instanceId }) => instanceId) : [];
}

/** The blocker as it is told to somebody from whom something is hidden: that it is there, and how much holds it. */
export function hide(blocker: Blocker, { workspaces, instances }: Hidden): Blocker {
  if (blocker.kind === "dependency" && workspaces.includes(blocker.workspaceId))
    return { kind: "hidden-dependency" };
  if (!("holders" in blocker)) return blocker;
  const holders = blocker.holders.filter(({ instanceId }) => !instances.has(instanceId));
  const hidden = blocker.holders.length - holders.length;
  return { ...blocker, holders, ...(blocker.kind === "limit" && { hidden }) };
}

/** The blocker as one sentence. Times are UTC. */
export function sentenceOf(blocker: Blocker): string {
  switch (blocker.kind) {
    case "dependency":
      return dependencySentence(blocker);
    case "hidden-dependency":
      return "It waits for a run of a job in a workspace that is closed to you.";
    case "overlap":
      return `${blocker.holders.length} runs of its schedule are under way, and ${blocker.most} may be: ${named(blocker.holders)}.`;
    case "frozen":
      return `It was frozen${done(blocker.doer)}; unfreeze it to let it run.`;
    case "paused":
      return blocker.pausedWith === undefined
        ? `It was paused${done(blocker.doer)}; resume it to let it go on.`
        : `It was paused with instance ${blocker.pausedWith}, which began it${done(blocker.doer)}; it goes on with that one.`;
    case "suspended":
      return `It waits for a decision: ${blocker.message ?? "a node failed"}. Rerun it, skip the node, or stop it.`;
    case "node-held":
      return `Node "${blocker.node}" is held back${done(blocker.doer)}; resume the node to let it start.`;
    case "predecessors":
      return `Node "${blocker.node}" waits for ${blocker.unended.map(({ node, state }) => `"${node}" (${state})`).join(", ")}.`;
    case "retry":
      return `Node "${blocker.node}" is tried again at ${time(blocker.notBefore)}, because it failed: ${blocker.message ?? "no reason given"}.`;
    case "restarts-held":
      return `Node "${blocker.node}" ended too often and is held: ${blocker.message ?? "no reason given"}. Retry the node to begin it again.`;
    case "limit":
      return `Node "${blocker.node}" finds no free slot of ${blocker.what} (${blocker.slots}); in use by ${named(blocker.holders, blocker.hidden)}.`;
    case "no-worker":
      return `Node "${blocker.node}" is ready, but no server with the role worker is running.`;
    case "servers-busy":
      return `Node "${blocker.node}" is ready and waits for a slot of ${count(blocker.workers, "server")}: ${count(blocker.running, "node")} of the kind "${blocker.lane}" ${blocker.running === 1 ? "runs" : "run"}${blocker.holders.length > 0 ? `, the longest ${named(blocker.holders)}` : ""}.`;
    case "not-in-operation":
      return "The job is not in operation; start it to have it scheduled.";
    case "schedule-paused":
      return `Its schedule was paused${done(blocker.doer)}; resume the schedule.`;
    case "not-due":
      return `Its next time is ${time(blocker.nextAt)}.`;
    case "nothing-follows":
      return "Its schedule has no further time.";
    case "no-event":
      return `It runs when something arrives at ${blocker.channel}; nothing new has.`;
    case "events-paused":
      return `Its events from ${blocker.channel} are paused: ${blocker.reason ?? "no reason given"}.`;
    case "events-unreachable":
      return `Its source ${blocker.channel} could not be read: ${blocker.reason}.`;
    case "no-scheduler":
      return "No server with the role scheduler is running.";
    case "planning":
      return "Its times are being written into the ledger.";
    case "ending":
      return `Nothing more is started: ${blocker.reason ?? "it ends"}${among(blocker.holders, "; it waits for")}.`;
    case "parallel":
      return `It may run ${count(blocker.most, blocker.unit)} at a time${among(blocker.holders, ", and does:")}.`;
    case "run-window":
      return `It starts runs in its window alone, which opens at ${time(blocker.opensAt)}.`;
    case "order":
      return `The run of "${blocker.jobName}" planned for ${time(blocker.plannedAt)} waits for those of "${blocker.upstreamName}" from ${time(blocker.from)} on.`;
    default:
      return blocker satisfies never;
  }
}

function dependencySentence(blocker: Extract<Blocker, { readonly kind: "dependency" }>): string {
  const job = `"${blocker.jobName}" (workspace ${blocker.workspaceId})`;
  if (blocker.plannedAt === null) return `The runs of ${job} that it waits for are being looked up.`;
  const run = `the run of ${job} planned for ${time(blocker.plannedAt)}`;
  if (blocker.reason !== null)
    return `It is held back by ${run}: ${blocker.reason}. A success of that run lets it go on.`;
  if (blocker.instanceId === null) return `It waits for ${run}, which has not begun.`;
  return `It waits for ${run}: instance ${blocker.instanceId} is ${blocker.instanceState ?? "gone"}.`;
}

function done(doer: Doer | undefined): string {
  return doer === undefined ? "" : ` by ${doer.by} at ${time(doer.at)}`;
}

function among(holders: readonly Holder[], words: string): string {
  return holders.length === 0 ? "" : `${words} ${named(holders)}`;
}

const NAMED_MAX = 3;

function named(holders: readonly Holder[], hidden = 0): string {
  const names = holders
    .slice(0, NAMED_MAX)
    .map(({ instanceId, jobName, node }) =>
      node === undefined
        ? `instance ${instanceId} of "${jobName}"`
        : `"${node}" of instance ${instanceId} ("${jobName}")`,
    );
  const more = holders.length - names.length + hidden;
  if (names.length === 0 && more > 0) return `${count(more, "run")} in workspaces that are closed to you`;
  return names.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function time(at: Date): string {
  return at
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}
