/** Faults as data processing says them: both error shapes, and the vendor's codes. Source: mrs-v1.1 2, sahara-v1.1 1. */
import type { Fault, FaultCode, FaultKind } from "../../domain/fault.ts";
import { formatObjectId } from "../../domain/shared-object.ts";
import { type FaultRequest, json, type Reply } from "../route.ts";
import { MICROVERSION, V1_1, V2 } from "./api-version.ts";
import { encodeVendorFault, isVendorPath } from "./vendor-fault-wire.ts";

/** A bad `limit` or `sort_by` has the number for its name. */
type ErrorName = string | 400;

const NAMES: Partial<Record<FaultCode, ErrorName>> = {
  "credentials-refused": "UNAUTHORIZED",
  "role-missing": "FORBIDDEN",
  "request-invalid": "VALIDATION_ERROR",
  "body-unreadable": "MALFORMED_REQUEST_BODY",
  "body-too-large": "DATA_TOO_BIG",
  "content-type-unsupported": "INVALID_DATA",
  "reply-type-unsupported": "NOT_ACCEPTABLE",
  "api-version-invalid": "BAD_REQUEST",
  "api-version-unsupported": "NOT_ACCEPTABLE",
  "query-unknown": "INVALID_PARAMS_ON_REQUEST",
  "server-unavailable": "INTERNAL_SERVER_ERROR",
  "server-busy": "SERVICE_UNAVAILABLE",
  "page-invalid": 400,
  "job-template-invalid": "INVALID_DATA",
  "job-template-mains-empty": "INVALID_DATA",
  "job-template-libs-empty": "INVALID_DATA",
  "job-template-exists": "DB_DUPLICATE_ENTRY",
  "job-binary-invalid": "INVALID_DATA",
  "job-binary-unusable": "BAD_JOB_BINARY",
  "job-binary-exists": "DB_DUPLICATE_ENTRY",
  "stored-file-exists": "DB_DUPLICATE_ENTRY",
  "data-source-invalid": "INVALID_DATA",
  "data-source-credentials-invalid": "INVALID_CREDENTIALS",
  "data-source-exists": "NAME_ALREADY_EXISTS",
  "cluster-template-exists": "NAME_ALREADY_EXISTS",
  "cluster-exists": "NAME_ALREADY_EXISTS",
  "job-execution-invalid": "INVALID_DATA",
  "job-execution-status-invalid": "INVALID_JOB_STATUS",
  "job-execution-info-invalid": "INVALID_JOB_EXECUTION_INFO",
  "reference-invalid": "INVALID_REFERENCE",
  "cluster-missing": "INVALID_REFERENCE",
  "engine-missing": "INVALID_REFERENCE",
  "suspend-unsupported": "INVALID_REFERENCE",
  "operation-unsupported": "NOT_IMPLEMENTED_ERROR",
};

const VENDOR_CODES: Partial<Record<FaultCode, string>> = {
  "credentials-refused": "12000001",
  "role-missing": "12000136",
  "server-unavailable": "12000004",
  "server-busy": "12000004",
  "cluster-missing": "12000003",
  "engine-missing": "12000054",
  "suspend-unsupported": "12000054",
  "operation-unsupported": "12000054",
  "job-template-mains-empty": "12000068",
  "job-template-libs-empty": "12000069",
};
const BAD_PARAMETER = "12000002";

/** Whatever is refused is 400, apart from these. */
const STATUS: Partial<Record<FaultKind, number>> = {
  "not-found": 404,
  unauthenticated: 401,
  forbidden: 403,
  unavailable: 500,
};

const STATUS_OF_CODE: Partial<Record<FaultCode, number>> = {
  "reply-type-unsupported": 406,
  "api-version-unsupported": 406,
  "server-busy": 503,
};

/** Refusals whose name says what could not be done. */
const REFUSED_ACTS: readonly FaultCode[] = [
  "object-foreign",
  "object-protected",
  "object-in-use",
  "cluster-in-use",
];

/** Refusals of the header that asks for a version, which say what could be asked for. */
const VERSION: readonly FaultCode[] = ["api-version-invalid", "api-version-unsupported"];

/** Refusals of the router, whose body has `error` for the status. */
const ROUTER: readonly FaultCode[] = ["route-missing", "method-refused"];

/** The answer for a fault; texts are the fault's own, and `error_id` is the request's. */
export function encodeFault(fault: Fault, request: FaultRequest): Reply {
  if (isVendorPath(request.path)) return encodeVendorFault(fault, request);
  const { headers } = request.path.startsWith("/v2/") ? V2 : V1_1;
  const reply = ROUTER.includes(fault.code)
    ? encodeRouterFault(fault, request)
    : encodeServiceFault(fault, request);
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

function encodeServiceFault(fault: Fault, request: FaultRequest): Reply {
  const status = STATUS_OF_CODE[fault.code] ?? STATUS[fault.kind] ?? 400;
  const body = {
    error_code: status,
    error_name: nameOf(fault, request),
    error_message: fault.message,
    ...vendorMembers(fault, request),
    ...(VERSION.includes(fault.code) && { min_version: MICROVERSION, max_version: MICROVERSION }),
  };
  return status === 401 ? json(status, body, { "www-authenticate": challenge(request) }) : json(status, body);
}

function encodeRouterFault(fault: Fault, request: FaultRequest): Reply {
  const status = fault.code === "route-missing" ? 404 : 405;
  return json(status, {
    error: status,
    error_message: fault.message,
    error_code: status,
    error_name: fault.code === "route-missing" ? "NOT_FOUND" : "METHOD_NOT_ALLOWED",
    ...vendorMembers(fault, request),
  });
}

function vendorMembers(fault: Fault, request: FaultRequest) {
  return {
    error_msg: fault.message,
    vendor_code: VENDOR_CODES[fault.code] ?? BAD_PARAMETER,
    error_id: formatObjectId(request.id),
  };
}

function nameOf({ code, kind }: Fault, request: FaultRequest): ErrorName {
  if (REFUSED_ACTS.includes(code)) return refusedAct(request);
  if (kind === "not-found" || code === "job-binary-missing") return "NOT_FOUND";
  return NAMES[code] ?? (kind === "unavailable" ? "INTERNAL_SERVER_ERROR" : "INVALID_DATA");
}

/** What could not be done to an object says the request. */
function refusedAct({ method, path }: FaultRequest): string {
  if (method === "DELETE") return "DELETION_FAILED";
  return path.endsWith("/cancel") ? "CANCELING_FAILED" : "UPDATE_FAILED";
}

function challenge({ base }: FaultRequest): string {
  return `Keystone uri="${base}/v3"`;
}
