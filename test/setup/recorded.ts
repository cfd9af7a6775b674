/** The requests that real Factory clients sent, recorded, and how to put them to a server one after the other. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Route } from "../../src/api/route.ts";
import { type Answer, type FactoryWorld, jobBody } from "./factory.ts";

export interface Recorded {
  /** Of the call that sent it. */
  readonly call: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly response: {
    readonly status: number;
    readonly body?: { readonly error_code?: string; readonly instanceId?: number };
  };
}

const FOLDER = join(import.meta.dirname, "../fixtures/golden/dataarts");

/** The requests of a file for any of the routes. */
export async function readRecorded(file: string, routes: readonly Route[]): Promise<Recorded[]> {
  const { calls } = JSON.parse(await readFile(join(FOLDER, file), "utf8"));
  const patterns = routes.map(({ method, path }) => ({
    method,
    path: new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+")}$`),
  }));
  return calls
    .flatMap((entry: Recorded & { requests?: Recorded[] }) =>
      (entry.requests ?? [entry]).map((request) => ({
        ...request,
        call: entry.call ?? `${entry.method} ${entry.target}`,
      })),
    )
    .filter(({ method, target }: Recorded) => {
      const path = target.split("?")[0] ?? "";
      return patterns.some((pattern) => pattern.method === method && pattern.path.test(path));
    });
}

/** Calls whose answer is ours, not that of the recording's stand-in. */
export type Differing = Readonly<Record<string, readonly [status: number, code?: string]>>;

/** Sends each and holds the answers to the recorded ones; gives how many were sent. */
export async function replay(
  requests: readonly Recorded[],
  send: (request: Recorded) => Promise<Answer>,
  differing: Differing = {},
): Promise<number> {
  for (const request of requests) {
    const answer = await send(request);
    const { status, body } = request.response;
    const [expectedStatus, code] = differing[request.call] ?? [status, body?.error_code];
    const what = `${request.call}: ${request.method} ${request.target} ${JSON.stringify(answer.json)}`;
    expect(answer.status, what).toBe(expectedStatus);
    if (code !== undefined) expect(answer.json.error_code, what).toBe(code);
  }
  return requests.length;
}

const CRON = {
  schedule: { type: "CRON", cron: { startTime: "2030-01-01T00:00:00Z", expression: "0 0 0 * * ?" } },
};

/** Makes the jobs that were there before a client's recording began. */
export async function prepareRecorded({ ok }: FactoryWorld, client: "terraform" | "airflow"): Promise<void> {
  const [workspace, jobs] = {
    terraform: ["w1", { cron1: CRON, 流1: { processType: "REAL_TIME" }, once1: {}, bad1: {} }],
    airflow: ["wsa", { af_ok: {}, af_bad: {}, af_cron: CRON }],
  }[client] as [string, Readonly<Record<string, object>>];
  for (const [name, members] of Object.entries(jobs))
    await ok("POST", "/jobs", { workspace, body: jobBody(name, { ...members }) });
}
