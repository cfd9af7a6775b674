/** The vendor's three Python SDKs played against a running service, and the page that says what works of them. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  COMPATIBILITY_PAGE,
  COMPATIBILITY_RECORD,
  drawCompatibilityPage,
} from "../tools/compatibility-page.ts";
import { connectionPlays } from "./compatibility/connections.ts";
import { environmentPlays } from "./compatibility/environment.ts";
import { instancePlays } from "./compatibility/instances.ts";
import { jobPlays } from "./compatibility/jobs.ts";
import { jobV2Plays } from "./compatibility/jobs-v2.ts";
import { monitorPlays } from "./compatibility/monitor.ts";
import { packagePlays } from "./compatibility/packages.ts";
import type { Play, Stage } from "./compatibility/play.ts";
import { resourcePlays } from "./compatibility/resources.ts";
import { scriptRunPlays } from "./compatibility/script-runs.ts";
import { scriptPlays } from "./compatibility/scripts.ts";
import { SDKS, type Sdk } from "./compatibility/sdk-fields.ts";
import { searchPlays } from "./compatibility/search.ts";
import { type Exercised, judge } from "./compatibility/verdicts.ts";
import { type PythonClient, startPythonClient, testPython } from "./setup/python-client.ts";
import { type Service, startService } from "./setup/service.ts";

/** Python's own start, and a run's, on a machine that does much else. */
const SLOW_MS = 120_000;
const PLAYS: readonly Play[] = [
  ...connectionPlays,
  ...environmentPlays,
  ...instancePlays,
  ...jobPlays,
  ...jobV2Plays,
  ...monitorPlays,
  ...packagePlays,
  ...resourcePlays,
  ...scriptRunPlays,
  ...scriptPlays,
  ...searchPlays,
];

let service: Service;
let token: string;
let clients: Readonly<Record<Sdk, PythonClient>>;

beforeAll(async () => {
  testPython();
  // Notices are posted to an address of this machine.
  service = await startService({ env: { AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" } });
  token = await service.token();
  const start = (sdk: Sdk) => startPythonClient("factory", { sdk, url: service.url, ...service.credentials });
  clients = { dgc: start("dgc"), dlf: start("dlf"), dataartsstudio: start("dataartsstudio") };
}, SLOW_MS);
afterAll(async () => {
  for (const client of Object.values(clients ?? {})) await client.end();
  await service?.remove();
}, SLOW_MS);

function stageOf({ sdk }: Play, workspace: string): Stage {
  const client = clients[sdk];
  const { userName, projectId } = service.credentials;
  return {
    workspace,
    userName,
    projectId,
    call: (name, args) => client.call(name, { workspace, ...args }),
    refusal: (name, args) => client.refusal(name, { workspace, ...args }),
    send: async (method, path, body) => {
      const headers = { "content-type": "application/json", "x-auth-token": token, workspace };
      const url = service.url + (path.startsWith("/api/") ? path : `/v1/${projectId}${path}`);
      const isBare = typeof body === "string" || body instanceof Uint8Array;
      const text = isBare ? body : JSON.stringify(body);
      const answer = await fetch(url, { method, headers, ...(body !== undefined && { body: text }) });
      const answered = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${answered}`);
      return answered === "" ? undefined : JSON.parse(answered);
    },
  };
}

test.each(PLAYS.map((play, place) => ({ ...play, workspace: `play-${place}` })))(
  "$sdk $about",
  { timeout: SLOW_MS },
  async ({ workspace, ...play }) => {
    await play.perform(stageOf(play, workspace));
  },
);

/** By the service's own page, as `GET /v1/{}/jobs`. */
async function servedPaths(): Promise<Set<string>> {
  const { paths } = (await (await fetch(`${service.url}/openapi/factory.json`)).json()) as {
    paths: Readonly<Record<string, object>>;
  };
  return new Set(
    Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${unnamed(path)}`),
    ),
  );
}

/** The SDKs do not agree on the names of a path's parameters. */
function unnamed(path: string): string {
  return path.replaceAll(/{\w+}/g, "{}");
}

test("every operation and member works or has a reason why not, and the page says so", async () => {
  const exercised: [Sdk, Exercised][] = [];
  for (const sdk of SDKS) exercised.push([sdk, await clients[sdk].call("exercised")]);
  const served = await servedPaths();
  const { verdicts, problems } = await judge(
    Object.fromEntries(exercised) as Record<Sdk, Exercised>,
    ({ method, path }) => served.has(`${method} ${unnamed(path)}`),
  );
  await mkdir(dirname(COMPATIBILITY_RECORD), { recursive: true });
  await writeFile(COMPATIBILITY_RECORD, JSON.stringify(verdicts));
  expect(problems).toEqual([]);
  expect(await readFile(COMPATIBILITY_PAGE, "utf8"), "node tools/compatibility-page.ts draws it anew").toBe(
    drawCompatibilityPage(verdicts),
  );
});
