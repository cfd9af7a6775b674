/** A service in small, for tests that kill it: runs one shell text as a node and never ends by itself. */
import { createProcessRunner } from "../../src/operators/process.ts";
import { OPERATOR_DEFAULTS } from "../../src/operators/settings.ts";

const [workFolder = "", hiddenFolder = "", text = ""] = process.argv.slice(2);

const runner = await createProcessRunner({
  ...OPERATOR_DEFAULTS,
  workFolder,
  hiddenFolders: [hiddenFolder],
  userSlot: async () => 0,
});

await runner.withFolder("project", async (folder) => {
  await folder.write("script.sh", text);
  return await runner.run(folder, {
    command: "bash",
    args: ["script.sh"],
    environment: {},
    signal: new AbortController().signal,
    onOutput: (_, chunk) => process.stdout.write(chunk),
  });
});
process.stdout.write(`spawner ${runner.spawnerPid()}\n`);
