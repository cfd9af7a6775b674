/** A service in small, for tests that kill it: runs one shell text as a node and never ends by itself. */
import { detectIsolation } from "../../src/operators/isolation.ts";
import { createProcessRunner } from "../../src/operators/process.ts";
import { OPERATOR_DEFAULTS } from "../../src/operators/settings.ts";

const [workFolder = "", hiddenFolder = "", without = "{}", text = ""] = process.argv.slice(2);

const settings = { ...OPERATOR_DEFAULTS, workFolder, hiddenFolders: [hiddenFolder], userSlot: async () => 0 };
const isolation = { ...(await detectIsolation(settings)), ...JSON.parse(without) };
const runner = await createProcessRunner(settings, isolation);

await runner.withFolder("project", async (folder) => {
  await folder.write("script.sh", text);
  return await runner.run(folder, {
    command: "bash",
    args: ["script.sh"],
    environment: {},
    signal: new AbortController().signal,
    background: false,
    onOutput: (_, chunk) => process.stdout.write(chunk),
  });
});
process.stdout.write(`spawner ${runner.spawnerPid()}\n`);
