/** Faults as the vendor's own calls say them: codes as text. Source: mrs-v1.1 2. */
import type { Fault, FaultCode, FaultKind } from "../../domain/fault.ts";
import { formatObjectId } from "../../domain/shared-object.ts";
import { type FaultRequest, json, type Reply } from "../route.ts";

const CODES: Partial<Record<FaultCode, string>> = {
  "credentials-refused": "12000001",
  "role-missing": "12000136",
  "server-unavailable": "12000004",
  "server-busy": "12000004",
  "cluster-missing": "12000003",
  "engine-missing": "12000054",
  "operation-unsupported": "12000054",
  "run-jar-missing": "12000081",
  "run-script-missing": "12000114",
  "run-unfinished": "0183",
  "run-result-none": "0181",
  "job-execution-missing": "0162",
};
const BAD_PARAMETER = "12000002";
/** Of a call about a run that is not there. */
const MISSING_BY_PATH: readonly (readonly [RegExp, string])[] = [
  [/\/kill$/, "0160"],
  [/\/batch-delete$/, "0161"],
  // The code that clients know a run by which is gone.
  [/^\/v2\//, "0176"],
];

const STATUS: Partial<Record<FaultKind, number>> = {
  "not-found": 404,
  conflict: 409,
  unauthenticated: 401,
  forbidden: 403,
  unavailable: 500,
};

const VENDOR_PATH =
  /^\/v1\.1\/[^/]+\/(?:jobs\/submit-job|job-exes|cluster_infos|run-job-flow|clusters\/[^/]+\/hosts)(?:\/|$)|^\/v2\/[^/]+\/clusters\/[^/]+\/job-executions(?:\/|$)/;

/** Whether the path is one of the vendor's own calls, whose errors have the vendor's shape. */
export function isVendorPath(path: string): boolean {
  return VENDOR_PATH.test(path);
}

export function encodeVendorFault(fault: Fault, request: FaultRequest): Reply {
  const status = statusOf(fault);
  const missing = MISSING_BY_PATH.find(([path]) => path.test(request.path))?.[1];
  const code = fault.code === "job-execution-missing" ? missing : undefined;
  return json(
    status,
    {
      error_code: code ?? CODES[fault.code] ?? BAD_PARAMETER,
      error_msg: fault.message,
      error_message: fault.message,
      error_name: fault.code.toUpperCase().replaceAll("-", "_"),
      error_id: formatObjectId(request.id),
    },
    status === 401 ? { "www-authenticate": `Keystone uri="${request.base}/v3"` } : {},
  );
}

function statusOf({ code, kind }: Fault): number {
  if (code === "method-refused") return 405;
  if (code === "server-busy") return 503;
  return STATUS[kind] ?? 400;
}
