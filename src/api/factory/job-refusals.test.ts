/** Job definitions that are refused, with the vendor's code, and the boundaries of each range. */
import { beforeAll, expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody, PROJECT } from "../../../test/setup/factory.ts";

// Refusals write nothing, so that the tables below share a world; the last test holds that.
let world: FactoryWorld;
beforeAll(async () => {
  world = await factoryWorld();
});

const NODE = { name: "a", type: "Dummy", location: { x: 1, y: 2 }, properties: [] };
const CRON = { startTime: "2030-01-01T00:00:00+08", expression: "0 0 0 * * ?" };
const TRIGGER = { ...CRON, period: "1 hours" };
const node = (members: object) => ({ nodes: [{ ...NODE, ...members }] });
const cron = (members: object) => ({ schedule: { type: "CRON", cron: { ...CRON, ...members } } });
const basic = (members: object) => ({ basicConfig: members });
const many = (count: number) => Array.from({ length: count }, (_, n) => ({ ...NODE, name: `n${n}` }));

const REFUSED: readonly (readonly [what: string, members: Record<string, unknown>, code: string])[] = [
  ["no name", { name: undefined }, "DLF.3004"],
  ["an empty name", { name: "" }, "DLF.3004"],
  ["a null name", { name: null }, "DLF.3004"],
  ["a name that is a number", { name: 7 }, "DLF.3018"],
  ["a name with a blank", { name: "a b" }, "DLF.3018"],
  ["a name with letters of another script", { name: "naïve" }, "DLF.3018"],
  ["a name of 129 characters", { name: "a".repeat(129) }, "DLF.3018"],
  ["the name instances, which is a route", { name: "instances" }, "DLF.3018"],
  ["the name batch-export, which is a route", { name: "batch-export" }, "DLF.3018"],
  ["the name check-file, which is a route", { name: "check-file" }, "DLF.3018"],
  ["the name import, which is a route", { name: "import" }, "DLF.3018"],
  ["no type", { processType: undefined }, "DLF.2014"],
  ["an unknown type", { processType: "batch" }, "DLF.2014"],
  ["a type that is no text", { processType: ["BATCH"] }, "DLF.2014"],
  ["no schedule", { schedule: undefined }, "DLF.3025"],
  ["a schedule without type", { schedule: {} }, "DLF.3025"],
  ["an unknown schedule type", { schedule: { type: "cron" } }, "DLF.3025"],
  ["a schedule that is a text", { schedule: "CRON" }, "DLF.3025"],
  ["an event schedule without event", { schedule: { type: "EVENT" } }, "DLF.3025"],
  ["an unknown event type", { schedule: { type: "EVENT", event: { eventType: "FTP" } } }, "DLF.3025"],
  [
    "129 events at a time",
    { schedule: { type: "EVENT", event: { eventType: "OBS", concurrent: 129 } } },
    "DLF.3025",
  ],
  [
    "0 events at a time",
    { schedule: { type: "EVENT", event: { eventType: "OBS", concurrent: 0 } } },
    "DLF.3025",
  ],
  ["a cron schedule without start", cron({ startTime: undefined }), "DLF.3025"],
  ["a cron schedule without expression", cron({ expression: undefined }), "DLF.3025"],
  ["an expression of five fields", cron({ expression: "0 0 * * *" }), "DLF.3025"],
  ["hour 24", cron({ expression: "0 0 24 * * ?" }), "DLF.3025"],
  ["a day and a week", cron({ expression: "0 0 0 1 * 2" }), "DLF.3025"],
  ["words for an expression", cron({ expression: "every day" }), "DLF.3025"],
  ["a start without offset", cron({ startTime: "2030-01-01T00:00:00" }), "DLF.3025"],
  ["a start on February 30", cron({ startTime: "2030-02-30T00:00:00Z" }), "DLF.3025"],
  ["a start at hour 24", cron({ startTime: "2030-01-01T24:00:00Z" }), "DLF.3025"],
  ["a start that is a number", cron({ startTime: 1 }), "DLF.3025"],
  ["an end before the start", cron({ endTime: "2029-01-01T00:00:00Z" }), "DLF.3025"],
  ["an unknown zone", cron({ expressionTimeZone: "Mars/Olympus" }), "DLF.3025"],
  ["an unknown interval", cron({ intervalType: "eons" }), "DLF.3025"],
  ["dependPrePeriod as text", cron({ dependPrePeriod: "true" }), "DLF.3025"],
  ["dependJobs without jobs", cron({ dependJobs: {} }), "DLF.3025"],
  ["an unknown period of dependJobs", cron({ dependJobs: { jobs: [], dependPeriod: "NEXT" } }), "DLF.3025"],
  ["an unknown policy of dependJobs", cron({ dependJobs: { jobs: [], dependFailPolicy: "X" } }), "DLF.3025"],
  ["a job that waits for an unknown one", cron({ dependJobs: { jobs: ["nope"] } }), "DLF.0100"],
  ["a trigger without period", node({ cronTrigger: CRON }), "DLF.3025"],
  ["a trigger with a period of words", node({ cronTrigger: { ...TRIGGER, period: "daily" } }), "DLF.3025"],
  ["a trigger's expression", node({ cronTrigger: { ...TRIGGER, expression: "x" } }), "DLF.3025"],
  ["a trigger's start", node({ cronTrigger: { ...TRIGGER, startTime: "x" } }), "DLF.3025"],
  ["a description that is a number", { description: 5 }, "DLF.3050"],
  ["a description of 1025 characters", { description: "x".repeat(1025) }, "DLF.3050"],
  ["nodes that are no list", { nodes: {} }, "DLF.3051"],
  ["201 nodes", { nodes: many(201) }, "DLF.3051"],
  ["a node that is a text", { nodes: ["a"] }, "DLF.3051"],
  ["a node without name", node({ name: undefined }), "DLF.3051"],
  ["a node with an empty name", node({ name: "" }), "DLF.3051"],
  ["a node's name of 129 characters", node({ name: "n".repeat(129) }), "DLF.3051"],
  ["a node's name with a line break", node({ name: "a\nb" }), "DLF.3051"],
  ["two nodes of one name", { nodes: [NODE, NODE] }, "DLF.3051"],
  ["a node without type", node({ type: undefined }), "DLF.3051"],
  ["a node without location", node({ location: undefined }), "DLF.3051"],
  ["a location in words", node({ location: { x: "left", y: 0 } }), "DLF.3051"],
  ["properties that are no list", node({ properties: { a: "b" } }), "DLF.3051"],
  ["a property without name", node({ properties: [{ value: "v" }] }), "DLF.3051"],
  ["a property whose value is a number", node({ properties: [{ name: "p", value: 1 }] }), "DLF.3051"],
  [
    "properties in unreadable text",
    { nodes: [{ name: "a", type: "X", location: {}, nodeProperties: "[" }] },
    "DLF.3051",
  ],
  ["an unknown predecessor", node({ preNodeName: ["b"] }), "DLF.3051"],
  ["a node that waits for itself", node({ preNodeName: ["a"] }), "DLF.3051"],
  [
    "nodes that wait for each other",
    {
      nodes: [
        { ...NODE, preNodeName: ["b"] },
        { ...NODE, name: "b", preNodeName: ["a"] },
      ],
    },
    "DLF.3051",
  ],
  ["predecessors in a text", node({ preNodeName: "b" }), "DLF.3051"],
  [
    "a condition on a node that is not waited for",
    { nodes: [NODE, { ...NODE, name: "b", conditions: [{ preNodeName: "a", expression: "#{1 == 1}" }] }] },
    "DLF.3051",
  ],
  [
    "a condition without expression",
    { nodes: [NODE, { ...NODE, name: "b", preNodeName: ["a"], conditions: [{ preNodeName: "a" }] }] },
    "DLF.3051",
  ],
  [
    "a condition that cannot be read",
    {
      nodes: [
        NODE,
        { ...NODE, name: "b", preNodeName: ["a"], conditions: [{ preNodeName: "a", expression: "#{1 ==}" }] },
      ],
    },
    "DLF.3051",
  ],
  ["an expression without end", node({ properties: [{ name: "p", value: "#{1 + " }] }), "DLF.3051"],
  ["an unknown function", node({ properties: [{ name: "p", value: "#{System.exit(1)}" }] }), "DLF.3051"],
  [
    "an expression in a parameter that cannot be read",
    { params: [{ name: "k", value: "#{(}" }] },
    "DLF.3051",
  ],
  ["a polling interval of 0", node({ pollingInterval: 0 }), "DLF.3051"],
  ["a polling interval of 61", node({ pollingInterval: 61 }), "DLF.3051"],
  ["an execution time of 4", node({ maxExecutionTime: 4 }), "DLF.3051"],
  ["an execution time of 1441", node({ maxExecutionTime: 1441 }), "DLF.3051"],
  ["-1 retries", node({ retryTimes: -1 }), "DLF.3051"],
  ["6 retries", node({ retryTimes: 6 }), "DLF.3051"],
  ["1.5 retries", node({ retryTimes: 1.5 }), "DLF.3051"],
  ["retries in a text", node({ retryTimes: "1" }), "DLF.3051"],
  ["a retry interval of 4", node({ retryInterval: 4 }), "DLF.3051"],
  ["a retry interval of 121", node({ retryInterval: 121 }), "DLF.3051"],
  ["execTimeOutRetry that is yes", node({ execTimeOutRetry: "yes" }), "DLF.3051"],
  ["an unknown fail policy", node({ failPolicy: "fail" }), "DLF.3051"],
  ["an event trigger of an unknown type", node({ eventTrigger: { eventType: "X" } }), "DLF.3051"],
  ["a parameter without name", { params: [{ value: "v" }] }, "DLF.3051"],
  ["a parameter's name with a dot", { params: [{ name: "a.b", value: "v" }] }, "DLF.3051"],
  ["a parameter's name of 65 characters", { params: [{ name: "p".repeat(65), value: "v" }] }, "DLF.3051"],
  [
    "a parameter's value of 1025 characters",
    { params: [{ name: "p", value: "v".repeat(1025) }] },
    "DLF.3051",
  ],
  ["a parameter's value that is a number", { params: [{ name: "p", value: 1 }] }, "DLF.3051"],
  ["a parameter of an unknown type", { params: [{ name: "p", value: "1", type: "x" }] }, "DLF.3051"],
  [
    "two parameters of one name",
    {
      params: [
        { name: "p", value: "1" },
        { name: "p", value: "2" },
      ],
    },
    "DLF.3051",
  ],
  ["an owner of 129 characters", basic({ owner: "o".repeat(129) }), "DLF.3051"],
  ["priority 3", basic({ priority: 3 }), "DLF.3051"],
  ["priority -1", basic({ priority: -1 }), "DLF.3051"],
  ["isIgnoreWaiting 2", basic({ isIgnoreWaiting: 2 }), "DLF.3051"],
  ["an instance timeout of 4", basic({ instanceTimeout: 4 }), "DLF.3051"],
  ["an instance timeout of 1441", basic({ instanceTimeout: 1441 }), "DLF.3051"],
  ["custom fields beyond 2048 characters", basic({ customFields: { a: "x".repeat(2048) } }), "DLF.3051"],
  ["a setting that does not exist", basic({ customFields: { "azalai.catchup": "all" } }), "DLF.3051"],
  ["a setting against its rule", basic({ customFields: { "azalai.overlap": "0" } }), "DLF.3051"],
  ["tags in a text", basic({ tags: "a,b" }), "DLF.3051"],
  ["a directory that is a number", { directory: 1 }, "DLF.3051"],
  ["cleanOverdueDays in a text", { cleanOverdueDays: "1" }, "DLF.3051"],
  ["emptyRunningJob that is true", { emptyRunningJob: "true" }, "DLF.3051"],
  ["singleNodeJobFlag in a text", { singleNodeJobFlag: "true" }, "DLF.3051"],
  ["an unknown singleNodeJobType", { singleNodeJobType: "X" }, "DLF.3051"],
  ["an unknown target status", { targetStatus: "X" }, "DLF.3051"],
  ["approvers that are names", { approvers: ["me"] }, "DLF.3051"],
  ["a text that cannot be stored", { description: "a\0b" }, "DLF.3051"],
];

test.for(REFUSED)("refused: %s", async ([, members, code]) => {
  const answer = await world.call("POST", "/jobs", { body: jobBody("j", members) });
  expect(answer.json?.error_code).toBe(code);
  expect(answer.status).toBe(400);
  expect(answer.json.errors[0]).toEqual({ error_code: code, error_msg: answer.json.error_msg });
});

test("a refused create writes neither job nor workspace, a refused update leaves the job as it was", async () => {
  const { ok, call, pool } = await factoryWorld();
  for (const [, members] of REFUSED) await call("POST", "/jobs", { body: jobBody("j", members) });
  expect((await pool.query("select from workspace")).rowCount).toBe(0);
  await ok("POST", "/jobs", { body: jobBody("j") });
  const before = (await ok("GET", "/jobs/j")).json;
  for (const [what, members, code] of REFUSED) {
    const answer = await call("PUT", "/jobs/j", { body: jobBody("j", members) });
    expect(answer.json.error_code, what).toBe(code);
  }
  expect((await ok("GET", "/jobs/j")).json).toEqual(before);
  expect((await pool.query("select from job_version")).rowCount).toBe(1);
});

const ACCEPTED: readonly (readonly [what: string, members: Record<string, unknown>])[] = [
  ["a name of 128 characters", { name: "a".repeat(128) }],
  ["a name of one character", { name: "a" }],
  ["a name of Chinese characters and signs", { name: "数据_1-2.3" }],
  ["no nodes", { nodes: undefined }],
  ["an empty list of nodes", { nodes: [] }],
  ["200 nodes", { nodes: many(200) }],
  ["a node's name of 128 characters", node({ name: "n".repeat(128) })],
  ["a node's name as the console allows", node({ name: "x/<流>" })],
  ["an unknown node type", node({ type: "Quantum SQL" })],
  ["all least values", node({ pollingInterval: 1, maxExecutionTime: 5, retryTimes: 0, retryInterval: 5 })],
  [
    "all greatest values",
    node({ pollingInterval: 60, maxExecutionTime: 1440, retryTimes: 5, retryInterval: 120 }),
  ],
  [
    "a value of 1024 characters, a name of 64",
    { params: [{ name: "p".repeat(64), value: "v".repeat(1024) }] },
  ],
  ["a parameter without value", { params: [{ name: "p" }] }],
  ["an owner of 128 characters", basic({ owner: "o".repeat(128), priority: 0, instanceTimeout: 5 })],
  ["an instance timeout of 1440", basic({ priority: 2, instanceTimeout: 1440, isIgnoreWaiting: 1 })],
  ["a cron schedule without cron", { schedule: { type: "CRON" } }],
  ["a year in the expression", cron({ expression: "0 0 0 * * ? 2030" })],
  [
    "offsets in four forms",
    cron({ startTime: "2030-01-01T00:00:00+0800", endTime: "2030-01-02T00:00:00+08:00" }),
  ],
  ["a zone by name", cron({ expressionTimeZone: "Europe/Berlin" })],
  [
    "an event of 128 at a time",
    { schedule: { type: "EVENT", event: { eventType: "OBS", concurrent: 128 } } },
  ],
  ["the newer schedule types", { schedule: { type: "RUN_ONCE" } }],
  ["null for members that are left out", { params: null, description: null, basicConfig: { owner: null } }],
  [
    "a shell variable that looks like a parameter",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours.
    node({ properties: [{ name: "statement", value: "echo ${HOME}" }] }),
  ],
  ["an unknown member", { futureMember: { a: [1] } }],
];

test.for(ACCEPTED)("accepted: %s", async ([, members]) => {
  const { ok } = world;
  const body = jobBody("j", members);
  await ok("POST", "/jobs", { body, workspace: "accepted" });
  const path = `/jobs/${encodeURIComponent(String(body.name))}`;
  const { json } = await ok("GET", path, { workspace: "accepted" });
  expect(json.nodes).toEqual(body.nodes);
  await ok("DELETE", path, { workspace: "accepted" });
});

test("every problem of a definition is named at once", async () => {
  const body = jobBody("j", { ...node({ retryTimes: 9, failPolicy: "X" }), basicConfig: { priority: 7 } });
  const { json } = await world.call("POST", "/jobs", { body });
  expect(json.error_msg).toMatch(
    /^The request parameter is invalid\. .*nodes\.0\.retryTimes.*nodes\.0\.failPolicy.*basicConfig\.priority/,
  );
});

test.for([
  ["limit=0"],
  ["limit=101"],
  ["limit=abc"],
  ["limit="],
  ["limit=1.5"],
  ["limit=1e1"],
  ["offset=-1"],
  ["offset=2147483648"],
  ["offset=x"],
  ["jobType=batch"],
  ["jobType="],
  ["jobName=%00"],
])("the list refuses %s", async ([query]) => {
  expect(await world.call("GET", `/jobs?${query}`)).toMatchObject({
    status: 400,
    json: { error_code: "DLF.3051", error_msg: expect.stringMatching(/^The request parameter is invalid\./) },
  });
});

test("the list takes pages of 1 to 100, and of 1000 where the setting says so", async () => {
  const { ok } = world;
  for (const query of ["limit=1", "limit=100", "offset=2147483647"]) await ok("GET", `/jobs?${query}`);
  const wide = await factoryWorld({ pageMax: 1000 });
  await wide.ok("GET", "/jobs?limit=1000");
  expect((await wide.call("GET", "/jobs?limit=1001")).status).toBe(400);
});

test("bodies that are no JSON object are refused in the face's words", async () => {
  const { call } = world;
  for (const text of ["{", "[]", '"x"', "5", '{"name": "a" "b"}', Buffer.from([0x7b, 0xff, 0x7d])]) {
    const answer = await call("POST", "/jobs", { text });
    expect(answer, String(text)).toMatchObject({ status: 400, json: { error_code: "DLF.3051" } });
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f]{32}$/);
  }
  for (const text of ["", "null", "{}"])
    expect((await call("POST", "/jobs", { text })).json.error_code, text).toBe("DLF.3004");
  expect(
    (await call("POST", "/jobs", { text: `${"[".repeat(200)}${"]".repeat(200)}` })).json.error_code,
  ).toBe("DLF.3051");
});

test("another content type, another method, an unknown route and a body over the limit are refused", async () => {
  const { call } = world;
  const text = JSON.stringify(jobBody("j"));
  const form = { "content-type": "application/x-www-form-urlencoded" };
  expect(await call("POST", "/jobs", { text, headers: form })).toMatchObject({
    status: 415,
    json: { error_code: "DLF.3051", error_msg: expect.stringContaining("application/json") },
  });
  const gone = {
    error_code: "APIGW.0101",
    error_msg: "The API does not exist or has not been published in the environment",
  };
  expect(await call("PATCH", "/jobs", { body: {} })).toMatchObject({ status: 405, json: gone });
  expect(await call("GET", "/nothing")).toMatchObject({ status: 404, json: gone });
  expect(await call("GET", `/v2/${PROJECT}/factory/nothing`)).toMatchObject({ status: 404, json: gone });
  const large = JSON.stringify(jobBody("j", { unknown: "x".repeat(10 * 1024 * 1024) }));
  expect(await call("POST", "/jobs", { text: large })).toMatchObject({
    status: 413,
    json: { error_code: "DLF.3051" },
  });
  const nearly = jobBody("large", { unknown: "x".repeat(9 * 1024 * 1024) });
  expect((await call("POST", "/jobs", { body: nearly, workspace: "large" })).status).toBe(204);
});

test("content types with parameters and JSON suffixes are taken", async () => {
  const { call } = world;
  for (const type of [
    "application/json;charset=utf-8",
    "application/json; charset=UTF-8",
    "application/merge-patch+json",
  ]) {
    const text = JSON.stringify(jobBody("typed"));
    expect(
      (await call("POST", "/jobs", { text, workspace: "typed", headers: { "content-type": type } })).status,
    ).toBe(204);
    await call("DELETE", "/jobs/typed", { workspace: "typed" });
  }
});

test("without a token the answer is 401 with the request's id, without the role 403", async () => {
  const { call } = world;
  expect(await call("GET", "/jobs", { role: "none" })).toMatchObject({
    status: 401,
    json: {
      error_code: "APIGW.0301",
      error_msg: expect.stringMatching(/^Incorrect IAM authentication information: /),
      request_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    },
  });
  expect(await call("POST", "/jobs", { role: "reader", body: jobBody("j") })).toMatchObject({
    status: 403,
    json: { error_code: "DLF.6888" },
  });
});
