/** Event sources as the console's API writes them. */
import { type Static, Type } from "typebox";
import type { EventSourceState } from "../../store/event-sources.ts";

const NullableText = Type.Union([Type.String(), Type.Null()]);

const EventSourceView = Type.Object({
  jobId: Type.Integer({ minimum: 1 }),
  job: Type.String(),
  workspace: Type.String(),
  type: Type.Unsafe<EventSourceState["type"]>(Type.String()),
  channel: Type.String(),
  state: Type.Unsafe<EventSourceState["state"]>(Type.String()),
  /** Why it is paused. */
  reason: NullableText,
  failPolicy: Type.String(),
  concurrent: Type.Integer({ minimum: 1 }),
  /** Its runs that have not ended. */
  running: Type.Integer({ minimum: 0 }),
  /** Where it goes on; null until a topic was reached for the first time. */
  position: Type.Union([
    Type.Unsafe<NonNullable<EventSourceState["position"]>>(Type.Object({})),
    Type.Null(),
  ]),
  /** Events behind the position when it was last looked at. */
  lag: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  lastEventAt: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
  /** Why it could not be read at the last look. */
  error: NullableText,
});

export const EventSourcePage = Type.Object({ sources: Type.Array(EventSourceView) });
export type EventSourcePage = Static<typeof EventSourcePage>;

export function encodeEventSources(sources: readonly EventSourceState[]): EventSourcePage {
  return {
    sources: sources.map((source) => ({
      jobId: source.jobId,
      job: source.jobName,
      workspace: source.workspaceId,
      type: source.type,
      channel: source.channel,
      state: source.state,
      reason: source.reason,
      failPolicy: source.failPolicy,
      concurrent: source.concurrent,
      running: source.running,
      position: source.position,
      lag: source.lag,
      lastEventAt: source.lastEventAt?.toISOString() ?? null,
      error: source.error,
    })),
  };
}
