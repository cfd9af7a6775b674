/** Notes where a stream on Flink can be gone on with, while it runs and once more when it has ended. */
import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "../domain/cluster-services.ts";
import type { ClusterAdapter } from "./cluster-adapter.ts";
import type { ResumePoints, Submission, WorkContext } from "./operator.ts";

/** What of a stream's checkpoints is lost when its JobManager is: the newest that was not noted yet. */
const NOTE_MS = 2_000;
const LAST_NOTE_MS = 5_000;

/** Flink shows what it knows of a job some seconds late. */
const SHOWN_TRIES = 50;
const SHOWN_PAUSE_MS = 300;

/** Notes the savepoint of a stop as soon as the cluster shows it: the job's checkpoints go with its end. */
export async function noteSavepoint(
  adapter: ClusterAdapter,
  handle: JsonObject,
  { savepoint, resume, signal }: { savepoint: string; resume: ResumePoints; signal: AbortSignal },
): Promise<void> {
  for (let tries = 0; tries < SHOWN_TRIES; tries += 1) {
    const point = await adapter.resumePoint?.(handle, signal).catch(() => undefined);
    if (point?.path === savepoint) return await resume.keep(point);
    await delay(SHOWN_PAUSE_MS, undefined, { signal });
  }
}

/** `body` is given the context that it works in: its submission says which work is looked at. */
export async function withResumePoints<Value>(
  adapter: ClusterAdapter,
  { resume, context }: { readonly resume: ResumePoints; readonly context: WorkContext },
  body: (noting: WorkContext) => Promise<Value>,
): Promise<Value> {
  const ended = new AbortController();
  let handle: JsonObject | undefined;

  async function note(signal: AbortSignal): Promise<void> {
    if (handle === undefined) return;
    const point = await adapter.resumePoint?.(handle, signal).catch(() => undefined);
    if (point !== undefined) await resume.keep(point);
  }

  async function watch(): Promise<void> {
    while (!ended.signal.aborted) {
      await note(ended.signal);
      await delay(NOTE_MS, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  }

  const watching = watch();
  const submissions = withHandle(context.submissions, (found) => {
    handle = found;
  });
  try {
    return await body({ ...context, submissions });
  } finally {
    ended.abort();
    await watching;
    await note(AbortSignal.timeout(LAST_NOTE_MS));
  }
}

function withHandle(
  { open }: WorkContext["submissions"],
  tell: (handle: JsonObject) => void,
): WorkContext["submissions"] {
  return {
    open: async (place) => {
      const submission: Submission = await open(place);
      if (submission.handle !== undefined) tell(submission.handle);
      return {
        ...submission,
        wasSubmitted: (handle, engineId) => {
          tell(handle);
          return submission.wasSubmitted(handle, engineId);
        },
      };
    },
  };
}
