/** The vendor's own calls as unmodified clients sent them, recorded, put to ours: each answer has what they read, of its kind. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { LOCAL_CLUSTER_ID } from "../src/domain/cluster.ts";
import { JOB_TYPES } from "../src/domain/job-type.ts";
import { formatObjectId } from "../src/domain/shared-object.ts";
import { type SaharaWorld, saharaWorld, tokenOf } from "./setup/sahara-world.ts";

// The recordings run types that need software of their own; nothing is run here.
vi.mock("../src/domain/cluster.ts", async (importOriginal) => {
  const original = await importOriginal<typeof import("../src/domain/cluster.ts")>();
  return {
    ...original,
    localCluster: (projectId: string) => ({ ...original.localCluster(projectId), runs: JOB_TYPES }),
  };
});

interface Request {
  readonly method: "GET" | "POST" | "DELETE";
  readonly target: string;
  readonly body: unknown;
  readonly response?: { readonly status: number; readonly body: unknown };
}

interface Call {
  readonly name: string;
  readonly requests: readonly Request[];
}

const GOLDEN = join(import.meta.dirname, "fixtures/golden");
const CLUSTER = formatObjectId(LOCAL_CLUSTER_ID);
const OURS =
  /^\/v1\.1\/\w+\/(?:jobs\/submit-job|job-exes|cluster_infos)|^\/v2\/\w+\/clusters\/[\w-]+\/job-executions|^\/v1\.1\/\w+\/job-executions\/84900772/;
const CLIENTS = /^(?:huaweicloudsdk|gophertelekomcloud|chnsz)/;

/** Answered otherwise on purpose, or not looked at, and why. */
const DECIDED: Readonly<Record<string, { readonly status: number; readonly why: string }>> = {
  ex06: { status: 400, why: "a line of spark-submit without a program cannot run" },
  ex10: { status: 404, why: "its ids are of no run" },
  ex07: { status: 202, why: "the vendor documents 202, and one of its clients takes nothing else" },
  ex14: { status: 200, why: "its signature is not looked at here" },
  ex16: { status: 404, why: "the stand-in's 400 for a run that is not there is no evidence (mrs-v1.1 2)" },
  ex11: { status: 409, why: "nothing is run here, and the run has not ended" },
  ex38: { status: 400, why: "a signer's body, with no name and no cluster" },
  "mrs: plan when it is gone (0176)": { status: 404, why: "mrs-v1.1 2: 404 for what does not exist" },
};

function recordedCalls(): Call[] {
  const { exchanges } = JSON.parse(readFileSync(join(GOLDEN, "auth/exchanges.json"), "utf8"));
  const signed = exchanges
    .filter(({ client }: { client: string }) => CLIENTS.test(client))
    .map(({ id, steps }: { id: string; steps: { request: Request; response: Request["response"] }[] }) => ({
      name: id,
      requests: steps.map(({ request, response }) => ({ ...request, response })),
    }));
  const others = ["terraform_calls.json", "airflow_calls.json", "kestra_read.json"].flatMap((file) => {
    const { calls } = JSON.parse(readFileSync(join(GOLDEN, "dataarts", file), "utf8"));
    return calls.flatMap((call: { call?: string; requests?: Request[] }) =>
      call.call === undefined ? [] : [{ name: call.call, requests: call.requests ?? [] }],
    );
  });
  return [...signed, ...others]
    .map(({ name, requests }: Call) => ({
      name,
      requests: requests.filter(({ target }) => OURS.test(target)),
    }))
    .filter(({ requests }) => requests.length > 0);
}

let world: SaharaWorld;

beforeAll(async () => {
  world = await saharaWorld("none");
});
afterAll(() => world.close());

async function send(project: string, method: Request["method"], url: string, body: unknown) {
  const payload = typeof body === "string" ? body : body === null ? "" : JSON.stringify(body);
  const answer = await world.app.inject({
    method,
    url,
    headers: { "x-auth-token": tokenOf(project), "content-type": "application/json" },
    ...(payload !== "" && { payload }),
  });
  return { status: answer.statusCode, body: answer.body === "" ? null : answer.json() };
}

/** Recorded ids stand for a run and a cluster that are there. */
function oursOf(text: string, run: string): string {
  return text
    .replaceAll(/33dff020-7f96-4270-9c3a-88b99627f6e2|(?<=clusters\/|cluster_infos\/)cluster-1/g, CLUSTER)
    .replaceAll(
      /12ee9ae4(?:-[0-9a-f-]{27})?|84900772-8807-4ddc-9484-f719fa43711f|431b135e(?:-[0-9a-f-]{27})?|ce224f87-f59e-424d-913b-6aee78e1062c|a408fa05-60b0-4c70-ae32-d71732965ac5|JOB_ID/g,
      run,
    );
}

/** Each member that was recorded is there, of the same kind, where neither is null. */
function holdsKinds(given: unknown, recorded: unknown, where: string): void {
  if (recorded === null || given === null) return;
  if (Array.isArray(recorded)) {
    expect(Array.isArray(given), where).toBe(true);
    const [one] = given as unknown[];
    if (one !== undefined && recorded[0] !== undefined) holdsKinds(one, recorded[0], `${where}[0]`);
    return;
  }
  expect(typeof given, where).toBe(typeof recorded);
  if (typeof recorded !== "object") return;
  for (const [name, value] of Object.entries(recorded)) {
    expect(given, where).toHaveProperty([name]);
    holdsKinds((given as Record<string, unknown>)[name], value, `${where}.${name}`);
  }
}

const calls = recordedCalls();

test("the recordings of all clients are looked at", () => {
  expect(calls.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(DECIDED)));
  expect(calls.length).toBe(CALLS);
});
const CALLS = 45;

test.each(calls)("$name", async ({ name, requests }) => {
  let project = "";
  for (const { method, target, body, response } of requests) {
    project = target.split("/")[2] ?? "";
    const sql = { job_type: "HiveSql", job_name: "q1", arguments: ["select 1;"] };
    const made = await send(project, "POST", `/v2/${project}/clusters/${CLUSTER}/job-executions`, sql);
    const run = name.includes("gone")
      ? "00000000-0000-4000-8000-000000000000"
      : made.body.job_submit_result.job_id;
    const text = body === null ? null : oursOf(typeof body === "string" ? body : JSON.stringify(body), run);
    const answer = await send(project, method, oursOf(target, run), text);
    const what = `${method} ${target}: ${JSON.stringify(answer.body)}`;
    const decided = DECIDED[name]?.status;
    if (decided !== undefined) expect(answer.status, what).toBe(decided);
    else if (response === undefined) expect(answer.status, what).toBeLessThan(300);
    else {
      expect(answer.status, what).toBe(response.status);
      if (response.status < 300) holdsKinds(answer.body, response.body, what);
    }
  }
});
