/** Every place where an expression may stand refuses one that cannot be read, with its position and cause. */
import { expect, test } from "vitest";
import { type Call, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";

const BROKEN = "from #{Job.getPlanTime()} on";
const CAUSE = "expression at character 12: Job.getPlanTime takes 1 argument, not 0";

const place = { x: 1, y: 2 };
const nodes = (properties: object[], conditions: object[] = []) => [
  { name: "a", type: "Dummy", location: place, properties: [] },
  { name: "b", type: "Dummy", location: place, preNodeName: ["a"], properties, conditions },
];
const job = (members: object): Call => ({ body: jobBody("broken", { ...members }) });
const script = (content: string): Call => ({
  body: { name: "s", type: "Shell", content, connectionName: "c" },
});
const value = { name: "p", value: BROKEN };

const PLACES: readonly (readonly [place: string, method: string, path: string, call: Call, named: string])[] =
  [
    ["a node's property", "POST", "/jobs", job({ nodes: nodes([value]) }), 'nodes: "b": property p'],
    [
      "a node's condition",
      "POST",
      "/jobs",
      job({ nodes: nodes([], [{ preNodeName: "a", expression: BROKEN }]) }),
      'nodes: "b": condition on "a"',
    ],
    ["a job's parameter", "POST", "/jobs", job({ params: [value] }), 'params: "p"'],
    [
      "a job that is saved again",
      "PUT",
      "/jobs/kept",
      { body: jobBody("kept", { params: [value] }) },
      'params: "p"',
    ],
    ["a script", "POST", "/scripts", script(BROKEN), "content"],
    [
      "a parameter of a run",
      "POST",
      "/jobs/kept/run-immediate",
      { body: { jobParams: [value] } },
      'params: "p"',
    ],
    ["a parameter of a start", "POST", "/jobs/kept/start", { body: { jobParams: [value] } }, 'params: "p"'],
    [
      "a variable of the workspace",
      "PUT",
      `/v2/${PROJECT}/factory/env`,
      { body: { params: [value] } },
      'params: "p"',
    ],
  ];

test("each place refuses what cannot be read, and says where and why", async () => {
  const { call, ok } = await factoryWorld();
  await ok("POST", "/jobs", { body: jobBody("kept") });
  for (const [where, method, path, given, named] of PLACES) {
    const answer = await call(method, path, given);
    expect(answer.status, where).toBe(400);
    expect(answer.json.error_msg, where).toContain(`${named}: ${CAUSE}`);
  }
});

test("several problems are told at once, and a text without expressions is left alone", async () => {
  const { call, ok } = await factoryWorld();
  const answer = await call("POST", "/jobs", job({ params: [{ name: "p", value: "#{a} #{1 +}" }, value] }));
  expect(answer.json.error_msg).toMatch(
    /character 3: there is no object "a".*character 11: .*character 12: /,
  );
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's own variable.
  await ok("POST", "/scripts", script("echo ${HOME} # {not one} $1 #"));
});
