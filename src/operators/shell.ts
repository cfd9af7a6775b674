/** `Shell`: a script, a statement or an uploaded program, run by bash (product 5; dataarts-factory 4.2). */
import { splitArguments } from "./arguments.ts";
import type { FilePlace } from "./attempt-folder.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import {
  freeFileName,
  type NodeCommand,
  placeFiles,
  refuseCommand,
  runCommand,
  settleAttempt,
} from "./command.ts";
import { commandLane, isElsewhere, type NodeProgram, runElsewhere } from "./command-elsewhere.ts";
import type { Operator, Outcome, Work, WorkContext } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { programText } from "./program-text.ts";
import type { CommandHost } from "./running-command.ts";
import type { OperatorSettings } from "./settings.ts";
import { createHosts } from "./ssh-host.ts";
import { runPlaced } from "./work-places.ts";

export function createShellOperator(
  settings: OperatorSettings,
  runner: ProcessRunner,
  clusters: ClusterAdapters,
): Operator {
  const hosts = createHosts(settings);
  return {
    types: ["Shell"],
    lane: commandLane,
    hasCluster: true,
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const host = await hosts(work, context);
        if (host !== undefined) return await runShell(host, work, context);
        if (isElsewhere(work)) return await runElsewhere(clusters, shellProgram(work), work, context);
        return refuseCommand(work) ?? (await runShell(runner, work, context, runPlaced));
      }),
  };
}

/** What happens before and after the command, to the work that it is made of. */
type Around<Folder> = (
  work: Work,
  folder: Folder,
  context: WorkContext,
  body: (placed: Work) => Promise<Outcome>,
) => Promise<Outcome>;

async function runShell<Folder extends FilePlace>(
  host: CommandHost<Folder>,
  work: Work,
  context: WorkContext,
  around: Around<Folder> = (given, _folder, _context, body) => body(given),
): Promise<Outcome> {
  return await host.withFolder(work.projectId, async (folder) => {
    const { script } = shellProgram(work);
    await placeFiles(work, folder, context);
    if (script !== undefined) await folder.write(script.name, script.text);
    return await around(work, folder, context, async (placed) => {
      const { command } = shellProgram(placed);
      return (await runCommand(host, folder, command, context)).outcome;
    });
  });
}

function shellProgram(work: Work): NodeProgram {
  const text = programText(work);
  if (text === undefined) return { command: shellCommand(work, undefined) };
  const name = freeFileName(work, "script.sh");
  // A script written on Windows ends its lines with a return that bash takes for a part of the words.
  return { command: shellCommand(work, name), script: { name, text: text.replaceAll("\r\n", "\n") } };
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
