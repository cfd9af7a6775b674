/** Faults as DataArts Factory answers them: status, code and body (dataarts-factory 1.2, 6). */
import { type Static, Type } from "typebox";
import type { Fault, FaultCode } from "../../domain/fault.ts";
import { type FaultRequest, json, type Reply } from "../route.ts";

/** The vendor's code and words for a fault; business errors are 400, "not found" included. */
interface VendorError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** For codes that v2 spells otherwise. */
  readonly v2Code?: string;
}

const INVALID: VendorError = {
  status: 400,
  code: "DLF.3051",
  message: "The request parameter is invalid.",
};

const ERRORS: Partial<Record<FaultCode, VendorError>> = {
  "credentials-refused": {
    status: 401,
    code: "APIGW.0301",
    message: "Incorrect IAM authentication information: ",
  },
  "role-missing": { status: 403, code: "DLF.6888", message: "No permission to perform this operation." },
  "route-missing": {
    status: 404,
    code: "APIGW.0101",
    message: "The API does not exist or has not been published in the environment",
  },
  "method-refused": {
    status: 405,
    code: "APIGW.0101",
    message: "The API does not exist or has not been published in the environment",
  },
  "body-too-large": { ...INVALID, status: 413 },
  "content-type-unsupported": { ...INVALID, status: 415 },
  "server-unavailable": { status: 500, code: "APIGW.0201", message: "Backend unavailable." },
  "server-busy": { status: 503, code: "APIGW.0201", message: "Backend unavailable." },
  "workspace-missing": business("0819", "Workspace does not exists.", "DLF.20819"),
  "job-missing": business("0100", "The job does not exists."),
  "job-exists": business("0102", "The job name already exists."),
  "job-limit": business("0101", "The number of jobs exceeds the limit."),
  "job-name-missing": business("3004", "The job name cannot be empty."),
  "job-name-invalid": business("3018", "The job name is invalid."),
  "job-kind-invalid": business("2014", "The job type is invalid."),
  "job-description-invalid": business("3050", "The description is invalid."),
  "job-without-nodes": business("1006", "The job has no node."),
  "schedule-invalid": business("3025", "The scheduling parameter is invalid."),
  "backfill-job-missing": business("30100", "The job does not exists."),
  "backfill-schedule-missing": business("30111", "The job has no trigger."),
  "backfill-range-invalid": business(
    "30121",
    "The end time should be at least 2 second later than the start time.",
  ),
  "backfill-missing": business("30137", "Job instance does not exist."),
  "instance-missing": business("0137", "Job instance does not exist.", "DLF.30137"),
  "resource-missing": business("6241", "The resource information does not exist."),
  "resource-exists": business("6259", "Files of the same name exist in the directory."),
  "resource-type-invalid": business("6263", "The resource type is invalid."),
  "resource-location-invalid": business("6264", "The resource path is invalid."),
  "resource-description-invalid": business("6265", "The resource description is invalid."),
  "storage-path-invalid": business("0803", "The storage path is invalid."),
  "storage-file-unreadable": business("0815", "Fail to read OBS file."),
  "storage-unavailable": business("0815", "Fail to read OBS file."),
  "bucket-missing": business("1242", "The bucket does not exist."),
  "task-missing": business("20810", "Task does not exist."),
  "script-missing": business("6201", "The script does not exist."),
  "script-exists": business("0202", "The script name already exists."),
  "script-run-missing": business("6205", "The script running history does not exist."),
  "script-type-missing": business("6247", "The script type is not specified."),
  "connection-missing": business("6322", "The data connection does not exist."),
  "connection-exists": business("6309", "The name already exists."),
  "connection-limit": business("6271", "Only one DLI data connection can be created."),
  "connection-type-fixed": business("6323", "The type of the data connection cannot be changed."),
  "connection-address-missing": business("6418", "The DWS cluster or address is not specified."),
  "connection-unreachable": business("6423", "The data connection cannot be used."),
};

function business(number: string, message: string, v2Code?: string): VendorError {
  return { status: 400, code: `DLF.${number}`, message, ...(v2Code !== undefined && { v2Code }) };
}

const REFUSED = {
  error_code: Type.String({ description: "The vendor's code." }),
  error_msg: Type.String({ description: "The vendor's words, then what exactly is wrong." }),
};

/** `errors` repeats the pair, because one client looks only there (dataarts-factory 1.2). */
export const RefusalBody = Type.Object({
  ...REFUSED,
  errors: Type.Array(Type.Object(REFUSED)),
  request_id: Type.Optional(Type.String({ description: "With status 401." })),
});

/** Every status of a refusal. */
export const REFUSAL_STATUSES: readonly number[] = [
  ...new Set([INVALID, ...Object.values(ERRORS)].map(({ status }) => status)),
].toSorted((one, other) => one - other);

/** The answer for a fault: the vendor's words first, then what exactly is wrong. */
export function encodeFault(fault: Fault, request: FaultRequest): Reply {
  const error = ERRORS[fault.code] ?? INVALID;
  const code = request.path.startsWith("/v2/") ? (error.v2Code ?? error.code) : error.code;
  const message = messageOf(fault, error);
  const body: Static<typeof RefusalBody> = {
    error_code: code,
    error_msg: message,
    errors: [{ error_code: code, error_msg: message }],
    ...(error.status === 401 && { request_id: request.id }),
  };
  return json(error.status, body);
}

function messageOf(fault: Fault, error: VendorError): string {
  if (fault.code === "credentials-refused") return error.message + fault.message;
  if (fault.problems.length > 0) return `${error.message} ${fault.problems.join("; ")}`;
  const ours = error === INVALID || SAYS_MORE.includes(fault.code);
  return ours ? `${error.message} ${fault.message}` : error.message;
}

/** Faults whose own message tells the caller more than the vendor's words. */
const SAYS_MORE: readonly FaultCode[] = [
  "connection-unreachable",
  "body-too-large",
  "content-type-unsupported",
  "role-missing",
  "server-unavailable",
  "storage-path-invalid",
  "task-missing",
];
