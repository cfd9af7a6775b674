/** Both faces of a running service as a test of engines uses them: files, jobs of Factory, runs of Sahara. */
import { join } from "node:path";
import { expect, vi } from "vitest";
import { createFolderBlobs } from "../../../src/store/blobs.ts";
import { createBuckets } from "../../../src/store/buckets.ts";
import type { Service } from "../../setup/service.ts";

/** Clusters start slowly on a machine with two cores. */
const END_MS = 300_000;

export interface NodeEnd {
  readonly state: string;
  readonly output: string | null;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly attempts: readonly { readonly attempt: number; readonly logBytes: number }[];
}

export interface SaharaRun {
  readonly id: string;
  readonly info: { readonly status: string; readonly return_code: number | null };
  readonly engine_job_id: unknown;
}

export interface Faces {
  /** Puts a file at `{bucket}/{key}`. */
  readonly upload: (path: string, content: string | Buffer) => Promise<void>;
  /** The texts of all files below `obs://…` but marks of completion. */
  readonly texts: (folder: string) => Promise<string[]>;
  /** Runs a job with one node; gives the instance's id. */
  readonly start: (
    name: string,
    type: string,
    properties: Readonly<Record<string, string>>,
  ) => Promise<number>;
  /** The one node of the instance when it has ended. */
  readonly ended: (instanceId: number) => Promise<NodeEnd>;
  readonly run: (
    name: string,
    type: string,
    properties: Readonly<Record<string, string>>,
  ) => Promise<NodeEnd>;
  /** The one node of the instance, as it is. */
  readonly look: (instanceId: number) => Promise<NodeEnd>;
  readonly stop: (instanceId: number) => Promise<void>;
  /** The log of one attempt at the one node, from a byte on. */
  readonly log: (instanceId: number, attempt: number, from?: number) => Promise<string>;
  /** A call of `/v1/{project}`. */
  readonly factory: (method: string, path: string, body?: unknown) => Promise<Answer>;
  /** A call of `/v1.1/{project}`. */
  readonly sahara: (method: string, path: string, body?: unknown) => Promise<Answer>;
  /** A binary with this content in the service's own store. */
  readonly binary: (name: string, content: string | Buffer) => Promise<string>;
  /** Makes a template, runs it on the cluster `local`, and gives the run when it has ended. */
  readonly runSahara: (
    template: {
      readonly name: string;
      readonly type: string;
      readonly mains: string[];
      readonly libs: string[];
    },
    args: readonly string[],
    configs?: Readonly<Record<string, string | boolean>>,
  ) => Promise<SaharaRun>;
  /** Submits a run by the vendor's own calls, of the first version by its number or of the second, and gives it when it has ended. */
  readonly submit: (job: Readonly<Record<string, unknown>>) => Promise<SaharaRun>;
}

// biome-ignore lint/suspicious/noExplicitAny: tests read whatever came.
type Answer = any;

export async function openFaces(service: Service): Promise<Faces> {
  const token = await service.token();
  const { projectId } = service.credentials;
  const send = async (method: string, path: string, body?: string | Buffer, type = "application/json") => {
    const answer = await fetch(`${service.url}${path}`, {
      method,
      headers: { "x-auth-token": token, ...(body !== undefined && { "content-type": type }) },
      ...(body !== undefined && { body }),
    });
    const text = await answer.text();
    expect(answer.status, `${method} ${path}: ${text}`).toBeLessThan(300);
    return text;
  };
  const ask = async (method: string, path: string, body?: unknown) => {
    const text = await send(method, path, body === undefined ? undefined : JSON.stringify(body));
    return text === "" ? undefined : JSON.parse(text);
  };
  const sahara = (method: string, path: string, body?: unknown) =>
    ask(method, `/v1.1/${projectId}${path}`, body);

  async function look(instanceId: number): Promise<NodeEnd> {
    const { nodes } = await ask("GET", `/api/instances/${instanceId}`);
    return nodes[0];
  }

  async function start(name: string, type: string, properties: Readonly<Record<string, string>>) {
    const pairs = Object.entries(properties).map(([property, value]) => ({ name: property, value }));
    const node = { name: "n", type, location: { x: 0, y: 0 }, properties: pairs };
    const job = { name, processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes: [node] };
    await ask("POST", `/v1/${projectId}/jobs`, job);
    const { instanceId } = await ask("POST", `/v1/${projectId}/jobs/${name}/run-immediate`);
    return Number(instanceId);
  }

  const ended = (instanceId: number) =>
    vi.waitFor(
      async () => {
        const node = await look(instanceId);
        expect(node.state).toMatch(/succeeded|failed|cancelled/);
        return node;
      },
      { timeout: END_MS, interval: 500 },
    );

  const saharaEnded = (id: string) =>
    vi.waitFor(
      async () => {
        const { job_execution } = await sahara("GET", `/job-executions/${id}`);
        expect(job_execution.info.status).toMatch(/SUCCEEDED|FAILED|KILLED/);
        return job_execution;
      },
      { timeout: END_MS, interval: 500 },
    );

  return {
    factory: (method, path, body) => ask(method, `/v1/${projectId}${path}`, body),
    upload: async (path, content) =>
      void (await send("PUT", `/api/files/${path}`, content, "application/octet-stream")),
    texts: async (folder) => {
      const buckets = createBuckets(createFolderBlobs(join(service.dataDir, "blobs")), projectId);
      const paths = (await buckets.list(folder)).filter((path) => !path.endsWith("/_SUCCESS"));
      return await Promise.all(paths.map(async (path) => await textOf(await buckets.open(path))));
    },
    look,
    start,
    ended,
    run: async (name, type, properties) => await ended(await start(name, type, properties)),
    stop: async (instanceId) =>
      void (await ask("POST", `/api/instances/${instanceId}/acts`, { act: "stop" })),
    log: (instanceId, attempt, from = 0) =>
      send("GET", `/api/instances/${instanceId}/nodes/0/attempts/${attempt}/log?from=${from}`),
    sahara,
    binary: async (name, content) => {
      const path = `/v1.1/${projectId}/job-binary-internals/${encodeURIComponent(name)}`;
      const stored = JSON.parse(await send("PUT", path, content, "application/octet-stream"));
      const { id } = stored.job_binary_internal;
      const { job_binary } = await sahara("POST", "/job-binaries", { name, url: `internal-db://${id}` });
      return job_binary.id;
    },
    runSahara: async (template, args, configs = {}) => {
      const { job } = await sahara("POST", "/jobs", template);
      const { clusters } = await sahara("GET", "/clusters");
      const cluster = clusters.find((one: { readonly name: string }) => one.name === "local");
      const job_configs = { configs, args };
      const request = { cluster_id: cluster.id, job_configs };
      const { job_execution } = await sahara("POST", `/jobs/${job.id}/execute`, request);
      return await saharaEnded(job_execution.id);
    },
    submit: async (job) => {
      const { clusters } = await sahara("GET", "/cluster_infos");
      const { clusterId } = clusters.find(
        (one: { readonly clusterName: string }) => one.clusterName === "local",
      );
      if (typeof job.job_type === "number") {
        const { id } = await sahara("POST", "/jobs/submit-job", { ...job, cluster_id: clusterId });
        return await saharaEnded(id);
      }
      const path = `/v2/${projectId}/clusters/${clusterId}/job-executions`;
      return await saharaEnded((await ask("POST", path, job)).job_submit_result.job_id);
    },
  };
}

async function textOf(content: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
