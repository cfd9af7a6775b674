/** What is known of a node's last attempt: what expressions ask for, and what shows how a job fares. */
import type { NodeRun } from "./instance.ts";

export function runningDataOf(
  run: Pick<NodeRun, "state" | "attempt" | "startedAt" | "endedAt" | "exitCode" | "message">,
) {
  const { state, attempt, startedAt, endedAt, exitCode, message } = run;
  return { state, attempt, startTime: startedAt, endTime: endedAt, exitCode, message };
}
