/** What the nodes of a job refer to by name, as words: lists of jobs are asked for them. */
import type { JobNode } from "./job.ts";
import { namedResources } from "./resource.ts";

/** How a connection is used: by a node of any kind, or as one end of a node that moves data. */
export type ConnectionUse = "connection" | "source" | "sink";

/** The word for a use of a connection. */
export function connectionWord(use: ConnectionUse, name: string): string {
  return `${use}/${name}`;
}

/** The word for a resource, or a file, by the name or path that a node says. */
function resourceWord(named: string): string {
  return `resource/${named}`;
}

/** The word for a script. */
function scriptWord(name: string): string {
  return `script/${name}`;
}

/** Which properties of nodes name connections, and for what. */
const USES: Readonly<Record<string, readonly ConnectionUse[]>> = {
  connectionName: ["connection"],
  sourceConnectionName: ["connection", "source"],
  targetConnectionName: ["connection", "sink"],
};

/** Words for all that the nodes use, each once. A name that an expression makes is not known before the node starts. */
export function usesOf(nodes: readonly JobNode[]): string[] {
  const connections = nodes.flatMap(({ properties }) =>
    Object.entries(USES).flatMap(([property, uses]) => {
      const name = properties[property] ?? "";
      return name === "" || isMade(name) ? [] : uses.map((use) => connectionWord(use, name));
    }),
  );
  const resources = namedResources(nodes).filter((named) => !isMade(named));
  const scripts = nodes.flatMap(({ properties: { scriptName = "" } }) => scriptName || []);
  const names = scripts.filter((name) => !isMade(name));
  return [...new Set([...connections, ...resources.map(resourceWord), ...names.map(scriptWord)])];
}

function isMade(name: string): boolean {
  return /[#$]\{/.test(name);
}
