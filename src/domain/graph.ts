/** Shapes of graphs: order, cycles, successors. Nodes are named; edges point from a node to those it waits for. */

export interface GraphNode {
  readonly name: string;
  readonly after: readonly string[];
}

/** A path of names that waits for itself, first name repeated at the end; undefined when there is none. */
export function cycleIn(nodes: readonly GraphNode[]): string[] | undefined {
  const left = leftAfterPeeling(nodes);
  const start = left[0];
  if (start === undefined) return undefined;
  const byName = new Map(left.map((node) => [node.name, node]));
  const path: string[] = [];
  let name = start.name;
  while (!path.includes(name)) {
    path.push(name);
    name = byName.get(name)?.after.find((before) => byName.has(before)) ?? name;
  }
  return [...path.slice(path.indexOf(name)), name];
}

/**
 * The nodes in an order in which every node comes after those that it waits for; ties keep the given order.
 * Names in `after` that no node bears are ignored. The graph must have no cycle.
 */
export function topologicalOrder<N extends GraphNode>(nodes: readonly N[]): N[] {
  const order: N[] = [];
  const unmet = unmetCounts(nodes);
  const successors = successorsOf(nodes);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  let wave = nodes.filter((node) => unmet.get(node.name) === 0);
  while (wave.length > 0) {
    order.push(...wave);
    wave = wave.flatMap((node) => release(node.name, unmet, successors, byName));
  }
  return order;
}

/** For each name, the names of the nodes that wait for it. */
export function successorsOf(nodes: readonly GraphNode[]): Map<string, string[]> {
  const successors = new Map<string, string[]>(nodes.map((node) => [node.name, []]));
  for (const node of nodes) for (const before of new Set(node.after)) successors.get(before)?.push(node.name);
  return successors;
}

function release<N>(
  name: string,
  unmet: Map<string, number>,
  successors: Map<string, string[]>,
  byName: Map<string, N>,
): N[] {
  const released: N[] = [];
  for (const next of successors.get(name) ?? []) {
    const count = (unmet.get(next) ?? 0) - 1;
    unmet.set(next, count);
    const node = byName.get(next);
    if (count === 0 && node !== undefined) released.push(node);
  }
  return released;
}

function unmetCounts(nodes: readonly GraphNode[]): Map<string, number> {
  const names = new Set(nodes.map((node) => node.name));
  return new Map(
    nodes.map((node) => [node.name, new Set(node.after.filter((name) => names.has(name))).size]),
  );
}

/** What remains when nodes without unmet predecessors are taken away again and again: the cycles and what follows them. */
function leftAfterPeeling(nodes: readonly GraphNode[]): GraphNode[] {
  const placed = new Set(topologicalOrder(nodes).map((node) => node.name));
  return nodes.filter((node) => !placed.has(node.name));
}
