/** `azalai credentials` and `azalai token`: what the data folder says about logging in, and a token for other tools. */
import type { Command } from "commander";
import { processEnvironment, readClientConfig } from "../config.ts";
import { connectFor, wantsJson } from "./commands.ts";
import { credentialsFile, findCredentials } from "./credentials.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { formatFacts, printResult } from "./terminal.ts";

export function addLoginCommands(program: Command): void {
  program
    .command("credentials")
    .argument("[member]", "only this, e.g. projectId or accessKey")
    .description("the first user's log-in, as the data folder has it")
    .action(showCredentials);
  program
    .command("token")
    .description('logs in and prints the token, for curl: -H "X-Auth-Token: $(azalai token)"')
    .action(showToken);
}

async function showCredentials(
  member: string | undefined,
  _options: unknown,
  command: Command,
): Promise<void> {
  const read = readClientConfig(command.optsWithGlobals(), processEnvironment());
  if ("problems" in read) throw new CommandFailure(EXIT.usage, read.problems.join("\n"));
  const { dataDir } = read.config;
  const credentials = await findCredentials(dataDir);
  if (credentials === undefined)
    throw new CommandFailure(
      EXIT.notFound,
      `there is no ${credentialsFile(dataDir)}: no server has started there`,
    );
  if (member !== undefined) {
    const value = Object.entries(credentials).find(([name]) => name === member)?.[1];
    const names = Object.keys(credentials).join(", ");
    if (value === undefined) throw new CommandFailure(EXIT.usage, `"${member}" is none of ${names}`);
    printResult(wantsJson(command), value, () => String(value));
    return;
  }
  printResult(wantsJson(command), credentials, () =>
    formatFacts([
      ["user", credentials.userName],
      ["password", credentials.password],
      ["project", credentials.projectName],
      ["project id", credentials.projectId],
      ["access key", credentials.accessKey],
      ["secret key", credentials.secretKey],
      ["kept in", credentialsFile(dataDir)],
    ]),
  );
}

async function showToken(_options: unknown, command: Command): Promise<void> {
  const { token } = await connectFor(command);
  printResult(wantsJson(command), { token }, () => token);
}
