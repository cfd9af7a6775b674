/** Everything of the engine that listens for events, as one part with one life. */
import { createFileEvents, type FileEventDeps } from "./file-events.ts";
import type { Loop } from "./loop.ts";

export interface Events {
  readonly loops: readonly Loop[];
  /** Something may have come, or a run that an event made may have ended. */
  readonly wake: () => void;
}

export function createEvents(deps: FileEventDeps): Events {
  const files = createFileEvents(deps);
  return { loops: [files], wake: files.wake };
}
