/** `azalai clusters fetch`: brings the software of local engines to this machine before a node asks for it. */
import type { Command } from "commander";
import type { Flags } from "../config.ts";
import { wantsJson } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { configFrom } from "./serve.ts";
import { formatTable, printResult } from "./terminal.ts";

interface Fetched {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly folder: string;
}

/** Tells no more often: a log of a build is read by people. */
const TELL_STEP = 0.05;

export function addFetchCommand(clusters: Command): void {
  clusters
    .command("fetch")
    .argument("[names...]", "hadoop, spark, flink; all of them where none is named")
    .description("fetches the software of local engines to this machine (AZALAI_ENGINES_DIR)")
    .action(fetchSoftware);
}

async function fetchSoftware(names: readonly string[], _options: unknown, command: Command): Promise<void> {
  const config = configFrom(command.optsWithGlobals<Flags>());
  const { knownSoftware, openLocalSoftware } = await import("../parts/local-software.ts");
  const known = knownSoftware();
  const unknown = names.find((name) => known.every((one) => one.name !== name));
  if (unknown !== undefined)
    throw new CommandFailure(
      EXIT.usage,
      `"${unknown}" is not one of ${known.map((one) => one.name).join(", ")}`,
    );
  const software = openLocalSoftware(config);
  const stopping = new AbortController();
  const stop = () => stopping.abort(new CommandFailure(EXIT.failed, "stopped"));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const fetched: Fetched[] = [];
  try {
    for (const { name, version, license } of known) {
      if (names.length > 0 && !names.includes(name)) continue;
      const folder = await software.ensure(name, stopping.signal, showProgress(`${name} ${version}`));
      fetched.push({ name, version, license, folder });
    }
  } finally {
    await software.stop();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  }
  printResult(wantsJson(command), fetched, () =>
    formatTable(
      ["NAME", "VERSION", "LICENSE", "FOLDER"],
      fetched.map((one) => [one.name, one.version, one.license, one.folder]),
    ),
  );
}

/** On standard error: the result alone stands on standard output. */
function showProgress(title: string): (progress: { bytes: number; ofBytes: number }) => void {
  let told = -1;
  return ({ bytes, ofBytes }) => {
    const part = bytes / ofBytes;
    if (part - told < TELL_STEP) return;
    told = part;
    console.error(
      `${title}: ${Math.floor(part * 100)} % (${Math.round(bytes / 1e6)} of ${Math.round(ofBytes / 1e6)} MB)`,
    );
  };
}
