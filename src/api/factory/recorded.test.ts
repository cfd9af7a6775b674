/** The requests that real clients sent, recorded, put to the face one after the other. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type FactoryWorld, factoryWorld, jobBody } from "../../../test/setup/factory.ts";
import { createFactoryFace } from "./routes.ts";

interface Recorded {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly response: {
    readonly status: number;
    readonly body?: { readonly error_code?: string; readonly instanceId?: number };
  };
}

const FOLDER = join(import.meta.dirname, "../../../test/fixtures/golden/dataarts");

/** The requests of a file for routes of the face, with the name of the call that sent them. */
async function recorded(world: FactoryWorld, file: string): Promise<{ call: string; request: Recorded }[]> {
  const { calls } = JSON.parse(await readFile(join(FOLDER, file), "utf8"));
  const patterns = createFactoryFace(world.deps).routes.map(({ method, path }) => ({
    method,
    path: new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+")}$`),
  }));
  return calls
    .flatMap((call: Recorded & { call?: string; requests?: Recorded[] }) =>
      (call.requests ?? [call]).map((request) => ({
        call: call.call ?? `${call.method} ${call.target}`,
        request,
      })),
    )
    .filter(({ request }: { request: Recorded }) => {
      // The Go client's first run was refused, because the stand-in did not know its signature yet.
      if (file.startsWith("otc") && request.response.status === 401) return false;
      const path = request.target.split("?")[0] ?? "";
      return patterns.some((pattern) => pattern.method === request.method && pattern.path.test(path));
    });
}

/** Sends each; `differing` names calls whose answer is ours, not that of the recording's stand-in. */
async function replay(
  world: FactoryWorld,
  file: string,
  differing: Readonly<Record<string, readonly [status: number, code?: string]>> = {},
): Promise<number> {
  const requests = await recorded(world, file);
  const instances = new Map<string, string>();
  for (const { call, request } of requests) {
    const { "Content-Type": type = "", workspace = "", Workspace = "" } = request.headers;
    const target = request.target.replace(/(?<=\/instances\/)\d+/, (id) => instances.get(id) ?? id);
    const answer = await world.call(request.method, target, {
      ...(request.method !== "GET" && { text: request.body }),
      headers: { ...(type !== "" && { "content-type": type }), workspace: workspace + Workspace },
    });
    const { status, body } = request.response;
    const [expectedStatus, code] = differing[call] ?? [status, body?.error_code];
    const what = `${call}: ${request.method} ${target} ${JSON.stringify(answer.json)}`;
    expect(answer.status, what).toBe(expectedStatus);
    if (code !== undefined) expect(answer.json.error_code, what).toBe(code);
    if (body?.instanceId !== undefined)
      instances.set(String(body.instanceId), String(answer.json.instanceId));
  }
  return requests.length;
}

/** Jobs that were there before the recording began. */
async function prepare({ ok }: FactoryWorld, workspace: string, jobs: Readonly<Record<string, object>>) {
  for (const [name, members] of Object.entries(jobs))
    await ok("POST", "/jobs", { workspace, body: jobBody(name, { ...members }) });
}

const CRON = {
  schedule: { type: "CRON", cron: { startTime: "2030-01-01T00:00:00Z", expression: "0 0 0 * * ?" } },
};

test("the vendor's Python SDK for data development is understood", async () => {
  const world = await factoryWorld();
  // Signatures are not this test's matter: the wrong one counts as a token here.
  expect(await replay(world, "dgc_calls.json", { "list_jobs(bad signature)": [200] })).toBe(24);
});

test("the vendor's older Python SDK is understood", async () => {
  const world = await factoryWorld();
  expect(await replay(world, "dlf_calls.json", { create_script: [204] })).toBe(17);
});

test("the second vendor's Go client is understood", async () => {
  const world = await factoryWorld();
  expect(await replay(world, "otc_go_calls.json")).toBe(30);
});

test("the Terraform provider is understood", async () => {
  const world = await factoryWorld();
  await prepare(world, "w1", { cron1: CRON, 流1: { processType: "REAL_TIME" }, once1: {}, bad1: {} });
  const differing = {
    "data source jobs: unknown workspace": [200],
    "auth: wrong secret": [200],
  } as const;
  expect(await replay(world, "terraform_calls.json", differing)).toBe(82);
});

test("the Airflow provider is understood", async () => {
  const world = await factoryWorld();
  await prepare(world, "wsa", { af_ok: {}, af_bad: {}, af_cron: CRON });
  expect(await replay(world, "airflow_calls.json")).toBe(13);
});
