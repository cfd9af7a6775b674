/** Nodes of a job's document, as clients of the Factory API write them. */

export interface WireNode {
  readonly name: string;
  readonly type: string;
  readonly location: { readonly x: number; readonly y: number };
  readonly preNodeName: readonly string[];
  readonly properties: readonly { readonly name: string; readonly value?: unknown }[];
}

/** `after` names the nodes before it, parted by spaces; `members` are put over its own. */
export type NodeWords = readonly [name: string, type: string, after?: string, members?: object];

export function nodes(...list: readonly NodeWords[]): WireNode[] {
  return list.map(([name, type, after = "", members = {}]) => ({
    name,
    type,
    location: { x: 1, y: 2 },
    preNodeName: after === "" ? [] : after.split(" "),
    properties: [],
    ...members,
  }));
}

/** A Shell node that runs `statement`. */
export function shell(name: string, statement: string, preNodeName: readonly string[] = []): WireNode {
  const properties = [
    { name: "statementOrScript", value: "STATEMENT" },
    { name: "statement", value: statement },
  ];
  return { name, type: "Shell", location: { x: 1, y: 2 }, preNodeName, properties };
}
