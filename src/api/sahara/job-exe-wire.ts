/** Runs as the vendor's first version shows them. Source: mrs-v1.1 8. */
import { formatObjectId } from "../../domain/shared-object.ts";
import { VENDOR_TYPES } from "../../domain/vendor-run.ts";
import { PHASES, type RunPhase, seconds, type VendorExecution } from "./vendor-route.ts";

/** `job_state` and `job_final_status`. */
const STATES: Readonly<Record<RunPhase, readonly [number, number]>> = {
  waiting: [1, 0],
  running: [2, 0],
  succeeded: [3, 2],
  failed: [4, 1],
  cancelled: [-1, 3],
};
/** The eighth type has no number here. */
const NUMBERED = 7;

/** What a filter by state names. */
export function phaseOfState(state: number): RunPhase | undefined {
  const phases = Object.keys(STATES) as RunPhase[]; // the keys of the record are the phases
  return phases.find((phase) => STATES[phase][0] === state);
}

/** The answer of `submit-job`, its members twice: some clients read them below `job_execution`, with times as text. */
export function encodeSubmitted(run: VendorExecution) {
  const created = seconds(run.createdAt);
  const members = {
    ...encodeCommon(run, seconds),
    templated: false,
    created_at: created,
    updated_at: created,
    input_id: null,
    output_id: null,
    engine_job_id: run.engineId,
    return_code: null,
    is_public: run.isPublic,
    is_protected: run.isProtected,
    credentials: "",
    user_id: run.vendor.userId,
    job_configs: null,
    extra: null,
    data_source_urls: null,
    info: null,
  };
  return {
    ...members,
    job_execution: { ...members, created_at: String(created), updated_at: String(created) },
  };
}

/** An element of `job-exes`. */
export function encodeJobExe(run: VendorExecution) {
  const { createdAt, updatedAt, startedAt, endedAt } = run;
  const spent = startedAt === null || endedAt === null ? null : endedAt.getTime() - startedAt.getTime();
  return {
    ...encodeCommon(run, (time) => time.getTime()),
    create_at: createdAt.getTime(),
    update_at: (updatedAt ?? createdAt).getTime(),
    spend_time: spent === null ? null : Math.round(spent / 1000),
    step_seq: 0,
    progress: "",
  };
}

function encodeCommon(run: VendorExecution, timeOf: (time: Date) => number) {
  const { vendor } = run;
  const [state, finalStatus] = STATES[PHASES[run.state]];
  const number = VENDOR_TYPES.indexOf(vendor.type) + 1;
  const began = timeOf(run.startedAt ?? run.createdAt);
  return {
    id: formatObjectId(run.id),
    tenant_id: run.projectId,
    project_id: run.projectId,
    // The application's id, once the cluster has given one.
    job_id: run.engineId ?? "",
    job_name: run.name,
    start_time: began,
    end_time: run.endedAt === null ? null : timeOf(run.endedAt),
    cluster_id: formatObjectId(run.clusterId),
    group_id: formatObjectId(run.id),
    jar_path: vendor.jarPath,
    input: vendor.input,
    output: vendor.output,
    job_log: vendor.jobLog,
    job_type: number > NUMBERED ? 0 : number,
    file_action: vendor.fileAction,
    arguments: vendor.words.join(" "),
    hql: vendor.statement,
    job_state: state,
    job_final_status: finalStatus,
    hive_script_path: vendor.scriptPath,
    create_by: vendor.userId,
    update_by: vendor.userId,
    finished_step: 0,
    job_main_id: "",
    job_step_id: "",
    postpone_at: began,
    step_name: "",
    step_num: 0,
    task_num: 0,
  };
}
