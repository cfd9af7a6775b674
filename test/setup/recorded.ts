/** The requests that real Factory clients sent, recorded, and how to put them to a server one after the other. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect } from "vitest";
import type { Route } from "../../src/api/route.ts";
import { packagePath } from "../../src/domain/package.ts";
import { writeArchive } from "../../src/store/zip-archive.ts";
import { type Answer, type FactoryWorld, jobBody, PROJECT } from "./factory.ts";

export interface Recorded {
  /** Of the call that sent it. */
  readonly call: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly response: {
    readonly status: number;
    readonly body?: {
      readonly error_code?: string;
      /** Of an instance, or of a script's run as text. */
      readonly instanceId?: number | string;
      readonly resourceId?: string;
      readonly taskId?: string;
    };
  };
}

const FOLDER = join(import.meta.dirname, "../fixtures/golden/dataarts");

/** What clients ask for that the face has no route for, as method and path, and why that is so. */
const NOT_SERVED: readonly (readonly [asked: RegExp, why: string])[] = [
  [/^\w+ \/v3\//, "the identity face answers it, and has recordings of its own"],
  [
    /^\w+ \/v(1[.]1|2)\/\w+\/(clusters|cluster_infos|run-job-flow)\b/,
    "clusters are another API of the vendor",
  ],
];

/**
 * The requests of a file for any of the routes. Throws when another has no reason in `NOT_SERVED` for being left out, or
 * when one that is served has.
 */
export async function readRecorded(file: string, routes: readonly Route[]): Promise<Recorded[]> {
  const { calls } = JSON.parse(await readFile(join(FOLDER, file), "utf8"));
  const requests: Recorded[] = calls.flatMap((entry: Recorded & { requests?: Recorded[] }) =>
    (entry.requests ?? [entry]).map((request) => ({
      ...request,
      call: entry.call ?? `${entry.method} ${entry.target}`,
    })),
  );
  const patterns = routes.map(
    ({ method, path }) => new RegExp(`^${method} ${path.replaceAll(/:\w+/g, "[^/]+")}$`),
  );
  return requests.filter(({ method, target }) => {
    const asked = `${method} ${decodeURIComponent(target.split("?")[0] ?? "")}`;
    const isServed = patterns.some((pattern) => pattern.test(asked));
    const reason = NOT_SERVED.find(([left]) => left.test(asked))?.[1];
    if (isServed && reason !== undefined) throw new RangeError(`${asked} is served, and yet: ${reason}`);
    if (!isServed && reason === undefined)
      throw new RangeError(`${file}: nobody says why ${asked} is not served`);
    return isServed;
  });
}

/** Puts requests to a world with its own tokens, and names what they made by the ids that it has there. */
export function createBodySender(world: FactoryWorld): (request: Recorded) => Promise<Answer> {
  const ids = new Map<string, string>();
  return async ({ method, target, headers, body, response }) => {
    const { "Content-Type": type = "", workspace = "", Workspace = "" } = headers;
    const ours = target.replace(
      /(?<=\/(instances|resources|system-tasks)\/)[\w-]+/,
      (id) => ids.get(id) ?? id,
    );
    const answer = await world.call(method, ours, {
      ...(method !== "GET" && { text: body }),
      headers: { ...(type !== "" && { "content-type": type }), workspace: workspace + Workspace },
    });
    for (const member of ["instanceId", "resourceId", "taskId"] as const)
      if (response.body?.[member] !== undefined)
        ids.set(String(response.body[member]), String(answer.json[member]));
    return answer;
  };
}

/** Calls whose answer is ours, not that of the recording's stand-in. */
export type Differing = Readonly<Record<string, readonly [status: number, code?: string]>>;

/** Sends each and holds the answers to the recorded ones. */
export async function replay(
  requests: readonly Recorded[],
  send: (request: Recorded) => Promise<Answer>,
  differing: Differing = {},
): Promise<void> {
  expect(requests, "the recording has nothing for the face").not.toEqual([]);
  for (const request of requests) {
    const answer = await send(request);
    const { status, body } = request.response;
    const [expectedStatus, code] = differing[request.call] ?? [status, body?.error_code];
    const what = `${request.call}: ${request.method} ${request.target} ${JSON.stringify(answer.json)}`;
    expect(answer.status, what).toBe(expectedStatus);
    if (code !== undefined) expect(answer.json.error_code, what).toBe(code);
  }
}

/** A job that is up, where nodes are run, until somebody stops it. */
const LASTING = {
  processType: "REAL_TIME",
  nodes: [{ name: "a", type: "Hold", location: { x: 1, y: 2 }, properties: [] }],
};
const CRON = {
  schedule: { type: "CRON", cron: { startTime: "2030-01-01T00:00:00Z", expression: "0 0 0 * * ?" } },
};

/** Where the recordings' stand-in put packages, by the job in each. */
const PACKAGES = {
  dgc: { j1: "obs://bkt/x/j1_exported/1795416919356/j1.zip" },
  terraform: { once1: "obs://b/out/once1_exported/1795421425164/once1.zip" },
} as const;

/** The path of an export has its time in it, and the recordings have another than these tests. */
async function putPackages({ deps }: FactoryWorld, client: keyof typeof PACKAGES): Promise<void> {
  for (const [job, path] of Object.entries(PACKAGES[client])) {
    const file = { path: packagePath("job", job), content: JSON.stringify(jobBody(job)) };
    await deps.buckets(PROJECT).write(path, writeArchive(Readable.from([file]), deps.now()));
  }
}

/** Makes what was there before a client's recording began, or is in it under another time. */
export async function prepareRecorded(
  world: FactoryWorld,
  client: "dgc" | "terraform" | "airflow" | "dataartsstudio",
): Promise<void> {
  if (client === "dgc" || client === "terraform") await putPackages(world, client);
  const [workspace, jobs] = {
    terraform: ["w1", { cron1: CRON, 流1: LASTING, once1: {}, bad1: {} }],
    dgc: ["w1", {}],
    airflow: ["wsa", { af_ok: {}, af_bad: {}, af_cron: CRON }],
    // The name to which the recording renames in vain.
    dataartsstudio: ["w3", { v2k: {} }],
  }[client] as [string, Readonly<Record<string, object>>];
  for (const [name, members] of Object.entries(jobs))
    await world.ok("POST", "/jobs", { workspace, body: jobBody(name, { ...members }) });
}
