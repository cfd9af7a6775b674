/** Everything the service tells the outside about itself: each log line is one of these. */
import type { Lane } from "./instance.ts";
import type { InstanceState } from "./states.ts";

export type Observation =
  | { readonly event: "server-started"; readonly address: string; readonly roles: readonly string[] }
  | { readonly event: "server-draining"; readonly running: number }
  | { readonly event: "server-stopped" }
  /** The machine's clock is so far from the database's that this server takes no work. */
  | { readonly event: "clock-apart"; readonly milliseconds: number }
  /** No answer for so long that this server gives its work up. */
  | { readonly event: "database-silent"; readonly milliseconds: number }
  | { readonly event: "database-started"; readonly folder: string; readonly adopted: boolean }
  | { readonly event: "database-connection-lost"; readonly error: unknown }
  | { readonly event: "migration-applied"; readonly name: string; readonly milliseconds: number }
  | {
      readonly event: "request-failed";
      readonly requestId: string;
      readonly method: string;
      readonly path: string;
      readonly error: unknown;
    }
  | {
      readonly event: "request-done";
      readonly requestId: string;
      /** Absent for health, and for paths of no face. */
      readonly face?: string;
      readonly method: string;
      readonly path: string;
      readonly status: number;
      readonly milliseconds: number;
    }
  | { readonly event: "authentication-refused"; readonly reason: string; readonly address: string }
  /** By somebody who asked for it. */
  | {
      readonly event: "instance-started";
      readonly projectId: string;
      readonly instanceId: number;
      readonly by: string;
    }
  | {
      readonly event: "instance-ended";
      readonly projectId: string;
      readonly instanceId: number;
      readonly state: InstanceState;
    }
  | {
      readonly event: "attempt-started";
      readonly projectId: string;
      readonly instanceId: number;
      readonly node: string;
      readonly attempt: number;
      readonly lane: Lane;
    }
  | {
      readonly event: "attempt-ended";
      readonly projectId: string;
      readonly instanceId: number;
      readonly nodeNo: number;
      readonly node: string;
      readonly attempt: number;
      /** Which rerun of its instance it belongs to; 0: its first run. */
      readonly rerun: number;
      readonly lane: Lane;
      /** `lost`: given up by this server, and settled by nobody here. */
      readonly outcome: "succeeded" | "failed" | "retried" | "cancelled" | "skipped" | "exited" | "lost";
      readonly startedAt: Date;
      readonly endedAt: Date;
      readonly message?: string;
    }
  /** How long some node runs had been ready when their attempts began. */
  | { readonly event: "dispatch-sampled"; readonly milliseconds: readonly number[] }
  | {
      readonly event: "attempt-failed";
      readonly projectId: string;
      readonly instanceId: number;
      readonly node: string;
      readonly attempt: number;
      readonly message: string;
    }
  | {
      readonly event: "late-outcome-refused";
      readonly projectId: string;
      readonly instanceId: number;
      readonly node: string;
      readonly attempt: number;
    }
  | { readonly event: "server-lost"; readonly serverId: string; readonly requeued: number }
  | {
      /** On its cluster, because its node had ended without it. */
      readonly event: "submission-ended";
      readonly projectId: string;
      readonly clusterId: string;
      readonly service: string;
      readonly key: string;
      /** Forgotten: the cluster knows nothing of it. */
      readonly fate: "ended" | "forgotten";
    }
  | {
      readonly event: "planned-run-started";
      readonly projectId: string;
      readonly jobId: number | null;
      readonly plannedAt: Date;
      /** From its planned time until its first node was begun. */
      readonly lateMilliseconds: number;
    }
  | {
      readonly event: "planned-runs-missed";
      readonly projectId: string;
      readonly jobId: number;
      readonly count: number;
    }
  | {
      readonly event: "expired";
      readonly kind: string;
      readonly projectId: string | null;
      readonly what: string;
      readonly rows: number;
      readonly removed: boolean;
    }
  /** Stored secrets were brought under the present master key; of the unreadable ones no key is here. */
  | { readonly event: "secrets-rotated"; readonly rewrapped: number; readonly unreadable: number }
  | {
      readonly event: "event-source-failed";
      readonly projectId: string;
      readonly jobId: number;
      readonly message: string;
    }
  /** `again`: it failed, and will be tried again. */
  | {
      readonly event: "notice-tried";
      readonly projectId: string;
      readonly noticeId: number;
      readonly targetId: string;
      readonly outcome: "sent" | "again" | "failed";
      readonly message?: string;
    }
  | { readonly event: "loop-failed"; readonly loop: string; readonly error: unknown };

/** Takes an observation; never throws, never waits. */
export type Observe = (observation: Observation) => void;
