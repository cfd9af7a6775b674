/** `azalai search` and `azalai tables`: find texts in what is saved, and the jobs that use a table, through the Factory API. */
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

interface TablePage {
  readonly total: number;
  readonly task_table_detail_list: readonly {
    readonly job_name: string;
    readonly workspace_id: string;
    readonly data_base: string;
    readonly table_name: string;
    readonly io_type: number;
    readonly owner: string;
  }[];
}

export function addSearchCommands(program: Command): void {
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
  program
    .command("tables")
    .argument("<table>", "its whole name, without its database; case does not count")
    .requiredOption("--type <type>", "DLI, HIVE or SPARK: whose SQL is looked through")
    .option("--database <name>", "the table's database")
    .option("--in <workspace>", "one workspace; all of the project when absent")
    .option("--limit <n>", "jobs of a page", wholeNumber(1), 100)
    .option("--page <n>", "which page, from 0", wholeNumber(0), 0)
    .description("the jobs whose SQL reads or writes a table, the newest first")
    .action(listUsers);
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

interface TableOptions {
  readonly type: string;
  readonly database?: string;
  readonly in?: string;
  readonly limit: number;
  readonly page: number;
}

async function listUsers(table: string, options: TableOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const found = (await client.send("GET", `/v2/${client.projectId}/factory/task-table-references`, {
    query: {
      table_name: table,
      db_type: options.type,
      data_base_name: options.database,
      workspace_name: options.in,
      limit: options.limit,
      offset: options.page,
    },
  })) as TablePage;
  const { total, task_table_detail_list: uses } = found;
  const rows = formatTable(
    ["JOB", "USE", "TABLE", "WORKSPACE", "OWNER"],
    uses.map((one) => [
      one.job_name,
      one.io_type === 0 ? "reads" : "writes",
      `${one.data_base}.${one.table_name}`,
      one.workspace_id,
      one.owner,
    ]),
  );
  printResult(wantsJson(command), found, () => `${rows}\n${uses.length} of ${total}`);
}
