/** The log: a line of JSON on standard error for each observation. */
import pino from "pino";
import type { Observation, Observe } from "../domain/observation.ts";

/** Observations that say nothing to somebody who only watches: they are lines of the level `debug`. */
const QUIET: ReadonlySet<Observation["event"]> = new Set([
  "request-done",
  "instance-started",
  "instance-ended",
  "attempt-started",
  "attempt-ended",
  "planned-run-started",
]);

/** `requestIdNow` names the request to which what is observed belongs, where there is one. */
export function createLog(level: string, requestIdNow: () => string | undefined): Observe {
  const log = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: describeError } },
    pino.destination({ dest: 2, sync: false }),
  );
  return (observation) => {
    if (observation.event === "dispatch-sampled") return;
    const isQuiet = QUIET.has(observation.event);
    if (isQuiet && !log.isLevelEnabled("debug")) return;
    const { event, ...members } = observation;
    const requestId = requestIdNow();
    const line = requestId === undefined ? members : { requestId, ...members };
    if ("error" in members) log.error(line, event);
    else if (isQuiet) log.debug(line, event);
    else log.info(line, event);
  };
}

/** What a log needs of an error; drivers hang whole connections on theirs. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = error;
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  return { message, stack, ...("code" in error && { code: error.code }), ...cause };
}
