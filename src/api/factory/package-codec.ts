/** The files in packages, read as the bodies of creates, with the values that an import puts in place of theirs. */
import type { PackageCodec } from "../../catalog/package-contents.ts";
import type { ResourceDraft } from "../../catalog/resources.ts";
import { findChange, type PackageChanges } from "../../domain/package.ts";
import { parseJson } from "../body.ts";
import { decodePackagedConnection } from "./connection-package-wire.ts";
import { decodeJob } from "./job-wire.ts";
import { isObject, objectBody, type WireObject } from "./request-wire.ts";
import { decodeNewResource } from "./resource-wire.ts";
import { decodeNewScript } from "./script-wire.ts";

/** Reads the files of packages as the bodies of creates; schedules without a zone have `timeZone`. */
export function createPackageCodec(timeZone: string): PackageCodec {
  return {
    job: (content, workspaceId, changes) =>
      decodeJob(withChanges(objectBody(parseJson(content)), changes), { workspaceId, timeZone }),
    script: (content) => decodeNewScript(parseJson(content)),
    resource: (content, changes) => withLocation(decodeNewResource(parseJson(content)), changes),
    connection: (content, changes) => decodePackagedConnection(objectBody(parseJson(content)), changes),
  };
}

/** The definition with other values in place of its own: what it does not have it does not get. */
function withChanges(
  job: WireObject,
  { parameters, jobParameters, executeUser }: PackageChanges,
): WireObject {
  const own =
    typeof job.name === "string" && Object.hasOwn(jobParameters, job.name) ? jobParameters[job.name] : {};
  const values = new Map(Object.entries({ ...parameters, ...own }));
  const basicConfig = isObject(job.basicConfig) ? job.basicConfig : {};
  return {
    ...job,
    ...(Array.isArray(job.params) && { params: job.params.map((one) => withValue(one, values)) }),
    ...(executeUser !== undefined && { basicConfig: { ...basicConfig, executeUser } }),
  };
}

function withLocation(draft: ResourceDraft, { resources }: PackageChanges): ResourceDraft {
  const location = findChange(resources, draft)?.location;
  return location === undefined ? draft : { ...draft, location };
}

function withValue(parameter: unknown, values: ReadonlyMap<string, string>): unknown {
  if (!isObject(parameter) || typeof parameter.name !== "string") return parameter;
  const value = values.get(parameter.name);
  return value === undefined ? parameter : { ...parameter, value };
}
