/** Packages as DataArts Factory v1 asks for them, and the definitions in them (dataarts-factory 4.9). */
import { type Static, Type } from "typebox";
import type { JobDraft } from "../../catalog/jobs.ts";
import type { PackagedObject } from "../../catalog/package-contents.ts";
import {
  NO_CHANGES,
  type PackageImport,
  type ResourceChange,
  type SameNamePolicy,
} from "../../domain/package.ts";
import { RESOURCE_TYPES } from "../../domain/resource.ts";
import { wordOf } from "../query.ts";
import { isObject, readBody } from "./request-wire.ts";

/** Jobs that one package is asked for. Source: dataarts-factory 4.9. */
const JOBS_MAX = 100;
const PATH_MAX = 1023;
/** Jobs whose parameters one import names. */
const IMPORTED_MAX = 20_000;
/** Resources of which one import says something. */
const RESOURCES_MAX = 1000;

/** What both exports take. Without review the submitted definition is the present one, so that both words mean the same. */
const CHOICE = {
  exportDepend: Type.Optional(
    Type.Boolean({
      default: true,
      description: "Whether scripts and resources go with the jobs whose nodes name them.",
    }),
  ),
  obsPath: Type.Optional(
    Type.String({
      maxLength: PATH_MAX,
      description: "A folder, obs://bucket/folder; without it the package is the answer.",
    }),
  ),
  exportStatus: Type.Optional(Type.Enum(["DEVELOP", "SUBMIT"])),
};

export const ExportBody = Type.Object(CHOICE);

export const BatchExportBody = Type.Object({
  jobList: Type.Array(Type.String(), { minItems: 1, maxItems: JOBS_MAX, description: "Names of jobs." }),
  ...CHOICE,
});

/** Where the package was put: a folder, in which it has the name that it would be downloaded by. */
export const ExportedFolder = Type.Object({ obsPath: Type.String() });

/** Absent `folder`: the package is the answer. */
interface ExportRequest {
  readonly withNamed: boolean;
  readonly folder?: string;
}

export function decodeExport(body: unknown): ExportRequest {
  return exportRequestOf(readBody(ExportBody, body));
}

export function decodeBatchExport(body: unknown): ExportRequest & { readonly jobs: readonly string[] } {
  const { jobList: jobs, ...choice } = readBody(BatchExportBody, body);
  return { jobs, ...exportRequestOf(choice) };
}

/** A client that leaves out what is empty says the same as one that sends it. */
function exportRequestOf({ exportDepend: withNamed = true, obsPath = "" }: Static<typeof ExportBody>) {
  return { withNamed, ...(obsPath !== "" && { folder: obsPath }) };
}

/** `filename` for clients that read plain letters alone, the name as it is for the others (RFC 6266). */
export function packageHeaders(fileName: string): Readonly<Record<string, string>> {
  const plain = fileName.replaceAll(/[^\x20-\x7e]/g, "_");
  const exact = plain === fileName ? "" : `; filename*=UTF-8''${encodeURIComponent(fileName)}`;
  return {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename=${plain}${exact}`,
  };
}

export const PackagePath = Type.String({
  maxLength: PATH_MAX,
  description: "obs://bucket/key of the package.",
});

export const CheckBody = Type.Object({ path: PackagePath });

const PackagedJob = Type.Object({
  name: Type.String(),
  path: Type.String({ description: "The job's directory." }),
  params: Type.Record(Type.String(), Type.String(), { description: "Its parameters." }),
});
const PackagedFile = Type.Object({
  name: Type.String(),
  path: Type.String({ description: "Its directory." }),
});

/** What a package holds. */
export const PackageList = Type.Object({
  jobs: Type.Array(PackagedJob),
  scripts: Type.Array(PackagedFile),
  resources: Type.Array(PackagedFile),
});

export function decodeCheck(body: unknown): string {
  return readBody(CheckBody, body).path;
}

/** An empty list, and what adds the definitions of a package to it. */
export function createPackageList(): {
  readonly list: Static<typeof PackageList>;
  readonly add: (object: PackagedObject) => void;
} {
  const list: Static<typeof PackageList> = { jobs: [], scripts: [], resources: [] };
  return {
    list,
    add: ({ kind, draft }) => {
      if (kind === "job") list.jobs.push(encodeJob(draft));
      else if (kind === "script") list.scripts.push({ name: draft.name, path: directoryOf(draft.document) });
      else if (kind === "resource") list.resources.push({ name: draft.name, path: draft.directory });
    },
  };
}

function encodeJob({ name, directory, definition }: JobDraft): Static<typeof PackagedJob> {
  const params = definition.parameters.map((parameter) => [parameter.name, parameter.value]);
  return { name, path: directory, params: Object.fromEntries(params) };
}

/** Scripts without a directory lie in the uppermost one. */
function directoryOf(document: unknown): string {
  return isObject(document) && typeof document.directory === "string" ? document.directory : "/";
}

/** Numbers and switches count as their texts. */
const Values = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
  description: "Values of parameters by name; names that a job does not have are passed over.",
});

export const SAME_NAME_POLICIES = { SKIP: "skip", OVERWRITE: "overwrite" } as const satisfies Record<
  string,
  SameNamePolicy
>;
export const SameNameMember = Type.Optional(
  wordOf(SAME_NAME_POLICIES, { default: "SKIP", description: "What is done where a name is taken." }),
);

const REPLACE = /^([Tt]rue|[Ff]alse|obs:\/\/.+)?$/;
const ResourceInfo = Type.Object({
  name: Type.String({ maxLength: PATH_MAX }),
  type: Type.Optional(Type.String({ description: "Of the resource; absent or another word: any." })),
  replace: Type.Optional(
    Type.Union([Type.String({ maxLength: PATH_MAX, pattern: REPLACE.source }), Type.Boolean()], {
      description: "true or false, before sameNamePolicy; or obs://bucket/key, where its file lies here.",
    }),
  ),
});

/** Without review `targetStatus` and `approvers` have no effect. */
export const ImportBody = Type.Object({
  path: PackagePath,
  params: Type.Optional(Values),
  sameNamePolicy: SameNameMember,
  jobsParam: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), params: Type.Optional(Values) }), {
      maxItems: IMPORTED_MAX,
    }),
  ),
  executeUser: Type.Optional(Type.String({ maxLength: 256 })),
  targetStatus: Type.Optional(Type.Enum(["SAVED", "SUBMITTED", "PRODUCTION"])),
  approvers: Type.Optional(Type.Array(Type.Object({}), { maxItems: 100 })),
  resources: Type.Optional(
    Type.Array(ResourceInfo, {
      maxItems: RESOURCES_MAX,
      description: "What becomes of single resources of the package.",
    }),
  ),
});

export const ImportStarted = Type.Object({ taskId: Type.String() });

/** Fault: `request-invalid` with every problem. */
export function decodeImport(body: unknown): PackageImport {
  const {
    path,
    params,
    sameNamePolicy = "SKIP",
    jobsParam = [],
    executeUser = "",
    resources = [],
  } = readBody(ImportBody, body);
  const ofJobs = jobsParam.map((job) => [job.name, textsOf(job.params)]);
  return {
    path,
    sameNamePolicy: SAME_NAME_POLICIES[sameNamePolicy],
    changes: {
      ...NO_CHANGES,
      parameters: textsOf(params),
      jobParameters: Object.fromEntries(ofJobs),
      ...(executeUser !== "" && { executeUser }),
      resources: resources.map(decodeResourceChange),
    },
  };
}

/** The vendor's pages do not say what `replace` holds: what it can mean is told by its form. */
function decodeResourceChange({ name, type, replace }: Static<typeof ResourceInfo>): ResourceChange {
  const replaced = String(replace ?? "");
  return {
    name,
    ...(RESOURCE_TYPES.some((known) => known === type) && { type }),
    ...(/^true$/i.test(replaced) && { sameNamePolicy: "overwrite" }),
    ...(/^false$/i.test(replaced) && { sameNamePolicy: "skip" }),
    ...(replaced.startsWith("obs://") && { location: replaced }),
  };
}

function textsOf(values: Static<typeof Values> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}
