/** `azalai serve`: starts a server in this process, says where it is and how to log in, and stops it on a signal. */
import { relative } from "node:path";
import type { Command } from "commander";
import { type Config, type Flags, processEnvironment, readClientConfig, readConfig } from "../config.ts";
import type { RunningServer } from "../main.ts";
import { forgetAddress, keepAddress } from "./address.ts";
import { type Client, connect } from "./client.ts";
import { credentialsFile, findCredentials } from "./credentials.ts";
import { prepareDemo } from "./demo-start.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { formatFacts } from "./terminal.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export function addServeCommand(program: Command): void {
  program
    .command("serve")
    .description("starts a server in the foreground")
    .option("--host <address>", "where to listen (AZALAI_HOST; 127.0.0.1)")
    .option("--port <number>", "the port; 0 takes a free one (AZALAI_PORT; 8790)")
    .option("--database-url <url>", "a PostgreSQL 15 or newer (AZALAI_DATABASE_URL; else an embedded one)")
    .option("--roles <names>", "any of api, scheduler, worker, comma separated (AZALAI_ROLES; all)")
    .option("--public-url <url>", "the address that clients see (AZALAI_PUBLIC_URL)")
    .option("--demo", "on the first start, load a project on real data")
    .option("--no-demo", "load nothing")
    .action(serveUntilSignal);
}

/** The server's settings; CommandFailure with every problem. */
export function configFrom(flags: Flags): Config {
  const environment = processEnvironment();
  // Somebody who watches a terminal reads the banner; a log file gets every line.
  const level = environment.AZALAI_LOG_LEVEL || (process.stderr.isTTY ? "warn" : undefined);
  const read = readConfig(flags, { ...environment, AZALAI_LOG_LEVEL: level });
  if ("config" in read) return read.config;
  throw new CommandFailure(EXIT.usage, read.problems.join("\n"));
}

/** Loads the server only now: the other commands start faster without it. */
export async function startServer(config: Config): Promise<RunningServer> {
  const { serve } = await import("../main.ts");
  return serve(config);
}

/** The command line as a client of the server in this process, as its bootstrap user. */
export async function connectToOwn(config: Config, server: RunningServer): Promise<Client> {
  const read = readClientConfig({ url: server.url, dataDir: config.dataDir }, {});
  if ("problems" in read) throw new CommandFailure(EXIT.usage, read.problems.join("\n"));
  return connect(read.config);
}

async function serveUntilSignal(_options: unknown, command: Command): Promise<void> {
  const config = configFrom(command.optsWithGlobals<Flags>());
  const stopped = firstSignal();
  const server = await startServer(config);
  await keepAddress(config.dataDir, server.url);
  const client = await tryConnectToOwn(config, server);
  const withDemo = config.demo && config.databaseUrl === undefined; // its tables lie in the embedded server's warehouse
  const demo = withDemo && client ? await prepareDemo(config.dataDir, server, client) : undefined;
  console.log(await describeServer(config, server, client));
  demo
    ?.run()
    .then(console.log, (error: unknown) => console.error(`The demo has not run to its end: ${error}`));
  await stopped;
  await forgetAddress(config.dataDir);
  await server.stop();
}

/** Undefined where the data folder's log-in does not hold, or this server has no API. */
async function tryConnectToOwn(config: Config, server: RunningServer): Promise<Client | undefined> {
  if (!config.roles.includes("api") || (await findCredentials(config.dataDir)) === undefined)
    return undefined;
  try {
    return await connectToOwn(config, server);
  } catch (error) {
    if (error instanceof CommandFailure) return undefined;
    throw error;
  }
}

/** Settles at the first SIGINT or SIGTERM; the second one ends the process as it would without us. */
function firstSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onSignal = () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    resolve();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return promise;
}

async function describeServer(
  config: Config,
  server: RunningServer,
  client: Client | undefined,
): Promise<string> {
  const login = await describeLogin(config, server);
  return [
    "",
    formatFacts([["Azalai listens on", server.url], ...login]),
    "",
    ...(client === undefined ? [] : await describeLists(config, server, client)),
    `${program(config)} --help lists what can be done. Ctrl-C stops.`,
    "",
  ].join("\n");
}

async function describeLists(config: Config, server: RunningServer, client: Client): Promise<string[]> {
  const [factory, sahara] = listPaths(client.projectId);
  const answers = await Promise.all([client.send("GET", factory), client.send("GET", sahara)]);
  return [
    "Jobs, through the DataArts Factory API:",
    curlLine(config, server, factory),
    formatAnswer(answers[0]),
    "",
    "Job templates, through the Sahara API:",
    curlLine(config, server, sahara),
    formatAnswer(answers[1]),
    "",
  ];
}

/** The two lists that everything else leads to. */
export function listPaths(projectId: string): [factory: string, sahara: string] {
  return [`/v1/${projectId}/jobs?limit=10`, `/v1.1/${projectId}/jobs?limit=10`];
}

async function describeLogin(config: Config, server: RunningServer): Promise<[string, string][]> {
  const file = shorten(credentialsFile(config.dataDir));
  const credentials = await findCredentials(config.dataDir);
  if (credentials === undefined) return [];
  const user = `${credentials.userName}, project ${credentials.projectName} (${credentials.projectId})`;
  if (!server.firstStart)
    return [
      ["Log-in", user],
      ["Password and keys", file],
    ];
  return [
    ["Log-in", user],
    ["Password", `${credentials.password} (shown this once; kept with the access keys in ${file})`],
  ];
}

/** Fetches a token for the one call, and shows it nowhere. */
function curlLine(config: Config, server: RunningServer, path: string): string {
  return `  curl -s -H "X-Auth-Token: $(${program(config)} token)" '${server.url}${path}'`;
}

/** The command as it works in the shell that started us. */
function program(config: Config): string {
  const binary = shorten(new URL("../../bin/azalai", import.meta.url).pathname);
  const isDefault = config.dataDir === configFrom({}).dataDir;
  return isDefault ? binary : `${binary} --data-dir ${quote(shorten(config.dataDir))}`;
}

function shorten(path: string): string {
  const near = relative("", path);
  return near.startsWith("..") ? path : near;
}

function quote(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A list's answer with an entry on each line. */
export function formatAnswer(answer: unknown): string {
  const members = Object.entries(answer as Record<string, unknown>).map(([name, value]) =>
    Array.isArray(value) && value.length > 0
      ? `${JSON.stringify(name)}: [\n${value.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n")}\n  ]`
      : `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `  {${members.join(", ")}}`;
}
