/** `Python`: a script, a statement or an uploaded program, run by python3 (product 5). */
import { splitArguments } from "./arguments.ts";
import { freeFileName, placeFiles, refuseCommand, runCommand, settleAttempt } from "./command.ts";
import type { Operator } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { programText } from "./program-text.ts";

export function createPythonOperator(runner: ProcessRunner): Operator {
  return {
    types: ["Python"],
    lane: "process",
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const refusal = refuseCommand(work);
        if (refusal !== undefined) return refusal;
        const text = programText(work);
        const main = work.files.find((file) => file.use === "main")?.name;
        const name = text === undefined && main !== undefined ? main : freeFileName(work, "script.py");
        const args = [...splitArguments(work.properties.arguments ?? ""), ...work.args];
        return await runner.withFolder(work.projectId, async (folder) => {
          await placeFiles(work, folder, context);
          if (text !== undefined) await folder.write(name, text);
          // Unbuffered, so that the log follows the program; no byte code is left beside the libraries.
          const command = {
            command: "python3",
            args: ["-u", "-B", name, ...args],
            environment: work.environment,
          };
          return (await runCommand(runner, folder, command, context)).outcome;
        });
      }),
  };
}
