/** Everything of the engine that listens for events, as one part with one life. */
import { createFileEvents } from "./file-events.ts";
import type { Loop } from "./loop.ts";
import { createObjectEvents, type ObjectEventDeps } from "./object-events.ts";
import { createTopicEvents, type TopicEventDeps } from "./topic-events.ts";

export interface Events {
  readonly loops: readonly Loop[];
  /** Something may have come, or a run that an event made may have ended. */
  readonly wake: () => void;
}

export function createEvents(deps: TopicEventDeps & ObjectEventDeps): Events {
  const loops = [createFileEvents(deps), createObjectEvents(deps), createTopicEvents(deps)];
  return {
    loops,
    wake: () => {
      for (const loop of loops) loop.wake();
    },
  };
}
