/** What nodes hand over to clusters: kept from one try to the next, and ended there where its node ended without it. */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../domain/fault.ts";
import type { Observe } from "../domain/observation.ts";
import type { ServiceKind, Submission, Submissions } from "../operators/operator.ts";
import { findRound, holdClaim, type RoundKey } from "../store/child-instances.ts";
import { type DatabasePool, transaction } from "../store/database.ts";
import type { Claim } from "../store/node-runs.ts";
import {
  endSubmission,
  hasEarlierSubmission,
  listOrphanedSubmissions,
  markReserved,
  markSubmitted,
  noteLogOffsets,
  openSubmission,
  type StoredSubmission,
} from "../store/submissions.ts";
import { insist, isGivenUp } from "./insistence.ts";
import { createLoop, type Loop } from "./loop.ts";

/**
 * Tells the cluster to end a submission, and says what is known of it: it runs no more, may go on, or is unknown to the
 * cluster, which answers. Never rejects for what the cluster says, or where it does not answer (`going`).
 */
export type CancelSubmission = (submission: StoredSubmission) => Promise<"ended" | "going" | "forgotten">;

export interface SubmissionDeps {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
  readonly cancelSubmission: CancelSubmission;
}

/** What of an attempt its submissions need. */
export interface SubmittingAttempt {
  readonly claim: Claim;
  readonly signal: AbortSignal;
  /** Resolves when what was logged so far is where readers find it. */
  readonly flushed: () => Promise<void>;
  /** Its work began then, perhaps in an earlier try. */
  readonly onBegun: (at: Date) => void;
}

export interface EngineSubmissions {
  readonly of: (attempt: SubmittingAttempt) => Submissions;
  /** Ends on its cluster what has outlived its node. */
  readonly loop: Loop;
  /** Gives up what still waits for the database, which is about to go. */
  readonly close: () => void;
}

const SWEEP_MS = 5_000;
const SWEEP_MAX = 500;
/** A request may still be under way to a cluster that does not know of it yet. */
const FORGOTTEN_MS = 60_000;
const EARLIER_POLL_MS = 500;
/** Of the offsets: so much of a log may stand twice after a loss. */
const NOTE_MS = 2_000;

export function createSubmissions(deps: SubmissionDeps): EngineSubmissions {
  const { pool, now, observe } = deps;
  let closed = false;

  const asked = <Value>(signal: AbortSignal, ask: () => Promise<Value>): Promise<Value> =>
    insist({ observe, loop: "submissions", isOver: () => closed || isGivenUp(signal) }, ask);

  const loop = createLoop(
    "submissions",
    async () => {
      await endOrphans(deps);
      return SWEEP_MS;
    },
    observe,
  );

  /** What the node handed over before runs no more: two pieces of its work never run at a time. */
  async function waitForEarlier(round: RoundKey, signal: AbortSignal): Promise<void> {
    while (await asked(signal, () => hasEarlierSubmission(pool, round))) {
      loop.wake();
      await delay(EARLIER_POLL_MS, undefined, { signal });
    }
  }

  async function open(
    attempt: SubmittingAttempt,
    place: { readonly clusterId: string; readonly service: ServiceKind },
  ): Promise<Submission> {
    const { claim, signal } = attempt;
    const round = await asked(signal, () => findRound(pool, claim));
    await waitForEarlier(round, signal);
    const key = randomBytes(16).toString("hex");
    const stored = await asked(signal, () => openSubmission(pool, round, { ...place, key, at: now() }));
    attempt.onBegun(stored.begunAt);
    return submissionOf(deps, attempt, stored, (ask) => asked(signal, ask));
  }

  return {
    of: (attempt) => ({ open: (place) => open(attempt, place) }),
    loop,
    close: () => {
      closed = true;
    },
  };
}

function submissionOf(
  { pool, now, observe }: SubmissionDeps,
  { claim, flushed }: SubmittingAttempt,
  { key, handle, logOffsets, submittedAt }: StoredSubmission,
  asked: (ask: () => Promise<void>) => Promise<void>,
): Submission {
  let noted: Readonly<Record<string, number>> | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function writeOffsets(): Promise<void> {
    timer = undefined;
    const offsets = noted;
    noted = undefined;
    if (offsets === undefined) return;
    try {
      await flushed();
      await noteLogOffsets(pool, key, offsets, claim.fence);
    } catch (error) {
      observe({ event: "loop-failed", loop: "submission-logs", error });
    }
  }

  async function end(state: "ended" | "abandoned"): Promise<void> {
    clearTimeout(timer);
    await writeOffsets();
    await asked(async () => void (await endSubmission(pool, key, { state, at: now(), fence: claim.fence })));
  }

  return {
    key,
    handle: handle ?? undefined,
    submitted: submittedAt !== null,
    logOffsets,
    reserved: (reserved, engineId) =>
      asked(() =>
        transaction(pool, async (db) => {
          if ((await holdClaim(db, claim)) === undefined)
            throw new Fault("unavailable", "server-unavailable", "the node is not this attempt's any more");
          await markReserved(db, key, reserved, engineId);
        }),
      ),
    wasSubmitted: (submitted, engineId) =>
      asked(() =>
        markSubmitted(pool, key, {
          handle: submitted,
          ...(engineId !== undefined && { engineId }),
          at: now(),
          fence: claim.fence,
        }),
      ),
    noteLogs: (offsets) => {
      noted = { ...offsets };
      timer ??= setTimeout(() => void writeOffsets(), NOTE_MS).unref();
    },
    ended: () => end("ended"),
    abandoned: () => end("abandoned"),
  };
}

/** Those of one cluster one after the other, until it does not answer; clusters side by side. */
async function endOrphans(deps: SubmissionDeps): Promise<void> {
  const byCluster = Map.groupBy(
    await listOrphanedSubmissions(deps.pool, SWEEP_MAX),
    ({ projectId, clusterId }) => `${projectId}/${clusterId}`,
  );
  await Promise.all(
    [...byCluster.values()].map(async (orphans) => {
      for (const orphan of orphans) await endOrphan(deps, orphan);
    }),
  );
}

async function endOrphan(
  { pool, now, observe, cancelSubmission }: SubmissionDeps,
  orphan: StoredSubmission,
): Promise<void> {
  const fate = orphan.handle === null ? "ended" : await cancelSubmission(orphan);
  if (fate === "going") return;
  const age = now().getTime() - (orphan.submittedAt ?? orphan.begunAt).getTime();
  if (fate === "forgotten" && age < FORGOTTEN_MS) return;
  const { projectId, clusterId, service, key } = orphan;
  if (await endSubmission(pool, key, { state: fate === "ended" ? "ended" : "abandoned", at: now() }))
    observe({ event: "submission-ended", projectId, clusterId, service, key, fate });
}
