/** The command line as its users meet it: real processes, a real server on a data folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../src/cli/cli.ts", import.meta.url));
const NO_SETTINGS = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("AZALAI_")),
);

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Told of all the output each time that something is added. */
  readonly onOutput?: (stdout: string, child: ChildProcess) => void;
}

/** Runs `azalai` with these words to its end. */
export function runCommand(words: readonly string[], options: CommandOptions = {}): Promise<CommandEnd> {
  const child = spawn(process.execPath, [CLI, ...words], { env: { ...NO_SETTINGS, ...options.env } });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    options.onOutput?.(stdout, child);
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdin.end(options.stdin ?? "");
  const { promise, resolve } = Promise.withResolvers<CommandEnd>();
  child.once("close", (code) => resolve({ code, stdout, stderr }));
  return promise;
}

export interface ServedFolder {
  readonly url: string;
  readonly dataDir: string;
  /** What the server said until it was ready. */
  readonly banner: string;
  /** Runs `azalai` on the server's data folder. */
  readonly azalai: (words: readonly string[], options?: CommandOptions) => Promise<CommandEnd>;
  /** Ends the server as a terminal would; gives its exit code. */
  readonly stop: () => Promise<number | null>;
  /** Stops it, and removes the folder. */
  readonly close: () => Promise<void>;
}

/** A server on a free port; `words` go to `azalai serve`. Rejects with what it said when it does not start. */
export async function serveFolder(words: readonly string[] = []): Promise<ServedFolder> {
  const dataDir = await mkdtemp(join(tmpdir(), "azalai-cli-"));
  return await serveOn(dataDir, words);
}

export async function serveOn(dataDir: string, words: readonly string[]): Promise<ServedFolder> {
  const { promise: ready, resolve: onReady, reject } = Promise.withResolvers<string>();
  let server: ChildProcess | undefined;
  const ended = runCommand(["serve", "--port", "0", "--data-dir", dataDir, ...words], {
    onOutput: (stdout, child) => {
      server = child;
      if (stdout.includes("Ctrl-C stops")) onReady(stdout);
    },
  });
  void ended.then((end) => reject(new Error(`the server ended with ${end.code}: ${end.stderr}`)));
  const banner = await ready;
  const stop = async () => {
    server?.kill("SIGTERM");
    return (await ended).code;
  };
  return {
    url: /listens on\s+(\S+)/.exec(banner)?.[1] ?? "",
    dataDir,
    banner,
    azalai: (command, options) => runCommand(["--data-dir", dataDir, ...command], options),
    stop,
    close: async () => {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
