/** Draws docs/states.md from the state machines: `node tools/states-page.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MACHINES } from "../src/domain/states.ts";

export const STATES_PAGE = join(import.meta.dirname, "../docs/states.md");

const HEAD = `# States

Every state and every move there is. The engine moves along these arrows alone, and the database refuses any other; dotted
ones only follow from what somebody does (docs/operating-runs.md). Made from \`src/domain/states.ts\`.
`;

/** The page as it should be. */
export function drawStatesPage(): string {
  return [HEAD, ...MACHINES.map(drawMachine)].join("\n");
}

function drawMachine(one: (typeof MACHINES)[number]): string {
  const arrows = arrowsOf(one.machine, "-->");
  const acts = "acts" in one ? arrowsOf(one.acts, "-.->") : [];
  return `## ${one.title}\n\n\`\`\`mermaid\nflowchart LR\n${[...arrows, ...acts].join("\n")}\n\`\`\`\n`;
}

function arrowsOf(machine: Readonly<Record<string, readonly string[]>>, arrow: string): string[] {
  return Object.entries(machine).flatMap(([from, tos]) =>
    tos.map((to) => `  ${idOf(from)}([${from}]) ${arrow} ${idOf(to)}([${to}])`),
  );
}

/** Some states are words of the diagram's language. */
function idOf(state: string): string {
  return `s_${state.replaceAll("-", "_")}`;
}

if (import.meta.main) writeFileSync(STATES_PAGE, drawStatesPage());
