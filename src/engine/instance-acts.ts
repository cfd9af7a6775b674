/** What people may do to an instance or to one of its nodes. */
import { Fault } from "../domain/fault.ts";
import type { Move } from "../domain/progress.ts";
import type { RunParameters } from "./requests.ts";

/** Nodes go by their names. What each act does: docs/operating-runs.md. */
export type InstanceAct =
  | { readonly act: "pause" | "resume" | "stop" | "force-success" }
  | { readonly act: "pause-node" | "resume-node" | "skip-node" | "succeed-node"; readonly node: string }
  | ({ readonly act: "rerun" } & Rerun);

export interface Rerun {
  /** Absent: after a success with the first nodes, else with those that failed. A node: with it and all below it. */
  readonly from?: "first" | "failed" | { readonly node: string };
  /** `current`: with what the job is now; `original`, where absent: with what the instance ran before. */
  readonly version?: "original" | "current";
  /** They win over the values that the instance was started with; others stay. */
  readonly parameters?: RunParameters;
}

/** `names`: of the instance's nodes, by number. @throws Fault `node-missing`. */
export function moveOf(act: InstanceAct, names: readonly string[]): Move {
  switch (act.act) {
    case "pause":
    case "resume":
    case "stop":
    case "force-success":
      return { type: act.act };
    case "pause-node":
      return { type: "hold-node", nodeNo: nodeNoOf(names, act.node) };
    case "resume-node":
      return { type: "let-node-go", nodeNo: nodeNoOf(names, act.node) };
    case "skip-node":
      return { type: "settle-node", nodeNo: nodeNoOf(names, act.node), as: "skipped" };
    case "succeed-node":
      return { type: "settle-node", nodeNo: nodeNoOf(names, act.node), as: "succeeded" };
    case "rerun": {
      const { from } = act;
      if (from === undefined) return { type: "rerun" };
      return { type: "rerun", from: typeof from === "string" ? from : nodeNoOf(names, from.node) };
    }
    default:
      return act satisfies never;
  }
}

function nodeNoOf(names: readonly string[], name: string): number {
  const nodeNo = names.indexOf(name);
  if (nodeNo >= 0) return nodeNo;
  throw new Fault("not-found", "node-missing", `The instance has no node "${name}".`);
}
