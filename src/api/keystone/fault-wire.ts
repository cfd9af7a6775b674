/** Faults as Keystone writes them. Source: auth 1.3, 2.4. */
import type { Fault, FaultKind } from "../../domain/fault.ts";
import { type FaultRequest, json, type Reply } from "../route.ts";

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

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Request Entity Too Large",
  415: "Unsupported Media Type",
  503: "Service Unavailable",
};

const UNAUTHENTICATED = "The request you have made requires authentication.";

export function encodeKeystoneFault(fault: Fault, request: FaultRequest): Reply {
  const code = fault.code === "method-refused" ? 405 : STATUSES[fault.kind];
  const title = TITLES[code] ?? "Error";
  if (code !== 401) return json(code, { error: { code, message: fault.message, title } });
  const body = { error: { code, message: UNAUTHENTICATED, title } };
  return json(code, isLogin(request) ? body : { ...body, ...gatewayMembers(fault, request) }, {
    "www-authenticate": `Keystone uri="${request.base}/v3"`,
    "cache-control": "no-store",
  });
}

/** A login hears nothing about the reason. */
function isLogin({ method, path }: FaultRequest): boolean {
  return method === "POST" && path === "/v3/auth/tokens";
}

/** What clients that sign their requests read in a refusal. */
function gatewayMembers(fault: Fault, request: FaultRequest): Record<string, string> {
  return {
    error_code: "APIGW.0301",
    error_msg: `Incorrect IAM authentication information: ${fault.message}`,
    request_id: request.id,
  };
}
