/** Tells the outside of attempts: when each began and ended, and, of some, how long they had been ready. */
import type { Instance } from "../domain/instance.ts";
import type { Observe } from "../domain/observation.ts";
import type { DatabasePool } from "../store/database.ts";
import { listReadyTimes } from "../store/load.ts";
import type { Claim } from "../store/node-runs.ts";
import type { InstanceFacts } from "./definitions.ts";
import type { Exit } from "./kept-alive.ts";
import type { Settlement } from "./settle.ts";

export interface AttemptWatch {
  /** To be called with what one call claimed, when it begins. */
  readonly claimed: (claims: readonly Claim[]) => void;
  /** To be called when an attempt begins; gives what is to be called at its end. */
  readonly began: (
    claim: Claim,
    facts: InstanceFacts | undefined,
  ) => (settlement: Settlement | Exit | undefined) => void;
}

/** The wait is looked up at most so often: always while there is little to do, and of a fair part while there is much. */
const SAMPLE_MS = 100;

export function createAttemptWatch({
  pool,
  now,
  observe,
}: {
  readonly pool: DatabasePool;
  readonly now: () => Date;
  readonly observe: Observe;
}): AttemptWatch {
  let sampledAt = Number.NEGATIVE_INFINITY;

  async function sample(claims: readonly Claim[], began: Date): Promise<void> {
    try {
      const times = await listReadyTimes(pool, claims);
      observe({
        event: "dispatch-sampled",
        milliseconds: times.map((readyAt) => Math.max(0, began.getTime() - readyAt.getTime())),
      });
    } catch (error) {
      observe({ event: "loop-failed", loop: "dispatch-sample", error });
    }
  }

  return {
    claimed: (claims) => {
      const began = now();
      if (claims.length === 0 || Math.abs(began.getTime() - sampledAt) < SAMPLE_MS) return;
      sampledAt = began.getTime();
      void sample(claims, began);
    },
    began: (claim, facts) => {
      const { projectId, instanceId, nodeNo, attempt, lane } = claim;
      const node = facts?.pinned?.nodes[nodeNo];
      const which = { projectId, instanceId, node: node?.name ?? `${nodeNo}`, attempt, lane };
      const startedAt = now();
      observe({ event: "attempt-started", ...which });
      if (facts !== undefined && isFirstOfPlanned(claim, facts.instance)) {
        const { jobId, plannedAt } = facts.instance;
        const lateMilliseconds = Math.max(0, startedAt.getTime() - plannedAt.getTime());
        observe({ event: "planned-run-started", projectId, jobId, plannedAt, lateMilliseconds });
      }
      return (settlement) =>
        observe({
          event: "attempt-ended",
          ...which,
          nodeNo,
          rerun: facts?.instance.reruns ?? 0,
          outcome: settlement?.type ?? "lost",
          startedAt,
          endedAt: now(),
          ...(settlement !== undefined &&
            "message" in settlement &&
            settlement.message !== undefined && { message: settlement.message }),
        });
    },
  };
}

/** The first node's first try, of a planned run that had not to wait for other runs. */
function isFirstOfPlanned({ nodeNo, attempt }: Claim, { origin, createdAt, startedAt }: Instance): boolean {
  return (
    nodeNo === 0 &&
    attempt === 1 &&
    origin === "schedule" &&
    startedAt !== null &&
    startedAt.getTime() === createdAt.getTime()
  );
}
