/** `azalai search`: finds texts in jobs, their nodes and scripts through the Factory API. */
import type { Command } from "commander";
import { connectFor, wantsJson, wholeNumber } from "./commands.ts";
import { formatTable, formatTime, printResult } from "./terminal.ts";

interface SearchPage {
  readonly total_hits: number;
  readonly search_details: readonly {
    readonly doc_type: "node" | "script";
    readonly workspace: string;
    readonly job_name?: string;
    readonly node_name?: string;
    readonly script_name?: string;
    readonly owner: string;
    readonly last_modified_time: number;
  }[];
}

export function addSearchCommand(program: Command): void {
  program
    .command("search")
    .argument("<text>", "at least two characters; case does not count")
    .option("--in <workspace>", "one workspace; all of the project when absent")
    .option("--type <type>", "node (jobs and their nodes) or script; both when absent")
    .option("--words", "each word by itself, in any order")
    .option("--parameters", "parameters of jobs and configurations of scripts, too")
    .option("--limit <n>", "hits of a page", wholeNumber(1), 100)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .description("finds a text in jobs, their nodes and scripts, saved last first")
    .action(searchFor);
}

interface SearchOptions {
  readonly in?: string;
  readonly type?: string;
  readonly words?: boolean;
  readonly parameters?: boolean;
  readonly limit: number;
  readonly page: number;
}

async function searchFor(text: string, options: SearchOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const found = (await client.send("GET", `/v2/${client.projectId}/factory/search`, {
    query: {
      search_text: text,
      workspace_id: options.in,
      doc_types: options.type,
      match_type: options.words === true ? 1 : 0,
      if_query_parameters: String(options.parameters === true),
      limit: options.limit,
      offset: options.page,
    },
  })) as SearchPage;
  const table = formatTable(
    ["KIND", "NAME", "NODE", "WORKSPACE", "OWNER", "SAVED (UTC)"],
    found.search_details.map((hit) => [
      hit.doc_type === "script" ? "script" : "job",
      hit.job_name ?? hit.script_name,
      hit.node_name,
      hit.workspace,
      hit.owner,
      formatTime(hit.last_modified_time),
    ]),
  );
  const count = `${found.search_details.length} of ${found.total_hits}`;
  printResult(wantsJson(command), found, () => `${table}\n${count}`);
}
