/** The HTTP server: one fastify for all faces; ids, bodies, authentication and refusals happen here, meaning does not. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Fault } from "../domain/fault.ts";
import type { Observe } from "../domain/observation.ts";
import { isOutage } from "../store/database.ts";
import { type Admit, createAdmission } from "./admission.ts";
import type { Authenticate } from "./authenticate.ts";
import { isStorable, parseJson } from "./body.ts";
import { addMetricsRoute, type MetricsRoute } from "./metrics.ts";
import { describeFace } from "./openapi.ts";
import { requireRouteRole } from "./role-scope.ts";
import {
  type BodyKind,
  type Face,
  type FaultRequest,
  JSON_BYTES_MAX,
  type Reply,
  type Route,
  type RouteRequest,
} from "./route.ts";

export interface ServerDeps {
  readonly faces: readonly Face[];
  readonly authenticate: Authenticate;
  readonly observe: Observe;
  /** Time in milliseconds for durations; never for decisions. */
  readonly elapsedMs: () => number;
  /** A fresh id of 32 hexadecimal digits. */
  readonly newId: () => string;
  readonly publicUrl?: string;
  /** Requests that are answered at a time, uploads aside; `REQUESTS_MAX` where absent. */
  readonly requestsMax?: number;
  /** Rejects or raises when the service cannot serve: database gone, schema old. */
  readonly checkReady: () => Promise<void>;
  /** Absent: none are served. */
  readonly metrics?: MetricsRoute;
  /** Runs what a request leads to, so that all it observes can be told to be the request's. */
  readonly within?: <Value>(requestId: string, work: () => Promise<Value>) => Promise<Value>;
}

/** Many times the database's connections, so that none of them is idle; few enough that no answer takes long. */
const REQUESTS_MAX = 256;
const HEADER_TIMEOUT_MS = 20_000;
const REQUEST_TIMEOUT_MS = 15 * 60_000;
const EMPTY_SHA256 = createHash("sha256").digest("hex");

declare module "fastify" {
  interface FastifyRequest {
    startedMs: number;
  }
}

/** Builds the server without listening. */
export async function createServer(deps: ServerDeps): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    genReqId: deps.newId,
    bodyLimit: JSON_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: 72_000,
    rewriteUrl: (request) => rewrite(deps.faces, request.url ?? "/"),
    routerOptions: { maxParamLength: 2000, ignoreTrailingSlash: false },
    frameworkErrors: (error, request, reply) => void refuse(deps, request, reply, faultOf(error)),
    http: { headersTimeout: HEADER_TIMEOUT_MS, maxHeaderSize: 32 * 1024 },
  });
  app.decorateRequest("startedMs", 0);
  app.addHook("onRequest", async (request, reply) => {
    request.startedMs = deps.elapsedMs();
    reply.headers({ "x-request-id": request.id, "x-openstack-request-id": `req-${dashed(request.id)}` });
  });
  app.addHook("onResponse", async (request, reply) => {
    deps.observe({
      event: "request-done",
      requestId: request.id,
      ...faceOf(deps, pathOf(request.url)),
      method: request.method,
      path: pathOf(request.originalUrl),
      status: reply.statusCode,
      milliseconds: deps.elapsedMs() - request.startedMs,
    });
  });
  addHealth(app, deps);
  if (deps.metrics !== undefined) addMetricsRoute(app, deps.metrics);
  for (const face of deps.faces) addOpenApiRoute(app, face);
  const admit = createAdmission(deps.requestsMax ?? REQUESTS_MAX);
  for (const face of deps.faces) await addFace(app, deps, face, admit);
  app.setErrorHandler((error, request, reply) => refuse(deps, request, reply, faultOf(error), error));
  const patterns = deps.faces.flatMap((face) =>
    face.routes.map((route) => ({ face, pattern: patternOf(route.path) })),
  );
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url);
    const known = patterns.some(({ pattern }) => pattern.test(path));
    const fault = known
      ? new Fault("invalid", "method-refused", `${request.method} is not a method of ${path}`)
      : new Fault("not-found", "route-missing", `there is no ${path} here`);
    return refuse(deps, request, reply, fault);
  });
  return app;
}

function addHealth(app: FastifyInstance, deps: ServerDeps): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    try {
      await deps.checkReady();
      return { status: "ready" };
    } catch {
      return reply.code(503).header("retry-after", "1").send({ status: "not ready" });
    }
  });
}

/** `GET /openapi/{face}.json` for anybody: it says what there is to ask for, and nothing of what is kept. */
function addOpenApiRoute(app: FastifyInstance, { name, routes, contract }: Face): void {
  if (contract === undefined) return;
  let page: string | undefined;
  app.get(`/openapi/${name}.json`, async (_request, reply) => {
    page ??= JSON.stringify(describeFace(routes, contract));
    return reply.type("application/json").send(page);
  });
}

/** Two contexts for each face, because fastify chooses how to read a body by context. */
async function addFace(app: FastifyInstance, deps: ServerDeps, face: Face, admit: Admit): Promise<void> {
  for (const streamed of [false, true]) {
    const routes = face.routes.filter((route) => (bodyKindOf(route) === "stream") === streamed);
    if (routes.length === 0) continue;
    await app.register(async (context) => {
      context.removeAllContentTypeParsers();
      if (streamed) context.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
      else
        context.addContentTypeParser("*", { parseAs: "buffer" }, (_request, bytes, done) =>
          done(null, bytes),
        );
      context.setErrorHandler((error, request, reply) => refuse(deps, request, reply, faultOf(error), error));
      // An upload takes as long as its sender does, and costs the others nothing.
      const enter: Admit = streamed ? (work) => work() : admit;
      for (const route of routes) addRoute(context, deps, face, { route, enter });
    });
  }
}

function addRoute(
  context: FastifyInstance,
  deps: ServerDeps,
  face: Face,
  { route, enter }: { readonly route: Route; readonly enter: Admit },
): void {
  const { within = (_requestId, work) => work() } = deps;
  context.route({
    method: route.method,
    url: route.path,
    bodyLimit: route.bodyBytesMax ?? JSON_BYTES_MAX,
    handler: (request, reply) => within(request.id, () => enter(() => answer(request, reply))),
  });

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const received = receive(deps, route, request, reply);
    const caller =
      route.role === "public"
        ? undefined
        : await deps.authenticate(received, face.projectOf(received.params));
    checkNames(received);
    const whole = bodyKindOf(route) === "json" ? { ...received, body: readJson(face, received) } : received;
    if (route.role === "public") return send(reply, await route.handle(whole));
    if (caller === undefined) throw new Fault("unauthenticated", "credentials-refused", "no caller");
    await requireRouteRole(face, route, received, caller);
    return send(reply, await route.handle({ ...whole, caller }));
  }
}

/** The request as handlers see it, its body still bytes. */
function receive(deps: ServerDeps, route: Route, request: FastifyRequest, reply: FastifyReply): RouteRequest {
  const bytes = Buffer.isBuffer(request.body) ? request.body : undefined;
  const stream = bodyKindOf(route) === "stream" ? (streamOf(request.body) ?? request.raw) : undefined;
  return {
    id: request.id,
    method: request.method,
    target: request.originalUrl,
    params: request.params as Record<string, string>,
    query: request.query as RouteRequest["query"],
    headers: request.headers,
    rawHeaders: request.raw.rawHeaders,
    address: request.ip,
    base: baseOf(deps, request.raw),
    body: bytes,
    bodySha256:
      bytes === undefined || bytes.length === 0
        ? EMPTY_SHA256
        : createHash("sha256").update(bytes).digest("hex"),
    ...(stream !== undefined && { stream }),
    signal: untilGone(reply.raw),
  };
}

/** Aborted when the client goes away before its answer; fastify's own signal is, too, as soon as a body is read. */
function untilGone(response: FastifyReply["raw"]): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

function readJson(face: Face, request: RouteRequest): unknown {
  const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const type = request.headers["content-type"];
  if (bytes.length > 0 && typeof type === "string") face.checkContentType?.(type);
  return parseJson(bytes);
}

function checkNames(request: RouteRequest): void {
  const texts = [...Object.values(request.params), ...Object.entries(request.query).flat(2)];
  for (const text of texts)
    if (typeof text === "string" && !isStorable(text))
      throw new Fault("invalid", "request-invalid", "the address holds a character that cannot be stored");
}

function send(reply: FastifyReply, answer: Reply): FastifyReply {
  reply.code(answer.status);
  if (answer.headers !== undefined) reply.headers(answer.headers);
  if (answer.json !== undefined) {
    if (!reply.hasHeader("content-type")) reply.header("content-type", "application/json");
    return reply.send(JSON.stringify(answer.json));
  }
  return reply.send(
    answer.stream ??
      (typeof answer.bytes === "string" ? answer.bytes : answer.bytes && Buffer.from(answer.bytes)),
  );
}

function refuse(
  deps: ServerDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  fault: Fault,
  error?: unknown,
): FastifyReply {
  const path = pathOf(request.originalUrl);
  const broken = request.raw.destroyed && !request.raw.complete; // the client went away while it was sending
  if (fault.code === "server-unavailable" && !broken)
    deps.observe({
      event: "request-failed",
      requestId: request.id,
      method: request.method,
      path,
      error: error ?? fault,
    });
  const asked: FaultRequest = {
    id: request.id,
    method: request.method,
    path: pathOf(request.url),
    base: baseOf(deps, request.raw),
  };
  // A client that is still sending reads the answer when it has sent all: what comes is dropped.
  if (!request.raw.complete) request.raw.resume();
  if (fault.code === "server-busy") reply.header("retry-after", "1");
  const face = deps.faces.find((candidate) => candidate.owns(asked.path));
  return send(reply, face === undefined ? encodeNobodysFault(fault) : face.encodeFault(fault, asked));
}

/** A path of no face: every face's members in one body. Source: product 6. */
function encodeNobodysFault(fault: Fault): Reply {
  const status = fault.code === "route-missing" ? 404 : fault.code === "method-refused" ? 405 : 400;
  const message = fault.message;
  return {
    status,
    json: {
      error: status,
      error_code: "APIGW.0101",
      error_name: "NOT_FOUND",
      error_message: message,
      error_msg: message,
    },
  };
}

/** Anything thrown becomes a fault; what was not raised on purpose says nothing to the caller. */
function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (isOutage(error))
    return new Fault("unavailable", "server-busy", "the database does not answer just now; ask again", {
      cause: error,
    });
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : 500;
  const message = error instanceof Error ? error.message : "";
  if (status === 413)
    return new Fault("too-large", "body-too-large", "the body is larger than this route takes", {
      cause: error,
    });
  if (status === 415) return new Fault("unsupported", "content-type-unsupported", message, { cause: error });
  if (typeof status === "number" && status >= 400 && status < 500)
    return new Fault("invalid", "request-invalid", message, { cause: error });
  return new Fault(
    "unavailable",
    "server-unavailable",
    "the server could not answer; its log has the request id",
    { cause: error },
  );
}

function rewrite(faces: readonly Face[], url: string): string {
  const mark = url.indexOf("?");
  let path = mark < 0 ? url : url.slice(0, mark);
  for (const face of faces) path = face.rewritePath?.(path) ?? path;
  return mark < 0 ? path : path + url.slice(mark);
}

function bodyKindOf(route: Route): BodyKind {
  return route.body ?? (route.method === "GET" || route.method === "DELETE" ? "none" : "json");
}

function streamOf(body: unknown): Readable | undefined {
  return typeof body === "object" && body !== null && "pipe" in body ? (body as Readable) : undefined;
}

function patternOf(path: string): RegExp {
  const source = path
    .split("/")
    .map((part) => (part.startsWith(":") ? "[^/]+" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  return new RegExp(`^${source.join("/")}$`);
}

function baseOf(deps: ServerDeps, request: IncomingMessage): string {
  return deps.publicUrl ?? `http://${request.headers.host ?? "localhost"}`;
}

function pathOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
}

function faceOf(deps: ServerDeps, path: string): { readonly face?: string } {
  const face = deps.faces.find((candidate) => candidate.owns(path))?.name;
  return face === undefined ? {} : { face };
}

function dashed(id: string): string {
  return id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
