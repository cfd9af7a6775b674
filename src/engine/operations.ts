/** The engine as the rest of the service sees it: its own life, and what it is asked to do. */
import type { BackfillOperations } from "./backfill-operations.ts";
import type { EvaluationOperations } from "./evaluation.ts";
import type { EventOperations } from "./event-operations.ts";
import type { ExecutionOperations } from "./executions.ts";
import type { FreezeOperations } from "./freeze-operations.ts";
import type { InstanceOperations } from "./instance-operations.ts";
import type { JobOperations } from "./job-operations.ts";
import type { LimitOperations } from "./limit-operations.ts";
import type { LiveOperations } from "./live-operations.ts";
import type { RerunBatchOperations } from "./rerun-batches.ts";
import type { ScheduleOperations } from "./schedule-operations.ts";

export interface Engine
  extends JobOperations,
    ScheduleOperations,
    FreezeOperations,
    InstanceOperations,
    ExecutionOperations,
    EventOperations,
    LiveOperations,
    BackfillOperations,
    RerunBatchOperations,
    EvaluationOperations,
    LimitOperations {
  /** Registers this server, takes over what lost servers left, and begins to work. */
  readonly start: () => Promise<void>;
  /** Takes no new work, waits for what runs within the grace time, hands the rest back, and leaves the register. */
  readonly stop: () => Promise<void>;
  /** Looks for work now rather than at the next poll. */
  readonly wake: () => void;
}
