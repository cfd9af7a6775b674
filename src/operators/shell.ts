/** `Shell`: a script, a statement or an uploaded program, run by bash (product 5; dataarts-factory 4.2). */
import { splitArguments } from "./arguments.ts";
import {
  freeFileName,
  type NodeCommand,
  placeFiles,
  refuseCommand,
  runCommand,
  settleAttempt,
} from "./command.ts";
import type { Operator, Work } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { programText } from "./program-text.ts";

export function createShellOperator(runner: ProcessRunner): Operator {
  return {
    types: ["Shell"],
    lane: "process",
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const refusal = refuseCommand(work);
        if (refusal !== undefined) return refusal;
        const text = programText(work);
        const scriptName = freeFileName(work, "script.sh");
        const command = shellCommand(work, text === undefined ? undefined : scriptName);
        return await runner.withFolder(work.projectId, async (folder) => {
          await placeFiles(work, folder, context);
          // A script written on Windows ends its lines with a return that bash takes for a part of the words.
          if (text !== undefined) await folder.write(scriptName, text.replaceAll("\r\n", "\n"));
          return (await runCommand(runner, folder, command, context)).outcome;
        });
      }),
  };
}

function shellCommand(work: Work, scriptName: string | undefined): NodeCommand {
  const args = [...splitArguments(work.properties.arguments ?? ""), ...work.args];
  const { environment, outputForm } = work;
  if (scriptName !== undefined)
    return { command: "bash", args: [scriptName, ...args], environment, outputForm };
  const main = work.files.find((file) => file.use === "main")?.name ?? "";
  // Started as a program, so that its first line may name another interpreter; bash runs it when there is none.
  return { command: "bash", args: ["-c", 'exec "$0" "$@"', `./${main}`, ...args], environment, outputForm };
}
