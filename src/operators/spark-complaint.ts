/** What a Spark program says went wrong: its own exception, in Java or in Python, or what Spark refused before it began. */
import { createJavaComplaint, type JavaComplaint } from "./java-complaint.ts";
import type { Outcome } from "./operator.ts";

const TAIL_LENGTH = 16 * 1024;
const REASON_LENGTH_MAX = 600;
/** What Spark itself says before a program begins, in its own exit code for it. */
const REFUSAL = /^Error: (.+)$/gm;
const REFUSAL_CODE = 101;
/** What no further try can mend: there is no such class, or the jar is none. */
const PERMANENT = /Failed to load class|main class|ZipException|JarException|zip END header/i;
const TRACEBACK = "Traceback (most recent call last):";
/** Says that Java failed, which says why itself. */
const FROM_JAVA = /^py4j\.protocol\.Py4JJavaError/;

export function createSparkComplaint(): JavaComplaint {
  const java = createJavaComplaint();
  const decoder = new TextDecoder();
  let tail = "";
  const reasonOf = (exitCode: number) => {
    const refused = exitCode === REFUSAL_CODE ? [...tail.matchAll(REFUSAL)].at(-1)?.[1] : undefined;
    return refused ?? pythonReason(tail);
  };
  return {
    read: (chunk) => {
      java.read(chunk);
      const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
      tail = (tail + text).slice(-TAIL_LENGTH);
    },
    explain: (outcome) => {
      if (outcome.state !== "failed" || outcome.exitCode === undefined) return outcome;
      const reason = reasonOf(outcome.exitCode)?.slice(0, REASON_LENGTH_MAX);
      if (reason === undefined) return judged(java.explain(outcome));
      return judged({ ...outcome, message: `exit code ${outcome.exitCode}: ${reason}` });
    },
  };
}

function judged(outcome: Outcome): Outcome {
  if (outcome.state !== "failed" || !PERMANENT.test(outcome.message)) return outcome;
  return { ...outcome, permanent: true };
}

/** The line behind the last traceback: all of its own are indented. */
function pythonReason(text: string): string | undefined {
  const at = text.lastIndexOf(TRACEBACK);
  if (at < 0) return undefined;
  const lines = text.slice(at + TRACEBACK.length).split(/\r?\n/);
  const reason = lines.find((line) => /^\S/.test(line));
  return reason === undefined || FROM_JAVA.test(reason) ? undefined : reason.trim();
}
