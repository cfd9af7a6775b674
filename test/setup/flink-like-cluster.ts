/** A JobManager as far as its REST interface goes: keeps jars and jobs, runs nothing, and ends jobs when a test says so. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { buffer, json } from "node:stream/consumers";

export interface FlinkLikeCluster {
  readonly rest: string;
  readonly jars: Map<string, Buffer>;
  readonly jobs: Map<string, FlinkLikeJob>;
  /** Bodies of all calls that have run a jar. */
  readonly runs: Readonly<Record<string, unknown>>[];
  /** Told before each answer; what it gives stands in the answer's place. */
  fault: (call: string) => Answer | "drop" | undefined;
  /** Forgets all jobs, as another JobManager would. */
  readonly restart: () => void;
  readonly stop: () => Promise<void>;
}

export interface FlinkLikeJob {
  state: string;
  readonly startedAt: number;
  exceptions: readonly string[];
  /** Newest first. */
  checkpoints: readonly string[];
  savepoint?: string;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

export async function startFlinkLike(): Promise<FlinkLikeCluster> {
  let life = 1;
  const server = createServer((request, response) => {
    void (async () => {
      const fault = cluster.fault(`${request.method} ${request.url}`);
      if (fault === "drop") {
        response.destroy();
        return;
      }
      const { status, body } = fault ?? (await answer(cluster, life, request));
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body ?? {}));
    })();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const cluster: FlinkLikeCluster = {
    rest: `http://127.0.0.1:${port}`,
    jars: new Map(),
    jobs: new Map(),
    runs: [],
    fault: () => undefined,
    restart: () => {
      life += 1;
      cluster.jobs.clear();
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return cluster;
}

async function answer(cluster: FlinkLikeCluster, life: number, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? "/", cluster.rest);
  const [kind = "", id = "", act = "", trigger = ""] = url.pathname
    .split("/")
    .slice(1)
    .map(decodeURIComponent);
  const call = `${request.method} ${kind}/${id === "overview" || id === "upload" || id === "config" ? id : ""}${act && `/${act}`}`;
  if (call === "GET overview/")
    return {
      status: 200,
      body: { "flink-version": "2.3.0", taskmanagers: 1, "slots-total": 4, "slots-available": 3 },
    };
  if (call === "GET jobmanager/config")
    return { status: 200, body: [{ key: "web.tmpdir", value: `/tmp/${life}` }] };
  if (kind === "jars") return await answerJars(cluster, { call, id }, request);
  if (call === "GET jobs/overview") return { status: 200, body: { jobs: [...cluster.jobs].map(lineOf) } };
  const job = cluster.jobs.get(id);
  if (job === undefined && act === "status")
    return {
      status: 500,
      body: { errors: [`org.apache.flink.runtime.messages.FlinkJobNotFoundException: ${id}`] },
    };
  if (job === undefined) return { status: 404, body: { errors: [`Job could not be found: ${id}`] } };
  return await answerJob(job, { call, trigger }, request);
}

async function answerJars(
  { jars, jobs, runs }: FlinkLikeCluster,
  { call, id }: { readonly call: string; readonly id: string },
  request: IncomingMessage,
): Promise<Answer> {
  if (call === "GET jars/")
    return { status: 200, body: { files: [...jars.keys()].map((jar) => ({ id: jar })) } };
  if (call === "DELETE jars/") return { status: jars.delete(id) ? 200 : 404 };
  if (call === "POST jars/upload") {
    const form = (await buffer(request)).toString("latin1");
    const [head = "", content = ""] = form.split("\r\n\r\n");
    const jar = `1234_${/filename="([^"]*)"/.exec(head)?.[1]}`;
    jars.set(jar, Buffer.from(content.slice(0, content.lastIndexOf("\r\n--")), "latin1"));
    return { status: 200, body: { filename: `/tmp/upload/${jar}`, status: "success" } };
  }
  const body = (await json(request)) as Readonly<Record<string, unknown>>;
  runs.push(body);
  if (!jars.has(id)) return { status: 404, body: { errors: ["no such jar"] } };
  const jobId = String(body.jobId);
  if (jobs.has(jobId))
    return { status: 400, body: { errors: [`Caused by: DuplicateJobSubmissionException`] } };
  jobs.set(jobId, { state: "RUNNING", startedAt: runs.length, exceptions: [], checkpoints: [] });
  return { status: 200, body: { jobid: jobId } };
}

function lineOf([jid, { state, startedAt }]: [string, FlinkLikeJob]) {
  const running = state === "RUNNING" ? 1 : 0;
  return {
    jid,
    name: `job ${jid}`,
    "start-time": startedAt,
    state,
    tasks: { total: 1, running, finished: 1 - running },
  };
}

async function answerJob(
  job: FlinkLikeJob,
  { call, trigger }: { readonly call: string; readonly trigger: string },
  request: IncomingMessage,
): Promise<Answer> {
  const completed = job.checkpoints[0];
  switch (call) {
    case "GET jobs//status":
      return { status: 200, body: { status: job.state } };
    case "GET jobs//exceptions": {
      const entries = job.exceptions.map((stacktrace, at) => ({
        timestamp: at + 1,
        stacktrace,
        taskName: "map",
      }));
      return { status: 200, body: { exceptionHistory: { entries: entries.reverse() } } };
    }
    case "PATCH jobs/":
      if (job.state !== "RUNNING") return { status: 409 };
      job.state = "CANCELED";
      return { status: 202 };
    case "POST jobs//stop": {
      const { triggerId } = (await json(request)) as { readonly triggerId: string };
      if (job.savepoint === undefined)
        return { status: 400, body: { errors: ["no savepoint directory configured"] } };
      job.state = "FINISHED";
      return { status: 202, body: { "request-id": triggerId } };
    }
    case "GET jobs//savepoints":
      return {
        status: trigger === "" ? 404 : 200,
        body: { status: { id: "COMPLETED" }, operation: { location: job.savepoint } },
      };
    case "GET jobs//checkpoints":
      if (trigger === "config")
        return { status: 200, body: { externalization: { enabled: true, delete_on_cancellation: false } } };
      return {
        status: 200,
        body: {
          counts: { completed: job.checkpoints.length, failed: 0 },
          latest: completed && {
            completed: {
              external_path: completed,
              latest_ack_timestamp: 1000,
              end_to_end_duration: 5,
              state_size: 7,
            },
          },
        },
      };
    default:
      return { status: 404 };
  }
}
