/** `azalai serve` in a process of its own, for tests from the outside: its address, its log-in, its log, its end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Credentials, findCredentials } from "../../src/cli/credentials.ts";
import { openEmbedded } from "../../src/store/embedded.ts";

export interface Service {
  /** Such as `http://127.0.0.1:40577`. */
  readonly url: string;
  readonly dataDir: string;
  /** Of the first user, who is the administrator of the project. */
  readonly credentials: Credentials;
  /** Logs in and gives a token for the project. */
  readonly token: () => Promise<string>;
  /** What the service has logged so far: a JSON object a line. */
  readonly log: () => string;
  /** Asks it to stop and gives its exit code. */
  readonly stop: () => Promise<number | null>;
  /** Sends its process a signal, such as one that freezes it. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Ends it at once, as a crash would; its database lives on. */
  readonly kill: () => Promise<void>;
  /** Stops it, its database too, and removes what they left. */
  readonly remove: () => Promise<void>;
}

const CLI = join(import.meta.dirname, "../../src/cli/cli.ts");

export interface ServiceOptions {
  /** To start on again. */
  readonly dataDir?: string;
  /** Settings, `AZALAI_…`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** On a new data folder and a free port, unless told otherwise. */
export async function startService(given: ServiceOptions = {}): Promise<Service> {
  const dataDir = given.dataDir ?? (await mkdtemp(join(tmpdir(), "azalai-service-")));
  const child = spawn(process.execPath, [CLI, "--data-dir", dataDir, "serve", "--no-demo", "--port", "0"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("AZALAI_"))),
      // No test fetches and starts an engine but one that asks for it.
      AZALAI_LOCAL_ENGINES: "false",
      ...given.env,
    },
  });
  const ended = once(child, "exit");
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    log += text;
  });
  const url = await Promise.race([
    addressOf(child.stdout.setEncoding("utf8")),
    ended.then(([code]) => {
      throw new RangeError(`the service ended with ${code} before it listened:\n${log}`);
    }),
  ]);
  const credentials = await findCredentials(dataDir);
  if (credentials === undefined) throw new RangeError("the service left no credentials");
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return (await ended)[0];
  };
  return {
    url,
    dataDir,
    credentials,
    token: () => logIn(url, credentials),
    log: () => log,
    stop: () => end("SIGTERM"),
    signal: (signal) => void child.kill(signal),
    kill: async () => void (await end("SIGKILL")),
    remove: async () => {
      const code = await end("SIGTERM");
      if (code === null) await (await openEmbedded(join(dataDir, "postgres"), () => undefined)).stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function addressOf(output: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const part of output) {
    text += part;
    const found = /listens on\s+(http:\S+)\s/.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  throw new RangeError(`the service said no address:\n${text}`);
}

async function logIn(url: string, { userName, password, projectId }: Credentials): Promise<string> {
  const user = { name: userName, domain: { id: "default" }, password };
  const identity = { methods: ["password"], password: { user } };
  const answer = await fetch(`${url}/v3/auth/tokens`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ auth: { identity, scope: { project: { id: projectId } } } }),
  });
  return answer.headers.get("x-subject-token") ?? "";
}
