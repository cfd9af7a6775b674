/** `azalai secrets`: which master keys the stored secrets lie under, and bringing them under the newest. */
import type { Command } from "commander";
import type { KeyList } from "../api/console/secrets.ts";
import type { MasterKeyUse, RotatedSecrets } from "../engine/secret-rotation.ts";
import { connectFor, wantsJson } from "./commands.ts";
import { formatTable, printResult } from "./terminal.ts";

export function addSecretsCommands(program: Command): void {
  const secrets = program.command("secrets").description("master keys of stored secrets: keys, rotate");
  secrets.command("keys").description("how many secrets lie under each master key (admin)").action(listKeys);
  secrets
    .command("rotate")
    .description("brings all secrets under the newest master key now, not within the hour (admin)")
    .action(rotate);
}

const MEANINGS: Readonly<Record<MasterKeyUse["state"], string>> = {
  current: "seals now",
  previous: "opens older secrets",
  missing: "not configured on this server",
};

async function listKeys(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const { keys } = (await client.send("GET", "/api/secrets/keys")) as KeyList;
  printResult(wantsJson(command), keys, () =>
    formatTable(
      ["KEY", "SECRETS", "STATE", "MEANING"],
      keys.map(({ id, state, secrets }) => [id, secrets, state, meaningOf(state, secrets)]),
    ),
  );
}

function meaningOf(state: MasterKeyUse["state"], secrets: number): string {
  return state === "previous" && secrets === 0 ? "no secret needs it: it may go" : MEANINGS[state];
}

async function rotate(_options: unknown, command: Command): Promise<void> {
  const client = await connectFor(command);
  const done = (await client.send("POST", "/api/secrets/rotate")) as RotatedSecrets;
  printResult(wantsJson(command), done, () => {
    const lines = [`${done.rewrapped} secrets brought under the newest key`];
    if (done.unreadable > 0) lines.push(`${done.unreadable} lie under a key that this server does not have`);
    return lines.join("\n");
  });
}
