/** Claims ready node runs and runs them; what ends while a call to the database is under way goes into the next one. */
import { LANES, type Lane, type OwnLane } from "../domain/instance.ts";
import type { Observe } from "../domain/observation.ts";
import type { AbortReason } from "../operators/operator.ts";
import type { DatabasePool } from "../store/database.ts";
import { type Claim, listClaims, type PlainSuccess, type StepReply, step } from "../store/node-runs.ts";
import { type AttemptDeps, runAttempt } from "./attempt.ts";
import { createAttemptWatch } from "./attempt-watch.ts";
import type { Definitions, InstanceFacts } from "./definitions.ts";
import { type Exit, settleExit } from "./kept-alive.ts";
import { createLoop } from "./loop.ts";
import { createReadySince } from "./ready-since.ts";
import { type Moved, type Settlement, settleByModel } from "./settle.ts";
import { createShares } from "./shares.ts";

export interface WorkerDeps extends AttemptDeps {
  readonly pool: DatabasePool;
  readonly definitions: Definitions;
  /** Attempts at a time; `background` has what `process` leaves. */
  readonly slots: Slots;
  /** How often it looks by itself, for what no signal told it. */
  readonly pollMs: () => number;
  /** False while the clock is not to be trusted: nothing new is claimed then. */
  readonly mayClaim: () => boolean;
  /** How long attempts that were told to end are waited for, at most. */
  readonly abortGraceMs: number;
  readonly observe: Observe;
  /** A random whole number below 2^53 for each call that claims. */
  readonly newFence: () => number;
  /** Instances that ended by a plain success. */
  readonly onEnded: (ended: StepReply["ended"]) => void;
  /** An instance that was moved by the model. */
  readonly onMoved: (moved: Moved) => void;
  /** Node runs of real-time jobs that were claimed. */
  readonly onStreamClaimed: (claims: readonly InstanceFacts[]) => void;
  /** More is ready than this server takes, or a limit has a slot for what waits elsewhere. */
  readonly onMoreReady: () => void;
}

export type Slots = Readonly<Record<OwnLane, number>>;

export interface Worker {
  /** Begins to claim, in the name of a server that is registered. */
  readonly start: (serverId: string) => void;
  readonly wake: () => void;
  /** Tells attempts of an instance to end, where they run here. */
  readonly stopInstance: (projectId: string, instanceId: number) => void;
  /** How many attempts run here. */
  readonly running: () => number;
  /** Drops all attempts without settling them, since another server may have them by now, and claims no more. */
  readonly abandon: () => Promise<void>;
  /**
   * Claims no more; after the grace time tells what still runs to end, and hands it back. Resolves when all is settled,
   * or when what ignores that has been given up: it stays in this server's hands, for others to rescue.
   */
  readonly drain: (graceMs: number) => Promise<void>;
  /** Resolves after a whole round that began later than this call. For tests. */
  readonly round: () => Promise<void>;
}

interface Attempt {
  readonly claim: Claim;
  /** Whose slot it has; undefined when its work is done and only its success is to be written. */
  lane: Lane | undefined;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Most successes that one call takes along. */
const SUCCESSES_MAX = 1_000;
/** Most node runs of a lane that one call claims. */
const CLAIMS_MAX = 1_000;
/** How soon it looks again for what another was just claiming. */
const BUSY_MS = 5;
/** How soon it looks at all that is ready, after calls that looked only at what became so of late. */
const WHOLE_LOOK_MS = 1_000;
const SETTLE_RETRY_MS = 200;
const SETTLE_RETRY_MAX_MS = 5_000;

export function createWorker(deps: WorkerDeps): Worker {
  const running = new Map<string, Attempt>();
  const used: Record<Lane, number> = { inline: 0, process: 0, stream: 0, child: 0, remote: 0, background: 0 };
  const shares = createShares(deps.now);
  const readySince = createReadySince();
  let wholeLookDue = false;
  let successes: PlainSuccess[] = [];
  /** Undefined while nothing is to be claimed. */
  let serverId: string | undefined;
  let accepting = false;
  /** Fence of a call whose claims have not begun: where its answer was lost, they have to be found before the next. */
  let unanswered: number | undefined;
  let abandoned = false;
  const timers = new Set<NodeJS.Timeout>();
  const loop = createLoop("worker", round, deps.observe);
  const watch = createAttemptWatch(deps);

  async function round(): Promise<number> {
    const server = serverId;
    if (server === undefined) return deps.pollMs();
    await findUnanswered(server);
    while (await stepOnce(server));
    return deps.pollMs();
  }

  /** One call and what follows from it; false when nothing more is to be done now. */
  async function stepOnce(server: string): Promise<boolean> {
    // The place may be lost, and another taken, while what the last call claimed was begun.
    if (serverId !== server) return false;
    const wants = accepting && deps.mayClaim() ? freeLanes() : [];
    if (successes.length === 0 && wants.length === 0) return false;
    const { reply, more } = await callStep(server, wants);
    // What was claimed for a place that is lost by now is run by whoever rescues it.
    if (serverId !== server) return false;
    await take(server, reply);
    // Attempts that end at once are gathered before the next call.
    await new Promise(setImmediate);
    return !abandoned && (successes.length > 0 || more);
  }

  async function callStep(server: string, wants: readonly { lane: Lane; want: number }[]) {
    const fence = deps.newFence();
    const batch = successes.slice(0, SUCCESSES_MAX);
    const used = shares.used(wants.map(({ lane }) => lane));
    const since = readySince.before(wants);
    const request = { now: deps.now(), serverId: server, fence, successes: batch, wants, used, since };
    unanswered = fence;
    const reply = await step(deps.pool, request);
    readySince.after(request, reply);
    if (since !== undefined) lookAtAllSoon();
    if (serverId === server) successes = successes.slice(batch.length);
    for (const { claim } of batch) release(claim);
    if (reply.ready > reply.claims.length || reply.freed) deps.onMoreReady();
    if (reply.busy) wakeIn(BUSY_MS);
    const capped = wants.some(({ lane, want }) => want === CLAIMS_MAX && freeSlots(lane) > want);
    return { reply, more: reply.more || (capped && reply.claims.length >= CLAIMS_MAX) };
  }

  function lookAtAllSoon(): void {
    if (wholeLookDue) return;
    wholeLookDue = true;
    wakeIn(WHOLE_LOOK_MS, () => {
      wholeLookDue = false;
      readySince.forget();
    });
  }

  async function findUnanswered(server: string): Promise<void> {
    if (unanswered === undefined) return;
    readySince.forget();
    await begin(server, await listClaims(deps.pool, server, unanswered));
  }

  async function take(server: string, reply: StepReply): Promise<void> {
    for (const success of reply.late) observeLate(success.claim);
    for (const success of reply.slow) void settle({ type: "succeeded", ...success });
    if (reply.ended.length > 0) deps.onEnded(reply.ended);
    await begin(server, reply.claims);
  }

  async function begin(server: string, claims: readonly Claim[]): Promise<void> {
    forgetRerun(claims);
    const facts = claims.length === 0 ? [] : await deps.definitions.factsOf(claims);
    if (serverId !== server) return;
    unanswered = undefined;
    watch.claimed(claims);
    const streams: InstanceFacts[] = [];
    for (const [index, claim] of claims.entries()) {
      const fact = facts[index];
      beginAttempt(claim, fact);
      if (fact?.instance.origin === "stream") streams.push(fact);
    }
    if (streams.length > 0) deps.onStreamClaimed(streams);
  }

  /** Not the first try, and more than retries explain: a rerun may have changed what is remembered of the instance. */
  function forgetRerun(claims: readonly Claim[]): void {
    for (const { projectId, instanceId, attempt, tries, losses } of claims)
      if (attempt > 1 + tries + losses) deps.definitions.forget(projectId, instanceId);
  }

  function beginAttempt(claim: Claim, facts: InstanceFacts | undefined): void {
    const { lane } = claim;
    const abort = new AbortController();
    used[lane] += 1;
    shares.begin(lane, claim.projectId);
    const ended = watch.began(claim, facts);
    const done = runAttempt(deps, claim, facts, abort)
      .catch((error: unknown): Settlement => failedInside(claim, error))
      .then(finish);
    running.set(keyOf(claim), { claim, lane, abort, done });

    async function finish(settlement: Settlement | Exit | undefined): Promise<void> {
      ended(abandoned ? undefined : settlement);
      if (settlement === undefined || abandoned) return release(claim);
      if (settlement.type === "succeeded") {
        freeSlot(claim);
        successes.push(settlement);
        loop.wake();
        return;
      }
      observeFailure(settlement, facts);
      await settle(settlement);
      release(claim);
      loop.wake();
    }
  }

  /** A bug of ours ends the attempt, not the server. */
  function failedInside(claim: Claim, error: unknown): Settlement {
    deps.observe({ event: "loop-failed", loop: "attempt", error });
    const message = "the server could not run it: an error of its own, which its log shows";
    return { type: "failed", claim, policy: "fail", nodeName: `${claim.nodeNo}`, message };
  }

  /** Until the database has taken it, or this server has lost its attempts. */
  async function settle(settlement: Settlement | Exit): Promise<void> {
    for (let delayMs = SETTLE_RETRY_MS; !abandoned; delayMs = Math.min(delayMs * 2, SETTLE_RETRY_MAX_MS)) {
      try {
        const { moved, nextTryAt } = await write(settlement);
        if (moved === undefined) return observeLate(settlement.claim);
        if (nextTryAt !== undefined) wakeIn(Math.max(0, nextTryAt.getTime() - deps.now().getTime()));
        return deps.onMoved(moved);
      } catch (error) {
        deps.observe({ event: "loop-failed", loop: "settle", error });
        await pause(delayMs);
      }
    }
  }

  async function write(settlement: Settlement | Exit) {
    if (settlement.type === "exited") return await settleExit(deps.pool, settlement, deps.now());
    const moved = await settleByModel(deps.pool, settlement, deps.now());
    return { moved, nextTryAt: settlement.type === "retried" ? settlement.readyAt : undefined };
  }

  function wakeIn(delayMs: number, before?: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      before?.();
      loop.wake();
    }, delayMs);
    timers.add(timer);
  }

  function freeLanes(): { lane: Lane; want: number }[] {
    return LANES.map((lane) => ({ lane, want: Math.min(freeSlots(lane), CLAIMS_MAX) })).filter(
      ({ want }) => want > 0,
    );
  }

  /** What runs in the background takes no slot away from other work. */
  function freeSlots(lane: Lane): number {
    return lane === "background"
      ? deps.slots.process - used.process - used.background
      : deps.slots[lane] - used[lane];
  }

  function release(claim: Claim): void {
    freeSlot(claim);
    running.delete(keyOf(claim));
  }

  /** The call that writes the success claims the next. */
  function freeSlot(claim: Claim): void {
    const attempt = running.get(keyOf(claim));
    if (attempt?.lane === undefined) return;
    used[attempt.lane] -= 1;
    shares.end(attempt.lane, claim.projectId);
    attempt.lane = undefined;
  }

  function observeLate({ projectId, instanceId, nodeNo, attempt }: Claim): void {
    deps.observe({ event: "late-outcome-refused", projectId, instanceId, node: `${nodeNo}`, attempt });
  }

  function observeFailure(settlement: Settlement | Exit, facts: InstanceFacts | undefined): void {
    const { type, claim, message = "" } = settlement;
    if (type !== "failed" && type !== "retried" && type !== "exited") return;
    // A real-time node that ended without fault is only begun again.
    if (message === "") return;
    const { projectId, instanceId, nodeNo, attempt } = claim;
    const node = facts?.pinned?.nodes[nodeNo]?.name ?? `${nodeNo}`;
    deps.observe({ event: "attempt-failed", projectId, instanceId, node, attempt, message });
  }

  function abortAll(reason: AbortReason): void {
    for (const { abort } of running.values()) abort.abort(reason);
  }

  async function allDone(): Promise<void> {
    while (running.size > 0 && !abandoned) {
      await Promise.all([...running.values()].map(({ done }) => done));
      if (successes.length > 0) await loop.round();
      // Also after a round, which is none once the loop has stopped: timers have to have their turn.
      await new Promise(setImmediate);
    }
  }

  return {
    start: (id) => {
      serverId = id;
      accepting = true;
      abandoned = false;
      readySince.forget();
      loop.start();
      loop.wake();
    },
    wake: () => {
      readySince.forget();
      loop.wake();
    },
    stopInstance: (projectId, instanceId) => {
      for (const { claim, abort } of running.values())
        if (claim.projectId === projectId && claim.instanceId === instanceId)
          abort.abort("stop" satisfies AbortReason);
    },
    running: () => running.size,
    abandon: async () => {
      accepting = false;
      abandoned = true;
      serverId = undefined;
      unanswered = undefined;
      abortAll("lost");
      // What outlives the wait settles nothing: its fence is gone when the node run is rescued.
      await atMost(Promise.all([...running.values()].map(({ done }) => done)), deps.abortGraceMs);
      successes = [];
      running.clear();
      for (const lane of LANES) used[lane] = 0;
      shares.clear();
    },
    drain: async (graceMs) => {
      accepting = false;
      let over = false;
      const endAll = () => {
        over = true;
        abortAll("drain");
      };
      const timer = setTimeout(endAll, graceMs);
      const ended = async () => {
        // What the round under way has claimed is begun before it is waited for, or told to end.
        await loop.round();
        if (over) endAll();
        await allDone();
      };
      await atMost(ended(), graceMs + deps.abortGraceMs);
      clearTimeout(timer);
      abandoned = running.size > 0;
      for (const pending of timers) clearTimeout(pending);
      await loop.stop();
    },
    round: loop.round,
  };
}

function keyOf({ projectId, instanceId, nodeNo, fence }: Claim): string {
  return `${projectId}/${instanceId}/${nodeNo}/${fence}`;
}

/** Resolves with the work or when the time is over, whichever is first. */
async function atMost(work: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
