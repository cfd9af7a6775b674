/** How a face declares its routes, and what a handler receives and answers. */
import type { Readable } from "node:stream";
import type { Fault } from "../domain/fault.ts";
import type { Caller, Role } from "../domain/user.ts";
import type { Contract, FaceContract } from "./contract.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";

/** A query as received: the first and further values of each name, percent-decoded. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What stands in the named places of a path, percent-decoded. */
export type Params = Readonly<Record<string, string>>;

/** What every handler sees of a request. */
export interface RouteRequest {
  /** Echoed in `X-Request-Id`. */
  readonly id: string;
  readonly method: string;
  /** Path and query exactly as they came on the request line. */
  readonly target: string;
  readonly params: Params;
  readonly query: Query;
  /** Lower-case names; several headers of one name are joined as node does. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
  /** The sender's address, or the one that a trusted proxy names. */
  readonly address: string;
  /** `http(s)://host[:port]` that the caller should use, without a final slash. */
  readonly base: string;
  /** Parsed JSON for a `json` route; undefined when there was no body. Bytes for a `bytes` route. */
  readonly body: unknown;
  /** SHA-256 of the body's bytes, lower-case hex; of the empty text for a `stream` route. */
  readonly bodySha256: string;
  /** The unread body of a `stream` route. */
  readonly stream?: Readable;
  /** For work that should end when the client goes away. */
  readonly signal: AbortSignal;
}

export interface CallerRequest extends RouteRequest {
  readonly caller: Caller;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; `bytes` and `stream` are sent as they are. None of the three: no body. */
  readonly json?: unknown;
  readonly bytes?: Uint8Array | string;
  readonly stream?: Readable;
}

export type BodyKind = "none" | "json" | "bytes" | "stream";

interface RouteShape {
  readonly method: Method;
  /** As find-my-way writes it, e.g. `/v1/:project_id/jobs/:job_name`. */
  readonly path: string;
  /** `none` still lets a JSON body through unread. Default: `json` for POST, PUT and PATCH, else `none`. */
  readonly body?: BodyKind;
  /** Largest body in bytes; default 1 MiB (product 6). */
  readonly bodyBytesMax?: number;
}

/**
 * In what a caller must hold a route's role. `workspace`: the one that the path names, or in which its instance or job lies,
 * else that of the request's header. `every-workspace`: the route tells of all of them at once, so nobody may use it to whom
 * one is closed.
 */
export type RoleScope = "project" | "workspace" | "every-workspace";

/** A route for an authenticated caller who holds at least `role`. */
export interface GuardedRoute extends RouteShape {
  readonly role: Role;
  /** In what; absent: as the face says. */
  readonly scope?: RoleScope;
  /** Absent: the face's page is silent about the route. */
  readonly contract?: Contract;
  readonly handle: (request: CallerRequest) => Promise<Reply>;
}

/** A route that answers anybody, or that judges its caller itself (only identity and discovery). */
export interface OpenRoute extends RouteShape {
  readonly role: "public";
  readonly handle: (request: RouteRequest) => Promise<Reply>;
}

export type Route = GuardedRoute | OpenRoute;

/** One API with its own words, paths and errors. */
export interface Face {
  readonly name: string;
  readonly routes: readonly Route[];
  /** Absent: the face has no OpenAPI page. */
  readonly contract?: FaceContract;
  /** In what a caller must hold the roles of its routes; absent: in the project. */
  readonly scope?: RoleScope;
  /**
   * Where the instance or job lies whose id a path holds, as `:instance_id` or `:job_id`; undefined when there is none.
   * Absent: the header names the workspace for such paths too.
   */
  readonly findWorkspace?: (projectId: string, params: Params) => Promise<string | undefined>;
  /** Whether a path that no route matched is this face's to refuse. */
  readonly owns: (path: string) => boolean;
  /** The project that the path names; undefined when the caller's own counts. */
  readonly projectOf: (params: Params) => string | undefined;
  /** The answer for a fault; also for `route-missing` and `method-refused`. */
  readonly encodeFault: (fault: Fault, request: FaultRequest) => Reply;
  /** The path to route instead of the given one (without query); the signed target stays as it came. */
  readonly rewritePath?: (path: string) => string;
  /** Checked before a JSON body is parsed; raises a fault for a content type that the face refuses. */
  readonly checkContentType?: (contentType: string) => void;
}

/** The little that is sure about a request when it is refused. */
export interface FaultRequest {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly base: string;
}

export const JSON_BYTES_MAX = 1024 * 1024;
/** For scripts and job definitions: 4 MiB of content and its escapes. */
export const DOCUMENT_BYTES_MAX = 10 * 1024 * 1024;
export const UPLOAD_BYTES_MAX = 1024 * 1024 * 1024;

export function json(status: number, body: unknown, headers?: Readonly<Record<string, string>>): Reply {
  return headers === undefined ? { status, json: body } : { status, json: body, headers };
}

export const NO_CONTENT: Reply = { status: 204 };

/** The first value of a query name; undefined when it is absent. */
export function firstOf(query: Query, name: string): string | undefined {
  const value = query[name];
  return typeof value === "string" || value === undefined ? value : value[0];
}
