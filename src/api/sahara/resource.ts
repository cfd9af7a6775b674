/** How the routes of this API are declared, and what its handlers work with. */
import type { TemplateParts } from "../../catalog/cluster-templates.ts";
import type { ExecutionParts } from "../../catalog/job-executions.ts";
import { Fault } from "../../domain/fault.ts";
import { parseObjectId } from "../../domain/shared-object.ts";
import type { Role } from "../../domain/user.ts";
import type { CallerRequest, GuardedRoute, Method, Reply, Route } from "../route.ts";
import { type ApiVersion, V1_1 } from "./api-version.ts";

/** What `parts/api.ts` hands over. */
export interface SaharaDeps extends ExecutionParts, TemplateParts {
  /** Largest file of the internal store; 1 GiB where absent. */
  readonly uploadBytesMax?: number;
}

type Handle = (request: CallerRequest) => Promise<Reply>;

type JsonRoute = (method: Method, path: string, role: Role, handle: Handle) => GuardedRoute;

/** Makes a version's routes of JSON. They raise `reply-type-unsupported` for a caller that takes none. */
export function jsonRoutesOf(version: ApiVersion): JsonRoute {
  return (method, path, role, handle) => ({
    method,
    path: version.base + path,
    role,
    handle: async (request) => {
      version.check(request.headers);
      checkAccept(request.headers.accept);
      const reply = await handle(request);
      return { ...reply, headers: { ...reply.headers, ...version.headers } };
    },
  });
}

/** A route whose answer is bytes of the user's: never shown by a browser, since the console has the same origin. */
export function bytesRoute(
  version: ApiVersion,
  path: string,
  open: (request: CallerRequest) => Promise<Reply["stream"]>,
): GuardedRoute {
  return {
    method: "GET",
    path: version.base + path,
    role: "reader",
    handle: async (request) => {
      version.check(request.headers);
      const stream = await open(request);
      const headers = {
        ...version.headers,
        "content-type": "application/octet-stream",
        "content-disposition": "attachment",
        "x-content-type-options": "nosniff",
      };
      return stream === undefined ? { status: 200, headers } : { status: 200, headers, stream };
    },
  };
}

/** A route that takes a body of any size as it comes; the second version has none. */
export function uploadRoute(path: string, bodyBytesMax: number, handle: Handle): GuardedRoute {
  return { method: "PUT", path: V1_1.base + path, role: "member", body: "stream", bodyBytesMax, handle };
}

/** For each path, the answer to OPTIONS: 200 without a body. Source: sahara-v1.1 1. */
export function optionsRoutes(routes: readonly Route[]): GuardedRoute[] {
  return [...new Set(routes.map(({ path }) => path))].map((path) => ({
    method: "OPTIONS",
    path,
    role: "reader",
    body: "none",
    handle: async () => ({ status: 200, bytes: "" }),
  }));
}

/** The object's id in the path; undefined for a text that names no object. */
export function idOf({ params }: CallerRequest): string | undefined {
  return parseObjectId(params.id ?? "");
}

function checkAccept(accept: string | readonly string[] | undefined): void {
  if (accept === undefined || accept === "") return;
  const types = String(accept)
    .split(",")
    .map((part) => part.split(";")[0]?.trim().toLowerCase() ?? "");
  if (types.some((type) => ["*/*", "application/*", "application/json", ""].includes(type))) return;
  throw new Fault("unsupported", "reply-type-unsupported", "answers are application/json");
}
