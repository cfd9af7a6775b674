import { expect, test } from "vitest";
import { advance, leftSinks, type Move, type Progress } from "./instance.ts";

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
      successors,
    } as const;
  });
  return { state, failedBranch: false, ignoreSuccess: false, nodes };
}

/** `a` runs and succeeds; `a+` runs; `a!fail` and so on runs and fails; `a-` is skipped; `a~` is tried again; `a.` is cancelled. */
function play(begun: Progress, story: string): Progress {
  let progress = begun;
  for (const word of story.split(" ")) progress = playWord(progress, word);
  return progress;
}

function playWord(before: Progress, word: string): Progress {
  if (word === "stop" || word === "restart" || word === "release") return advance(before, { type: word });
  const nodeNo = word.charCodeAt(0) - 97;
  const nodes = before.nodes.map((node, no) =>
    no === nodeNo ? { ...node, state: "running" as const } : node,
  );
  const running = { ...before, nodes };
  return word.endsWith("+") ? running : advance(running, moveOf(nodeNo, word.slice(1)));
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

function show({ state, failedBranch, ignoreSuccess, nodes }: Progress): string {
  const flags = `${failedBranch ? " branch" : ""}${ignoreSuccess ? " ignored" : ""}`;
  return `${state}${flags} ${nodes.map((node) => LETTERS[node.state]).join("")}`;
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
  check("ab cd", "c+ a!suspend c restart", "running qwsq");
  check("ab cd", "c+ a!suspend restart", "running qwrw");
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

test("a restart after a success begins anew, else goes on from what did not succeed", () => {
  check("ab", "a b restart", "running qw");
  check("ab ac", "a b c!fail restart", "running ssq");
  check("ab bc", "a b!fail restart b", "running ssq");
  check("ab bc", "a!ignore b c!fail restart", "running ignored fsq");
  check("ab bc", "a!ignore b c restart", "running qww");
  check("ac bc", "a- b!fail restart b", "running ksq");
  check("ab", "a+ stop a restart", "running sq");
  check("a", "a+ stop a restart", "running q");
});

test("a waiting instance starts when it is released", () => {
  const waiting = begin("ab", "waiting");
  expect(show(waiting)).toBe("waiting ww");
  expect(show(play(waiting, "release"))).toBe("running qw");
  expect(show(play(waiting, "stop"))).toBe("stopped cc");
});

test("what an instance's state does not allow is refused", () => {
  const refused = (edges: string, story: string) =>
    expect(() => play(begin(edges), story), story).toThrow(
      expect.objectContaining({ code: "instance-state" }),
    );
  refused("a", "a stop");
  refused("a", "a+ stop stop");
  refused("a", "a+ restart");
  refused("ab c", "c+ a!fail restart");
  refused("a", "release");
});

test("sinks that are left are those without successors that have not ended", () => {
  expect(leftSinks(begin("ab ac").nodes)).toBe(2);
  expect(leftSinks(play(begin("ab ac"), "a b").nodes)).toBe(1);
});
