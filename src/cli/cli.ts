/** The command line's entry: reads the words, runs the command, and ends with a code that scripts can read. */
import { Command, CommanderError } from "commander";
import { addAlarmsCommands } from "./alarms.ts";
import { addAuditCommand } from "./audit.ts";
import { addBackfillCommands } from "./backfill.ts";
import { addCalendarsCommands } from "./calendars.ts";
import { addClustersCommands } from "./clusters.ts";
import { addSharedOptions } from "./commands.ts";
import { addConnectionsCommands } from "./connections.ts";
import { codeOf } from "./credentials.ts";
import { addDemoCommand } from "./demo.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addEventsCommands } from "./events.ts";
import { addExpressionsCommands } from "./expressions.ts";
import { CommandFailure, EXIT, type ExitCode } from "./failure.ts";
import { addKeysCommands, addProjectsCommands, addUsersCommands } from "./identity.ts";
import { addNodesCommands } from "./instance-acts.ts";
import { addInstancesCommands } from "./instances.ts";
import { addJobsCommands } from "./jobs.ts";
import { addLimitsCommands } from "./limits.ts";
import { addLoginCommands } from "./login.ts";
import { addPackagesCommands } from "./packages.ts";
import { addRealTimeCommands } from "./real-time.ts";
import { addResourcesCommands } from "./resources.ts";
import { addRetentionCommands } from "./retention.ts";
import { addSchedulesCommands } from "./schedules.ts";
import { addScriptsCommands } from "./scripts.ts";
import { addSearchCommands } from "./search.ts";
import { addSecretsCommands } from "./secrets.ts";
import { addServeCommand } from "./serve.ts";
import { addTopicsCommands } from "./topics.ts";
import { addWhyCommand } from "./why.ts";
import { addWorkspacesCommands } from "./workspaces.ts";

const EXIT_CODES = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not logged in, 4 not found, 5 no server answers.`;

function createProgram(): Command {
  const program = new Command("azalai");
  program
    .description("Keeps, lists, schedules and runs data jobs.")
    .exitOverride()
    .showHelpAfterError("(--help says more)");
  addSharedOptions(program);
  addServeCommand(program);
  addLoginCommands(program);
  addJobsCommands(program);
  addScriptsCommands(program);
  addResourcesCommands(program);
  addSearchCommands(program);
  addInstancesCommands(program);
  addNodesCommands(program);
  addBackfillCommands(program);
  addWhyCommand(program);
  addSchedulesCommands(program);
  addCalendarsCommands(program);
  addEventsCommands(program);
  addRealTimeCommands(program);
  addPackagesCommands(program);
  addExpressionsCommands(program);
  addTopicsCommands(program);
  addAlarmsCommands(program);
  addAuditCommand(program);
  addRetentionCommands(program);
  addConnectionsCommands(program);
  addClustersCommands(program);
  addLimitsCommands(program);
  addSecretsCommands(program);
  addWorkspacesCommands(program);
  addUsersCommands(program);
  addProjectsCommands(program);
  addKeysCommands(program);
  addDoctorCommand(program);
  addDemoCommand(program);
  return program.addHelpText("after", EXIT_CODES);
}

async function main(words: readonly string[]): Promise<ExitCode> {
  try {
    await createProgram().parseAsync(words, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof CommandFailure || isFault(error)) {
      console.error(`azalai: ${error.message}`);
      return error instanceof CommandFailure ? error.exitCode : EXIT.failed;
    }
    throw error; // a bug: its stack is wanted
  }
}

/** A refusal of the server in this process. */
function isFault(error: unknown): error is Error {
  return error instanceof Error && error.name === "Fault";
}

// A reader such as `head` may close our output before we are done.
process.stdout.on("error", (error) => {
  process.exit(codeOf(error) === "EPIPE" ? EXIT.ok : EXIT.failed);
});
process.exitCode = await main(process.argv.slice(2));
