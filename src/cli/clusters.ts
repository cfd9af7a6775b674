/** `azalai clusters`: where work runs. */
import type { Command } from "commander";
import { addFetchCommand } from "./local-software.ts";

export function addClustersCommands(program: Command): void {
  const clusters = program.command("clusters").description("where work runs: fetch");
  addFetchCommand(clusters);
}
