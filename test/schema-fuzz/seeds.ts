/** What lies in the service before a round of the fuzz, so that its requests find something to act upon. */
import type { Service } from "../setup/service.ts";

/** Names of what is there, by the path's segment before the parameter, e.g. `jobs`. */
export type Seeds = Readonly<Record<string, readonly string[]>>;

const CRON_JOB = "fuzz-cron";
const JOB = "fuzz-job";
const SCRIPT = "fuzz-script";
const BACKFILL = "fuzz-backfill";
const CONNECTION = "fuzz-connection";
const BUCKET = "obs://fuzz";

const NODE = { name: "a", type: "Dummy", location: { x: 1, y: 2 }, properties: [] };
const ONCE = { name: JOB, nodes: [NODE], schedule: { type: "EXECUTE_ONCE" }, processType: "BATCH" };
const CRON = {
  ...ONCE,
  name: CRON_JOB,
  schedule: { type: "CRON", cron: { startTime: "2026-01-01T00:00:00Z", expression: "0 0 0 * * ?" } },
  basicConfig: { tags: ["fuzz"] },
};
const SCRIPT_BODY = { name: SCRIPT, type: "DLISQL", content: "select 1 as one", directory: "/fuzz" };
const RESOURCE = { name: "fuzz-resource", type: "jar", location: `${BUCKET}/a.jar` };
const PATCH = {
  name: BACKFILL,
  job_name: CRON_JOB,
  start_date: "2026-02-01T00:00:00 +00",
  end_date: "2026-02-02T00:00:00 +00",
  parallel: 1,
};

/** A good body for operations whose rules a made-up body hardly ever meets; the fuzz changes it place by place. */
export const BODIES: Readonly<Record<string, object>> = {
  create_job: { ...ONCE, name: "fuzz-new" },
  update_job: ONCE,
  create_factory_job: {
    name: "fuzz-v2",
    nodes: [NODE],
    schedule: { type: "EXECUTE_ONCE" },
    process_type: "BATCH",
  },
  start_job: { jobParams: [{ name: "a", value: "b", paramType: "variable" }], start_date: 20260101 },
  run_once: { jobParams: [{ name: "a", value: "b" }] },
  create_script: { ...SCRIPT_BODY, name: "fuzz-new" },
  update_script: SCRIPT_BODY,
  execute_script: { params: { a: "b" } },
  create_resource: { ...RESOURCE, name: "fuzz-new" },
  update_resource: RESOURCE,
  create_connection: { name: "fuzz-new", type: "CloudTable", config: { clusterName: "c" } },
  update_connection: { name: CONNECTION, type: "CloudTable", config: { clusterName: "d" } },
  export_job: { exportDepend: true, obsPath: `${BUCKET}/out/` },
  export_job_list: { jobList: [JOB, CRON_JOB] },
  show_file_info: { path: `${BUCKET}/none.zip` },
  create_factory_env: { params: [{ name: "a", type: "variable", value: "b" }] },
  create_factory_supplement_data_instance: { ...PATCH, name: "fuzz-new" },
  retry_factory_job_instance: {
    retry_location: "firstNode",
    retry_task_version: "current_version",
    begin_time: 1_767_225_600_000,
    end_time: 1_798_761_600_000,
    jobs: [{ job_name: JOB, workspace_id: "default" }],
  },
};

/** What the answers say of it; nothing where a call is refused. */
interface Made {
  readonly instanceId?: number | string;
  readonly resources?: readonly { readonly resourceId: string }[];
  readonly obsPath?: string;
  readonly taskId?: string;
}

/** Makes it, or makes it anew where requests have taken it away. */
export async function seed({ url, credentials }: Service, token: string): Promise<Seeds> {
  const headers = { "content-type": "application/json", "x-auth-token": token };
  const v1 = `/v1/${credentials.projectId}`;
  const v2 = `/v2/${credentials.projectId}/factory`;
  // What is there already is refused, and stays.
  const ask = async (method: string, path: string, body?: object): Promise<Made> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return answer.headers.get("content-type")?.startsWith("application/json")
      ? ((await answer.json()) as Made)
      : {};
  };
  for (const job of [ONCE, CRON]) await ask("POST", `${v1}/jobs`, job);
  const run = await ask("POST", `${v1}/jobs/${JOB}/run-immediate`);
  await ask("POST", `${v1}/jobs/${CRON_JOB}/start`);
  await ask("POST", `${v2}/supplement-data`, PATCH);
  await ask("POST", `${v1}/scripts`, SCRIPT_BODY);
  const script = await ask("POST", `${v1}/scripts/${SCRIPT}/execute`);
  await ask("POST", `${v1}/resources`, RESOURCE);
  const { resources = [] } = await ask("GET", `${v1}/resources`);
  const connection = { name: CONNECTION, type: "CloudTable", config: { clusterName: "c" } };
  await ask("POST", `${v1}/connections`, connection);
  const { obsPath } = await ask("POST", `${v1}/jobs/${JOB}/export`, { obsPath: `${BUCKET}/out` });
  const { taskId } = await ask("POST", `${v1}/jobs/import`, { path: `${obsPath}/${JOB}.zip` });
  const tasks = taskId === undefined ? [] : [taskId];
  return {
    jobs: [JOB, CRON_JOB],
    scripts: [SCRIPT],
    instances: [run, script].flatMap(({ instanceId }) =>
      instanceId === undefined ? [] : [String(instanceId)],
    ),
    resources: resources.map(({ resourceId }) => resourceId),
    connections: [CONNECTION],
    "system-tasks": tasks,
    systemTasks: tasks,
    "supplement-data": [BACKFILL],
  };
}
