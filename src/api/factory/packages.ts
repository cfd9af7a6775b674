/** Routes of DataArts Factory v1 that export, check and import packages of jobs (dataarts-factory 4.9). */
import type { Readable } from "node:stream";
import { checkPackage } from "../../catalog/package-check.ts";
import { inStorage } from "../../catalog/package-contents.ts";
import { exportJobs, type PackageChoice } from "../../catalog/package-export.ts";
import { addImport } from "../../catalog/package-tasks.ts";
import { type CallerRequest, DOCUMENT_BYTES_MAX, json, type Reply, type Route } from "../route.ts";
import { workspaceOf } from "../workspace.ts";
import type { FactoryDeps } from "./deps.ts";
import { jobNameOf } from "./jobs.ts";
import { createPackageCodec } from "./package-codec.ts";
import {
  BatchExportBody,
  CheckBody,
  createPackageList,
  decodeBatchExport,
  decodeCheck,
  decodeExport,
  decodeImport,
  ExportBody,
  ExportedFolder,
  ImportBody,
  ImportStarted,
  PackageList,
  packageHeaders,
} from "./package-wire.ts";
import { encodeResourceContent } from "./resource-wire.ts";
import { encodeTaskId } from "./system-task-wire.ts";

const JOBS = "/v1/:project_id/jobs";

export function packageRoutes(deps: FactoryDeps): Route[] {
  return [
    {
      method: "POST",
      path: `${JOBS}/:job_name/export`,
      role: "member",
      contract: {
        operation: "export_job",
        summary: "Exports a job with the scripts and resources that it names, as a zip file or into a bucket",
        tag: "Packages",
        body: ExportBody,
        replies: { 200: ["bytes", ExportedFolder] },
      },
      handle: (request) => exportOne(deps, request),
    },
    {
      method: "POST",
      path: `${JOBS}/batch-export`,
      role: "member",
      contract: {
        operation: "export_job_list",
        summary: "Exports up to 100 jobs as one package",
        tag: "Packages",
        body: BatchExportBody,
        replies: { 200: ["bytes", ExportedFolder] },
      },
      handle: (request) => exportSeveral(deps, request),
    },
    {
      method: "POST",
      path: `${JOBS}/check-file`,
      role: "reader",
      contract: {
        operation: "show_file_info",
        summary: "Says what a package in a bucket holds",
        tag: "Packages",
        body: CheckBody,
        replies: { 200: PackageList },
      },
      handle: (request) => check(deps, request),
    },
    {
      method: "POST",
      path: `${JOBS}/import`,
      role: "member",
      bodyBytesMax: DOCUMENT_BYTES_MAX,
      contract: {
        operation: "import_job",
        summary: "Begins to import a package from a bucket; a system task says how it goes",
        tag: "Packages",
        body: ImportBody,
        replies: { 200: ImportStarted },
      },
      handle: (request) => begin(deps, request),
    },
  ];
}

/** What a package is called inside and outside of buckets. */
interface PackageName {
  /** Of its folder and its file in a bucket. */
  readonly stored: string;
  readonly downloaded: string;
}

async function exportOne(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { withNamed, folder } = decodeExport(request.body);
  const job = jobNameOf(request);
  const content = await exportAll(deps, request, { jobs: [job], withNamed });
  return await deliver(deps, request, content, { stored: job, downloaded: `DLF_${job}.zip` }, folder);
}

async function exportSeveral(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { jobs, withNamed, folder } = decodeBatchExport(request.body);
  const content = await exportAll(deps, request, { jobs, withNamed });
  return await deliver(deps, request, content, { stored: "jobs", downloaded: "jobs.zip" }, folder);
}

async function exportAll(
  deps: FactoryDeps,
  request: CallerRequest,
  choice: PackageChoice,
): Promise<Readable> {
  return await exportJobs({ ...deps, encodeResource: encodeResourceContent }, workspaceOf(request), choice);
}

/** In the answer, or in a folder of its own under the one that was named; clients append the file's name themselves. */
async function deliver(
  deps: FactoryDeps,
  { caller }: CallerRequest,
  content: Readable,
  name: PackageName,
  folder: string | undefined,
): Promise<Reply> {
  if (folder === undefined) return { status: 200, headers: packageHeaders(name.downloaded), stream: content };
  const obsPath = `${folder.replace(/\/+$/, "")}/${name.stored}_exported/${deps.now().getTime()}`;
  await inStorage(folder, () =>
    deps.buckets(caller.projectId).write(`${obsPath}/${name.stored}.zip`, content),
  );
  return json(200, { obsPath });
}

async function check(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { list, add } = createPackageList();
  const { buckets, packageLimits: limits } = deps;
  const reader = { ...deps, buckets, limits, codec: createPackageCodec(deps.timeZone) };
  await checkPackage(reader, workspaceOf(request), decodeCheck(request.body), add);
  return json(200, list);
}

async function begin(deps: FactoryDeps, request: CallerRequest): Promise<Reply> {
  const { workspaceId } = workspaceOf(request);
  const asked = { kind: "import-jobs", request: decodeImport(request.body) } as const;
  const taskId = await addImport(deps, request.caller, workspaceId, asked);
  return json(200, { taskId: encodeTaskId(taskId) });
}
