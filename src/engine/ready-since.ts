/**
 * Since when what is ready can be ready at the earliest, as a worker's own calls tell it: the claims that follow then go
 * past what the index still keeps of earlier work. It is a guess, since clocks differ and calls overlap: whoever was told
 * by another that something is ready looks without it, and soon after a look with it, one without it follows.
 */
import { LANES, type Lane } from "../domain/instance.ts";
import type { StepReply, StepRequest } from "../store/node-runs.ts";

export interface ReadySince {
  /** The time for a call that claims of these lanes and is made now; undefined where it is to look at all. */
  readonly before: (wants: StepRequest["wants"]) => Date | undefined;
  /** Takes in what the call found. */
  readonly after: (request: StepRequest, reply: StepReply) => void;
  /** The next look at each lane is one at all. */
  readonly forget: () => void;
}

/** By how much calls of several servers, with clocks of their own, may be late. */
const MARGIN_MS = 2_000;

export function createReadySince(): ReadySince {
  const since = new Map<Lane, number>();
  const wholeLooksDue = new Set<Lane>(LANES);
  return {
    before: (wants) => {
      if (wants.length === 0) return undefined;
      const times = wants.map(({ lane }) => (wholeLooksDue.has(lane) ? undefined : since.get(lane)));
      if (times.every((time) => time !== undefined)) return new Date(Math.min(...times));
      for (const { lane } of wants) wholeLooksDue.delete(lane);
      return undefined;
    },
    after: (request, reply) => {
      if (reply.more || reply.busy) return;
      for (const lane of emptied(request, reply)) since.set(lane, request.now.getTime() - MARGIN_MS);
    },
    forget: () => {
      for (const lane of LANES) wholeLooksDue.add(lane);
    },
  };
}

/** The lanes that gave less than was asked for: nothing is left there. */
function emptied({ wants }: StepRequest, { claims }: StepReply): Lane[] {
  const wanted = (lane: Lane) => wants.find((want) => want.lane === lane)?.want ?? 0;
  const claimed = (lane: Lane) => claims.filter((claim) => claim.lane === lane).length;
  // The background gets what `process` leaves in the same call.
  const offered = (lane: Lane) =>
    lane === "background" ? Math.min(wanted(lane), wanted("process") - claimed("process")) : wanted(lane);
  return wants.map(({ lane }) => lane).filter((lane) => claimed(lane) < offered(lane));
}
