/** Stands in for a Ray cluster: its job API over real processes of this machine, with the faults that a test asks for. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";

export interface RayLikeCluster {
  /** `http://127.0.0.1:port` */
  readonly dashboard: string;
  /** Ids of the jobs that were ever begun, in their order; one that stands twice was run twice. */
  readonly begun: () => readonly string[];
  /** Ids of those whose processes run. */
  readonly running: () => readonly string[];
  /** Calls of the API so far, as `GET /api/jobs/`. */
  readonly calls: () => readonly string[];
  /** How it behaves from now on. */
  readonly behave: (behaviour: Behaviour) => void;
  /** It knows nothing of its jobs any more, as after a restart; their processes go on. */
  readonly forget: () => void;
  readonly close: () => Promise<void>;
}

/**
 * `away`: every connection is dropped; `silent`: no call is answered; `answerless`: the next submit is carried out, and its
 * answer lost; `locked`: whoever asks is refused; `refusing`: no job is taken; `failing`: it answers with faults of its own.
 */
export type Behaviour = "well" | "away" | "silent" | "answerless" | "locked" | "refusing" | "failing";

interface Job {
  readonly id: string;
  readonly process: ChildProcess;
  readonly output: Buffer[];
  status: "PENDING" | "RUNNING" | "SUCCEEDED" | "FAILED" | "STOPPED";
  exitCode: number | null;
  stopped: boolean;
}

const unzip = promisify(execFile);
const JOB = /^\/api\/jobs\/([\w-]+)(\/stop|\/logs)?$/;

export async function startRayLikeCluster(): Promise<RayLikeCluster> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-ray-like-"));
  const jobs = new Map<string, Job>();
  const everyJob: Job[] = [];
  const calls: string[] = [];
  let behaviour: Behaviour = "well";

  async function begin(body: Buffer): Promise<Answer> {
    const { submission_id: id, entrypoint, runtime_env: runtime } = JSON.parse(body.toString());
    if (jobs.has(id)) return { status: 500, text: `Job with submission_id ${id} already exists.` };
    const work = join(folder, `job-${everyJob.length}`);
    await mkdir(work);
    const name = String(runtime.working_dir).slice("gcs://".length);
    await unzip("python3", ["-m", "zipfile", "-e", join(folder, name), work]);
    const child = spawn(entrypoint, {
      cwd: work,
      shell: true,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const job: Job = { id, process: child, output: [], status: "RUNNING", exitCode: null, stopped: false };
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => job.output.push(chunk));
    child.on("close", (code) => {
      job.exitCode = code ?? -9;
      job.status = job.stopped ? "STOPPED" : code === 0 ? "SUCCEEDED" : "FAILED";
    });
    jobs.set(id, job);
    everyJob.push(job);
    return { status: 200, json: { submission_id: id, job_id: null } };
  }

  async function answer(method: string, path: string, body: Buffer): Promise<Answer> {
    if (path === "/api/version") return { status: 200, json: { version: "4", ray_version: "2.60.0" } };
    if (behaviour === "locked") return { status: 401, text: "who are you?" };
    if (behaviour === "failing") return { status: 500, text: "the head node has a fault" };
    if (method === "PUT" && path.startsWith("/api/packages/gcs/")) {
      await writeFile(join(folder, path.slice("/api/packages/gcs/".length)), body);
      return { status: 200, json: {} };
    }
    if (method === "POST" && path === "/api/jobs/")
      return behaviour === "refusing" ? { status: 400, text: "no such runtime" } : await begin(body);
    if (path === "/api/jobs/") return { status: 200, json: [...jobs.values()].map(show) };
    const [, id = "", act] = JOB.exec(path) ?? [];
    const job = jobs.get(id);
    if (job === undefined) return { status: 404, text: `Job ${id} does not exist` };
    if (act === "/logs") return { status: 200, json: { logs: Buffer.concat(job.output).toString() } };
    if (act === "/stop") {
      job.stopped ||= job.status === "RUNNING";
      end(job);
      return { status: 200, json: { stopped: true } };
    }
    return { status: 200, json: show(job) };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/" } = request;
    calls.push(`${method} ${url}`);
    if (behaviour === "away") return void request.socket.destroy();
    if (behaviour === "silent") return;
    const said = await answer(method, url, await buffer(request));
    if (behaviour === "answerless" && method === "POST" && url === "/api/jobs/") {
      behaviour = "well";
      request.socket.destroy();
      return;
    }
    response.writeHead(said.status, { "content-type": "json" in said ? "application/json" : "text/plain" });
    response.end("json" in said ? JSON.stringify(said.json) : said.text);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    dashboard: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    begun: () => everyJob.map(({ id }) => id),
    running: () => everyJob.filter(({ status }) => status === "RUNNING").map(({ id }) => id),
    calls: () => calls,
    behave: (wanted) => {
      behaviour = wanted;
    },
    forget: () => jobs.clear(),
    close: async () => {
      for (const job of everyJob) end(job);
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Answer = { readonly status: number } & ({ readonly json: unknown } | { readonly text: string });

function show({ id, status, exitCode }: Job) {
  return { submission_id: id, type: "SUBMISSION", status, message: status, driver_exit_code: exitCode };
}

/** With all that it has begun. */
function end({ process: { pid }, status }: Job): void {
  if (status !== "RUNNING" || pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}
