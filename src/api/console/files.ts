/** The console's API about files of the project's buckets: one is put in its place, a folder is listed. */
import { Readable, Transform } from "node:stream";
import { Fault, invalid } from "../../domain/fault.ts";
import type { ProjectBuckets } from "../../store/buckets.ts";
import { type CallerRequest, firstOf, json, type Reply, type Route, UPLOAD_BYTES_MAX } from "../route.ts";

export interface FileDeps {
  readonly buckets: (projectId: string) => ProjectBuckets;
  /** Largest file; 1 GiB where absent. */
  readonly uploadBytesMax?: number;
}

const LISTED_MAX = 10_000;

export function fileRoutes(deps: FileDeps): Route[] {
  const bytesMax = deps.uploadBytesMax ?? UPLOAD_BYTES_MAX;
  return [
    {
      method: "PUT",
      path: "/api/files/*",
      role: "member",
      body: "stream",
      bodyBytesMax: bytesMax,
      handle: (request) => put(deps, request, bytesMax),
    },
    { method: "GET", path: "/api/files", role: "reader", handle: (request) => list(deps, request) },
  ];
}

/** Under the name that the path gives, `{bucket}/{key}`, over an older file. It has arrived when this answers. */
async function put(deps: FileDeps, request: CallerRequest, bytesMax: number): Promise<Reply> {
  const path = `obs://${request.params["*"] ?? ""}`;
  const content = request.stream ?? Readable.from([]);
  await deps.buckets(request.caller.projectId).write(path, content.pipe(atMost(content, bytesMax)));
  return json(201, { path });
}

/** Errors of the source end the copy as well: half a file never gets its name. */
function atMost(source: Readable, bytesMax: number): Transform {
  let sizeBytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      if (sizeBytes <= bytesMax) done(null, chunk);
      else done(new Fault("too-large", "body-too-large", `a file has at most ${bytesMax} bytes`));
    },
  });
  source.once("error", (error) => counted.destroy(error));
  source.once("close", () => {
    if (!source.readableEnded)
      counted.destroy(new Fault("invalid", "body-unreadable", "the upload broke off"));
  });
  return counted;
}

async function list(deps: FileDeps, { caller, query }: CallerRequest): Promise<Reply> {
  const folder = firstOf(query, "folder") ?? "";
  if (folder === "") invalid("request-invalid", ["folder: must be given, such as obs://bucket/folder"]);
  const paths = await deps.buckets(caller.projectId).list(folder);
  return json(200, { total: paths.length, paths: paths.slice(0, LISTED_MAX) });
}
