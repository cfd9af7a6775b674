/** Makes instances of a backfill's planned times: of the jobs' present versions, in the background. */
import type { Backfill, BackfillCandidate, BackfillSkip } from "../domain/backfill.ts";
import { markBackfillStarted, skipBackfillDue } from "../store/backfill-runs.ts";
import type { BackfillJob } from "../store/backfills.ts";
import type { Database } from "../store/database.ts";
import { findPresentVersions, type PresentVersion } from "../store/job-versions.ts";
import type { Definitions, OperatorIndex } from "./definitions.ts";
import { type Start, startInstances } from "./start.ts";

export interface BackfillStartDeps {
  readonly definitions: Definitions;
  readonly operators: OperatorIndex;
}

const DELETED: BackfillSkip = { reason: "job-deleted", detail: "the job was deleted" };
const WITHOUT_NODES: BackfillSkip = { reason: "no-nodes", detail: "the job has no node to run" };
/** Lines of the ledger that are skipped at a time. */
const LINES_MAX = 1_000;

/** Makes instances of the chosen times; all times of a job that is gone are skipped, and `reason` says so. */
export async function startChosen(
  { definitions, operators }: BackfillStartDeps,
  db: Database,
  backfill: Backfill,
  {
    jobs,
    chosen,
    now,
  }: {
    readonly jobs: readonly BackfillJob[];
    readonly chosen: readonly BackfillCandidate[];
    readonly now: Date;
  },
): Promise<{ readonly started: number; readonly skipped: number; readonly reason?: string }> {
  if (chosen.length === 0) return { started: 0, skipped: 0 };
  const { projectId } = backfill;
  const versions = await findPresentVersions(
    db,
    jobs.map(({ jobId }) => ({ projectId, jobId })),
  );
  const starts: { readonly candidate: BackfillCandidate; readonly start: Start }[] = [];
  let skipped = 0;
  let reason: string | undefined;
  for (const [place, candidates] of Map.groupBy(chosen, (candidate) => candidate.place)) {
    const job = jobs[place];
    const present = versions.find(({ jobId }) => jobId === job?.jobId);
    const [pinned] =
      present === undefined
        ? []
        : await definitions.pinnedVersions([
            { projectId: backfill.projectId, jobId: present.jobId, jobVersion: present.version },
          ]);
    if (present === undefined || pinned === undefined || pinned.nodes.length === 0) {
      const skip = present === undefined ? DELETED : WITHOUT_NODES;
      reason = `${job?.jobName}: ${skip.detail}`;
      skipped += await skipBackfillDue(db, backfill, { place, skip, limit: LINES_MAX, now });
      continue;
    }
    for (const candidate of candidates)
      starts.push({ candidate, start: startOf(backfill, { candidate, present, pinned }) });
  }
  const ids = await startInstances(
    db,
    starts.map(({ start }) => start),
    { operators, now },
  );
  const started = starts.map(({ candidate }, index) => ({ ...candidate, instanceId: ids[index] ?? 0 }));
  await markBackfillStarted(db, backfill, started, now);
  return { started: started.length, skipped, ...(reason !== undefined && { reason }) };
}

function startOf(
  backfill: Backfill,
  {
    candidate,
    present,
    pinned,
  }: {
    readonly candidate: BackfillCandidate;
    readonly present: PresentVersion;
    readonly pinned: Start["pinned"];
  },
): Start {
  return {
    projectId: backfill.projectId,
    workspaceId: present.workspaceId,
    job: { id: present.jobId, version: present.version },
    name: present.name,
    pinned,
    origin: "backfill",
    parameters: backfill.parameters,
    plannedAt: candidate.plannedAt,
    by: backfill.createdBy,
    waits: false,
    background: true,
    tells: "backfill",
    ...(backfill.priority !== undefined && { priority: backfill.priority }),
  };
}
