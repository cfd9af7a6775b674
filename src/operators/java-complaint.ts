/** What a Java program says went wrong: of all that it writes, the last line that names an exception. */
import type { Outcome } from "./operator.ts";

/** `java.lang.X: why`, also behind a log's own words, `Caused by:` or `Exception in thread "main"`; no line of a stack. */
const EXCEPTION = /(?:^|[\s:])((?:[a-z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b(?:: .*)?)$/;
const STACK_LINE = /^\s*at\s/;
/** What says that something failed without saying why. */
const WRAPPER =
  /^(?:java\.lang\.(?:Runtime)?Exception|java\.io\.IOException): ((?:[a-z_$][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b.*)$/;
const LINE_LENGTH_MAX = 2000;
const REASON_LENGTH_MAX = 300;

export interface JavaComplaint {
  readonly read: (chunk: string | Uint8Array) => void;
  /** The outcome with the reason, where it is a failure and the program named one. */
  readonly explain: (outcome: Outcome) => Outcome;
}

export function createJavaComplaint(): JavaComplaint {
  const decoder = new TextDecoder();
  let rest = "";
  let reason: string | undefined;
  const readLine = (line: string) => {
    const found = STACK_LINE.test(line) ? undefined : EXCEPTION.exec(line.trimEnd())?.[1];
    if (found !== undefined) reason = found.replace(WRAPPER, "$1");
  };
  return {
    read: (chunk) => {
      const lines = (
        rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))
      ).split("\n");
      rest = (lines.pop() ?? "").slice(-LINE_LENGTH_MAX);
      for (const line of lines) readLine(line.slice(-LINE_LENGTH_MAX));
    },
    explain: (outcome) => {
      if (rest !== "") readLine(rest);
      if (outcome.state !== "failed" || reason === undefined || outcome.exitCode === undefined)
        return outcome;
      return { ...outcome, message: `exit code ${outcome.exitCode}: ${reason.slice(0, REASON_LENGTH_MAX)}` };
    },
  };
}
