/** `Python`: a script, a statement or an uploaded program, run by python3 (product 5). */
import { readFile } from "node:fs/promises";
import { splitArguments } from "./arguments.ts";
import type { FilePlace } from "./attempt-folder.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import { freeFileName, placeFiles, refuseCommand, runCommand, settleAttempt } from "./command.ts";
import { commandLane, isElsewhere, type NodeProgram, runElsewhere } from "./command-elsewhere.ts";
import type { Operator, Outcome, WarmSession, Work, WorkContext } from "./operator.ts";
import type { PreparedProcess } from "./prepared-process.ts";
import type { ProcessRunner } from "./process.ts";
import { programText } from "./program-text.ts";
import type { CommandHost } from "./running-command.ts";
import { createSessionPool, warmOwner } from "./session-pool.ts";
import type { OperatorSettings } from "./settings.ts";
import { createHosts } from "./ssh-host.ts";

/** What python3 looks at when it starts, and never again. */
const READ_AT_START = /^(PYTHON|LD_|LC_|LANG$|MALLOC_|OMP_|OPENBLAS_|MKL_)/;

/** Unbuffered, so that the log follows the program; no byte code is left beside the libraries. */
const CLEAN = ["-u", "-B"];

export function createPythonOperator(
  settings: OperatorSettings,
  runner: ProcessRunner,
  clusters: ClusterAdapters,
): Operator {
  const pool = createSessionPool<PreparedProcess>(settings.sessions);
  const hosts = createHosts(settings);
  let hostText: Promise<string> | undefined;

  async function useWarm(
    work: Work,
    { modules }: WarmSession,
    background: boolean,
    body: (host: CommandHost) => Promise<Outcome>,
  ) {
    const atStart = Object.entries(work.environment).filter(([name]) => READ_AT_START.test(name));
    const place = { owner: warmOwner(work, [background, ...atStart.sort(), ...modules]), definition: "" };
    const open = async () => {
      hostText ??= readFile(new URL("python-host.py", import.meta.url), "utf8");
      return await runner.prepare(work.projectId, {
        command: "python3",
        args: ["-u", "-B", "-c", await hostText, ...modules],
        environment: Object.fromEntries(atStart),
        background,
      });
    };
    return await pool.use(place, open, body);
  }

  return {
    types: ["Python"],
    lane: commandLane,
    hasCluster: true,
    stop: pool.stop,
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const host = await hosts(work, context);
        if (host !== undefined) return await runProgram(host, CLEAN, work, programOf(work), context);
        if (isElsewhere(work)) return await runElsewhere(clusters, nodeProgram(work), work, context);
        return refuseCommand(work) ?? (await runHere(work, context));
      }),
  };

  async function runHere(work: Work, context: WorkContext): Promise<Outcome> {
    const program = programOf(work);
    // A zipped or compiled program needs an interpreter's own start.
    if (work.warm === undefined || !program.name.endsWith(".py"))
      return await runProgram(runner, CLEAN, work, program, context);
    return await useWarm(work, work.warm, context.background, (host) =>
      runProgram(host, [], work, program, context),
    );
  }
}

interface Program {
  /** Undefined for a file of the attempt. */
  readonly text: string | undefined;
  readonly name: string;
}

function programOf(work: Work): Program {
  const text = programText(work);
  const main = work.files.find((file) => file.use === "main")?.name;
  return { text, name: text === undefined && main !== undefined ? main : freeFileName(work, "script.py") };
}

function nodeProgram(work: Work): NodeProgram {
  const { text, name } = programOf(work);
  const command = pythonCommand(CLEAN, work, name);
  return text === undefined ? { command } : { command, script: { name, text } };
}

function pythonCommand(options: readonly string[], work: Work, name: string): NodeProgram["command"] {
  const args = [...options, name, ...splitArguments(work.properties.arguments ?? ""), ...work.args];
  const { environment, outputForm } = work;
  return { command: "python3", args, environment, outputForm };
}

async function runProgram<Folder extends FilePlace>(
  host: CommandHost<Folder>,
  options: readonly string[],
  work: Work,
  { text, name }: Program,
  context: WorkContext,
): Promise<Outcome> {
  return await host.withFolder(work.projectId, async (folder) => {
    await placeFiles(work, folder, context);
    if (text !== undefined) await folder.write(name, text);
    return (await runCommand(host, folder, pythonCommand(options, work, name), context)).outcome;
  });
}
