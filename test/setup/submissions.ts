/** Submissions kept in memory, for tests of what runs on clusters without an engine. */
import { randomBytes } from "node:crypto";
import type { JsonObject } from "../../src/domain/cluster-services.ts";
import type { Submission, Submissions } from "../../src/operators/operator.ts";

export interface KeptSubmission {
  readonly key: string;
  handle?: JsonObject;
  engineId?: string;
  state: "opened" | "reserved" | "submitted" | "ended" | "abandoned";
  logOffsets: Readonly<Record<string, number>>;
}

export interface KeptSubmissions extends Submissions {
  /** The one row that every try opens. */
  readonly kept: KeptSubmission;
  /** Called before a handle is stored, and after. */
  readonly onReserved: { before: () => void; after: () => void };
}

export function keptSubmissions(): KeptSubmissions {
  const kept: KeptSubmission = { key: randomBytes(16).toString("hex"), state: "opened", logOffsets: {} };
  let sent = false;
  const onReserved = { before: () => undefined, after: () => undefined };
  const write = (state: KeptSubmission["state"], handle: JsonObject, engineId: string | undefined) => {
    kept.state = state;
    kept.handle = handle;
    if (engineId !== undefined) kept.engineId = engineId;
  };
  return {
    kept,
    onReserved,
    open: async (): Promise<Submission> => ({
      key: kept.key,
      handle: kept.handle,
      submitted: sent,
      logOffsets: kept.logOffsets,
      reserved: async (handle, engineId) => {
        onReserved.before();
        write("reserved", handle, engineId);
        onReserved.after();
      },
      wasSubmitted: async (handle, engineId) => {
        sent = true;
        write("submitted", handle, engineId);
      },
      noteLogs: (offsets) => {
        kept.logOffsets = offsets;
      },
      ended: async () => {
        kept.state = "ended";
      },
      abandoned: async () => {
        kept.state = "abandoned";
      },
    }),
  };
}
