import { expect, test } from "vitest";
import { advance, leftSinks, type Move, type Progress, type RerunFrom } from "./progress.ts";

/** A running instance; `ab` is an edge from a to b, a lone letter a node without edges. */
function begin(edges: string, state: Progress["state"] = "running"): Progress {
  const pairs = edges.split(" ");
  const names = [...new Set(edges.replaceAll(" ", ""))].toSorted();
  const nodes = names.map((name) => {
    const need = pairs.filter((pair) => pair.length === 2 && pair[1] === name).length;
    const successors = pairs
      .filter((pair) => pair.length === 2 && pair[0] === name)
      .map((pair) => names.indexOf(pair[1] ?? ""));
    return {
      state: need === 0 && state === "running" ? "ready" : "waiting",
      need,
      live: need === 0,
      held: false,
      passed: false,
      successors,
    } as const;
  });
  return { state, failedBranch: false, ignoreSuccess: false, forceSuccess: false, nodes };
}

/**
 * `a` runs and succeeds; `a+` runs; `a!fail` and so on runs and fails; `a-` is skipped; `a~` is tried again; `a.` is
 * cancelled. `a#` is held, `a*` let go, `a=` settled by hand as succeeded, `a_` as skipped; `rerun:a` begins with a.
 */
function play(begun: Progress, story: string): Progress {
  let progress = begun;
  for (const word of story.split(" ")) progress = playWord(progress, word);
  return progress;
}

function playWord(before: Progress, word: string): Progress {
  const [type, from] = word.split(":");
  if (isAct(type)) return advance(before, { type });
  if (type === "rerun") return advance(before, { type, ...(from !== undefined && { from: fromOf(from) }) });
  const nodeNo = word.charCodeAt(0) - 97;
  const byHand = moveByHand(nodeNo, word.slice(1));
  if (byHand !== undefined) return advance(before, byHand);
  const nodes = before.nodes.map((node, no) =>
    no === nodeNo ? { ...node, state: "running" as const } : node,
  );
  const running = { ...before, nodes };
  return word.endsWith("+") ? running : advance(running, moveOf(nodeNo, word.slice(1)));
}

const ACTS = ["stop", "release", "pause", "resume", "force-success", "time-out"] as const;

function isAct(word: string | undefined): word is (typeof ACTS)[number] {
  return ACTS.some((act) => act === word);
}

function fromOf(word: string): RerunFrom {
  return word === "first" || word === "failed" ? word : word.charCodeAt(0) - 97;
}

function moveByHand(nodeNo: number, rest: string): Move | undefined {
  if (rest === "#") return { type: "hold-node", nodeNo };
  if (rest === "*") return { type: "let-node-go", nodeNo };
  if (rest === "=") return { type: "settle-node", nodeNo, as: "succeeded" };
  if (rest === "_") return { type: "settle-node", nodeNo, as: "skipped" };
  return undefined;
}

function moveOf(nodeNo: number, rest: string): Move {
  if (rest === "-") return { type: "skipped", nodeNo };
  if (rest === "~") return { type: "retried", nodeNo };
  if (rest === ".") return { type: "cancelled", nodeNo };
  if (rest === "") return { type: "succeeded", nodeNo };
  const policy = rest.slice(1);
  if (policy === "fail" || policy === "ignore" || policy === "suspend" || policy === "fail-child")
    return { type: "failed", nodeNo, policy };
  throw new RangeError(rest);
}

const LETTERS = {
  waiting: "w",
  ready: "q",
  running: "r",
  succeeded: "s",
  failed: "f",
  skipped: "k",
  cancelled: "c",
};

function show({ state, failedBranch, ignoreSuccess, forceSuccess, nodes }: Progress): string {
  const flags = `${failedBranch ? " branch" : ""}${ignoreSuccess ? " ignored" : ""}${forceSuccess ? " forced" : ""}`;
  return `${state}${flags} ${nodes.map((node) => `${LETTERS[node.state]}${node.held ? "#" : ""}`).join("")}`;
}

const check = (edges: string, story: string, expected: string) =>
  expect(show(play(begin(edges), story)), `${edges}: ${story}`).toBe(expected);

test("nodes run when all before them have ended, and the instance ends with the last", () => {
  check("ab ac bd cd", "a", "running sqqw");
  check("ab ac bd cd", "a b", "running ssqw");
  check("ab ac bd cd", "a b c", "running sssq");
  check("ab ac bd cd", "a b c d", "succeeded ssss");
});

test("a node all of whose predecessors were skipped is skipped, one with another predecessor runs", () => {
  check("ab bc", "a-", "succeeded kkk");
  check("ac bc", "a- b", "running ksq");
  check("ac bc", "a b-", "running skq");
  check("ac bc cd", "a- b-", "succeeded kkkk");
});

test("FAIL stops what runs and starts no more, and the instance fails when nothing runs", () => {
  check("ab cd", "a!fail", "failed fccc");
  check("ab cd", "c+ a!fail", "failing fcrc");
  check("ab cd", "c+ a!fail c.", "failed fccc");
  check("ab cd", "c+ a!fail c", "failed fcsc");
  check("ab cd", "c+ a!fail c~", "failed fccc");
});

test("IGNORE goes on and marks the success", () => {
  check("ab", "a!ignore", "running ignored fq");
  check("ab", "a!ignore b", "succeeded ignored fs");
});

test("SUSPEND holds what has not started until somebody acts", () => {
  check("ab cd", "a!suspend", "suspended fwww");
  check("ab cd", "c+ a!suspend c", "suspended fwsw");
  check("ab cd", "c+ a!suspend c~", "suspended fwww");
  check("ab cd", "c+ a!suspend c rerun", "running qwsq");
  check("ab cd", "c+ a!suspend rerun", "running qwrw");
  check("ab cd", "c+ a!suspend stop", "stopping fcrc");
  check("ab cd", "c+ a!suspend c!fail", "failed fcfc");
});

test("FAIL_CHILD gives up the branch below, the others go on, and the instance fails at its end", () => {
  check("ab bd ce", "a!fail-child", "running branch fcqcw");
  check("ab bd ce", "a!fail-child c e", "failed branch fcscs");
  // The only sink was given up with the branch, and yet another branch still runs.
  check("ac bc", "b+ a!fail-child", "running branch frc");
  check("ac bc", "b+ a!fail-child b", "failed branch fsc");
});

test("a stop cancels what has not started and waits for what runs", () => {
  check("ab c", "stop", "stopped ccc");
  check("ab c", "a+ stop", "stopping rcc");
  check("ab c", "a+ stop a.", "stopped ccc");
  check("ab c", "a+ stop a", "stopped scc");
});

test("a rerun after a success begins anew, else goes on from what did not succeed", () => {
  check("ab", "a b rerun", "running qw");
  check("ab ac", "a b c!fail rerun", "running ssq");
  check("ab bc", "a b!fail rerun b", "running ssq");
  check("ab bc", "a!ignore b c!fail rerun", "running ignored fsq");
  check("ab bc", "a!ignore b c rerun", "running qww");
  check("ac bc", "a- b!fail rerun b", "running ksq");
  check("ab", "a+ stop a rerun", "running sq");
  check("a", "a+ stop a rerun", "running q");
});

test("a waiting instance starts when it is released", () => {
  const waiting = begin("ab", "waiting");
  expect(show(waiting)).toBe("waiting ww");
  expect(show(play(waiting, "release"))).toBe("running qw");
  expect(show(play(waiting, "stop"))).toBe("stopped cc");
});

test("a paused instance lets what runs go on, starts nothing, and goes on where it was", () => {
  check("ab c", "a+ pause", "paused rww");
  check("ab c", "a+ pause a", "paused sww");
  check("ab c", "a+ pause a resume", "running sqq");
  check("ab c", "a+ pause a~ resume", "running qwq");
  check("a", "a+ pause a", "succeeded s");
  check("ab c", "a+ pause a!fail", "failed fcc");
  check("ab c", "a+ pause a!suspend", "suspended fww");
  check("ab c", "a+ pause a!fail-child", "paused branch fcw");
  check("ab c", "a+ pause stop a.", "stopped ccc");
});

test("a held node and its branch wait, the others go on", () => {
  check("ab bd cd", "b#", "running qw#qw");
  check("ab bd cd", "b# a c", "running sw#sw");
  check("ab bd cd", "b# a c b*", "running sqsw");
  check("ab bd cd", "b# b* a", "running sqqw");
  check("a b", "a# b", "running w#s");
  check("a b", "a# b a*", "running qs");
  check("a b", "a# pause a* resume", "running qq");
  // Nothing but skipped nodes before it: it is skipped as soon as it is let go.
  check("ab", "b# a-", "running kw#");
  check("ab", "b# a- b*", "succeeded kk");
  check("ab c", "b# c+ a!fail", "failing fcr");
  check("ab c", "b# a!suspend", "suspended fw#w");
  check("ab c", "b# a!suspend rerun", "running qw#q");
});

test("somebody decides how a failed node counts, and its successors go on", () => {
  check("ab", "a!suspend a=", "running sq");
  check("ab", "a!suspend a_", "running kq");
  check("ab", "a!suspend a_ b", "succeeded ks");
  check("ab", "a!fail a=", "running sq");
  check("ab", "a!fail a_", "running kq");
  check("a b", "b a!fail a=", "succeeded ss");
  check("ab bc d", "d a!fail-child a=", "running sqws");
  // The other failed node waits for a decision of its own.
  check("ac bd", "a+ b+ a!suspend b!suspend a=", "suspended sfww");
  check("ac bd", "a+ b+ a!suspend b!suspend a= b_", "running skqq");
  // After the other's decision the first one's is kept.
  check("ac bd", "a+ b+ a!suspend b!suspend a_ b_", "running kkqq");
});

test("a node whose turn has come is passed over", () => {
  check("ab", "a_", "running kq");
  check("ab", "a=", "running sq");
  check("ab", "pause a_", "paused kw");
  check("ab", "a# a_", "running kq");
  check("ac bc", "a_ b-", "running kkq");
  check("ac bc", "a_ b!fail rerun b-", "running kkq");
});

test("an instance that is ended as succeeded lets what runs end, and starts nothing", () => {
  check("ab", "force-success", "succeeded forced cc");
  check("ab", "a+ force-success", "stopping forced rc");
  check("ab", "a+ force-success a.", "succeeded forced cc");
  check("ab", "a+ force-success a!fail", "succeeded forced fc");
  check("ab c", "c+ a!fail force-success c.", "succeeded forced fcc");
  check("ab", "a!fail force-success", "succeeded forced fc");
  check("ab", "a!suspend force-success", "succeeded forced fc");
  check("ab", "a+ stop force-success a.", "succeeded forced cc");
  check("ab", "a+ stop a. force-success", "succeeded forced cc");
  check("ab", "a!fail force-success rerun", "running qw");
});

test("an instance whose time is over fails", () => {
  check("ab", "time-out", "failed cc");
  check("ab", "a+ time-out", "failing rc");
  check("ab", "a+ time-out a.", "failed cc");
  expect(show(play(begin("ab", "waiting"), "time-out"))).toBe("failed cc");
});

test("a rerun begins where it is told", () => {
  check("ab bc", "a b!fail rerun:first", "running qww");
  check("ab bc", "a b!fail rerun:failed", "running sqw");
  check("ab bc", "a b c rerun:b", "running sqw");
  check("ab bc d", "a b c d rerun:b", "running sqws");
  check("ab cd", "a+ c+ c!suspend a b+ rerun:c", "running srqw");
  // What did not succeed elsewhere begins anew as well.
  check("ab cd", "a c d!fail rerun:a", "running qwsq");
});

test("what a state does not allow is refused", () => {
  const refused = (edges: string, story: string, code = "instance-state") =>
    expect(() => play(begin(edges), story), story).toThrow(expect.objectContaining({ code }));
  refused("a", "a stop");
  refused("a", "a+ stop stop");
  refused("a", "a+ rerun");
  refused("ab c", "c+ a!fail rerun");
  refused("a", "release");
  refused("a", "pause pause");
  refused("a", "resume");
  refused("a", "a pause");
  refused("a", "a force-success");
  refused("a", "a+ force-success force-success");
  refused("a", "pause time-out");
  refused("a", "a rerun:b", "node-missing");
  refused("ab cd", "a+ c+ c!suspend rerun:a", "node-state");
  refused("ab", "a a#", "node-state");
  refused("ab", "a+ a#", "node-state");
  refused("ab", "b# b#", "node-state");
  refused("ab", "b*", "node-state");
  refused("ab", "a a=", "node-state");
  refused("ab", "b=", "node-state");
  refused("ab", "a+ a_", "node-state");
  refused("ab", "z#", "node-missing");
  refused("ab c", "c+ a!fail-child a=", "node-state");
  refused("a", "a a#");
  refused("ab", "a b b=");
});

test("sinks that are left are those without successors that have not ended", () => {
  expect(leftSinks(begin("ab ac").nodes)).toBe(2);
  expect(leftSinks(play(begin("ab ac"), "a b").nodes)).toBe(1);
});
