/** `azalai audit`: who did what to what, and when. */
import type { Command } from "commander";
import type { ActPage } from "../api/console/audit-wire.ts";
import { connectFor, wantsJson, wholeNumber } from "./commands.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

export function addAuditCommand(program: Command): void {
  program
    .command("audit")
    .description("what people did, newest first")
    .option("--kind <kind>", "only acts on objects of this kind: instance, job, …")
    .option("--id <id>", "only acts on the object with this id")
    .option("--act <act>", "only this act: pause, stop, rerun, …")
    .option("--by <user>", "only acts of this user")
    .option("--before <id>", "acts older than this one", wholeNumber(1))
    .option("--limit <n>", "acts of a page", wholeNumber(1), 50)
    .action(listActs);
}

interface AuditOptions {
  readonly kind?: string;
  readonly id?: string;
  readonly act?: string;
  readonly by?: string;
  readonly before?: number;
  readonly limit: number;
}

async function listActs({ ...query }: AuditOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const page = (await client.send("GET", "/api/acts", { query })) as ActPage;
  printResult(wantsJson(command), page, () => formatActs(page));
}

function formatActs({ acts, next }: ActPage): string {
  const table = formatTable(
    ["TIME (UTC)", "WHO", "ACT", "OBJECT", "DETAIL"],
    acts.map(({ at, by, act, object, detail }) => [
      formatTime(at),
      by,
      act,
      `${object.kind} ${object.id}`,
      Object.keys(detail).length === 0 ? undefined : JSON.stringify(detail),
    ]),
  );
  return next === null ? table : `${table}\nolder: --before ${next}`;
}
