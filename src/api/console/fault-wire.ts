/** Faults as the console's API answers them: problem details of RFC 9457. */
import type { Fault, FaultKind } from "../../domain/fault.ts";
import type { FaultRequest, Reply } from "../route.ts";

const STATUSES: Readonly<Record<FaultKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  "too-large": 413,
  unsupported: 415,
  unavailable: 503,
};

/** `code` is the fault's own; `problems` lists every single one where a check found several. */
export function encodeFault(fault: Fault, request: FaultRequest): Reply {
  const status = fault.code === "method-refused" ? 405 : STATUSES[fault.kind];
  return {
    status,
    headers: { "content-type": "application/problem+json" },
    json: {
      type: "about:blank",
      title: fault.kind,
      status,
      detail: fault.message,
      code: fault.code,
      requestId: request.id,
      ...(fault.problems.length > 0 && { problems: fault.problems }),
    },
  };
}
