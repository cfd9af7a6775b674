/** What a play of the compatibility test is, and what it plays on: one of the vendor's SDKs before a running service. */
import { vi } from "vitest";
import type { PythonClient } from "../setup/python-client.ts";
import type { Sdk } from "./sdk-fields.ts";

/** Calls of one SDK with the values that must come back; what it sends and gets is put down for docs/compatibility.md. */
export interface Play {
  readonly sdk: Sdk;
  readonly about: string;
  readonly perform: (stage: Stage) => Promise<void>;
}

/** A workspace that the play has for itself goes with each call. */
export interface Stage extends Pick<PythonClient, "call" | "refusal"> {
  readonly workspace: string;
  /** Of the caller. */
  readonly userName: string;
  readonly projectId: string;
  /**
   * Asks v1, or `/api/…`, without the SDK, for what that has no words for; throws when that is refused. Texts and
   * bytes are sent as they are.
   */
  // biome-ignore lint/suspicious/noExplicitAny: as the SDKs' answers.
  readonly send: (method: string, path: string, body?: unknown) => Promise<any>;
}

export const OK = { http_status: 200 };
export const NOTHING = { http_status: 204 };

/** Waits for what somebody who asks again and again sees at last. */
export function eventually<T>(look: () => Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 60_000, interval: 100 });
}
