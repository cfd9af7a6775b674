/** Resources as DataArts Factory v1 writes them: schemas, decode and encode (dataarts-factory 4.11). */
import { type Static, Type } from "typebox";
import type { ResourceDraft } from "../../catalog/resources.ts";
import { missing } from "../../domain/fault.ts";
import { RESOURCE_TYPES, type Resource, type ResourceContent } from "../../domain/resource.ts";
import { formatObjectId, parseObjectId } from "../../domain/shared-object.ts";
import type { ResourceUse } from "../../store/resource-uses.ts";
import { objectBody, pageMembers, readBody, type WireObject, withoutNulls } from "./request-wire.ts";

const LIMIT_MAX = 100;

export const ResourceListQuery = Type.Object({
  resourceName: Type.Optional(Type.String({ description: "A part of the name; case counts." })),
  ...pageMembers(LIMIT_MAX),
});

const TypeMember = { type: Type.Enum([...RESOURCE_TYPES]) };
const LocationMember = { location: Type.String({ description: "A file of a bucket, `obs://bucket/key`." }) };
const Package = Type.Object({ ...TypeMember, ...LocationMember });
const Packages = Type.Array(Package, { description: "Files that it needs; go before `dependFiles`." });

const ContentMembers = {
  name: Type.String({ description: "Unique in its directory." }),
  ...LocationMember,
  dependFiles: Type.Optional(Type.Array(Type.String())),
  dependPackages: Type.Optional(Packages),
  desc: Type.Optional(Type.String()),
};

export const NewResourceBody = Type.Object({
  ...TypeMember,
  ...ContentMembers,
  depend_packages: Type.Optional(Packages),
  directory: Type.Optional(Type.String()),
});
/** Type and directory stay as they are, whatever the body says. */
export const ResourceBody = Type.Object({ ...ContentMembers, depend_packages: Type.Optional(Packages) });

export const ResourceMade = Type.Object({ resourceId: Type.String() });

/** A job whose nodes name the resource. */
const Relation = Type.Object({
  relationType: Type.Enum(["job"]),
  relationId: Type.String({ description: "The job's." }),
  taskId: Type.Integer({ minimum: 1 }),
  taskName: Type.String(),
  userName: Type.String({ description: "Who saved the job last." }),
  version: Type.Integer({ minimum: 1 }),
  deleted: Type.Boolean(),
});

/** A client reads the id by the one name, another by the other. */
export const ResourceDetail = Type.Object({
  id: Type.String(),
  resourceId: Type.String(),
  ...TypeMember,
  ...ContentMembers,
  directory: Type.String(),
  jobRelation: Type.Optional(Type.Array(Relation, { description: "Absent where there are none." })),
});

export const ResourceList = Type.Object({
  total: Type.Integer({ minimum: 0 }),
  resources: Type.Array(ResourceDetail),
});

/** Reads the body of a create. Faults: `resource-type-invalid`, `resource-location-invalid`, `resource-invalid`. */
export function decodeNewResource(body: unknown): ResourceDraft {
  const given = givenMembers(body);
  readBody(Type.Object(TypeMember), given, "resource-type-invalid");
  const { type, directory = "", ...content } = readContent(NewResourceBody, given);
  return { type, directory: directory || "/", ...contentOf(content) };
}

/** Reads the body of an update. Faults: `resource-location-invalid`, `resource-invalid`. */
export function decodeResource(body: unknown): ResourceContent {
  return contentOf(readContent(ResourceBody, givenMembers(body)));
}

function givenMembers(body: unknown): WireObject {
  return withoutNulls(objectBody(body)) as WireObject;
}

function readContent<Schema extends typeof NewResourceBody | typeof ResourceBody>(
  schema: Schema,
  given: WireObject,
): Static<Schema> {
  readBody(Type.Object(LocationMember), given, "resource-location-invalid");
  return readBody(schema, given, "resource-invalid");
}

function contentOf(given: Static<typeof ResourceBody>): ResourceContent {
  const { name, location, dependFiles = [], desc } = given;
  const packages = given.dependPackages ?? given.depend_packages ?? [];
  return {
    name,
    location,
    dependFiles: packages.length > 0 ? [] : dependFiles,
    dependPackages: packages.map(({ type, location: place }) => ({ type, location: place })),
    // One client sends a text that it does not have as an empty one.
    ...(desc !== undefined && desc !== "" && { description: desc }),
  };
}

/** With those of the uses that are this resource's. */
export function encodeResource(
  resource: Resource,
  uses: readonly ResourceUse[],
): Static<typeof ResourceDetail> {
  const id = formatObjectId(resource.id);
  const relations = uses.filter(({ resourceId }) => resourceId === resource.id).map(encodeUse);
  return {
    ...{ id, resourceId: id, ...encodeResourceContent(resource) },
    ...(relations.length > 0 && { jobRelation: relations }),
  };
}

function encodeUse({ jobId, jobName, version, savedBy }: ResourceUse): Static<typeof Relation> {
  return {
    ...{ relationType: "job", relationId: String(jobId), taskId: jobId, taskName: jobName },
    ...{ userName: savedBy, version, deleted: false },
  };
}

/** As its create call takes it; members that were not given stay absent (dataarts-factory 8). */
export function encodeResourceContent(
  resource: Resource,
): Omit<Static<typeof ResourceDetail>, "id" | "resourceId" | "jobRelation"> {
  const { name, type, location, directory, dependFiles, dependPackages, description } = resource;
  return {
    name,
    type,
    location,
    directory,
    ...(dependFiles.length > 0 && { dependFiles: [...dependFiles] }),
    ...(dependPackages.length > 0 && { dependPackages: [...dependPackages] }),
    ...(description !== undefined && { desc: description }),
  };
}

/** The inner form of a path's id. @throws Fault `resource-missing` for a text that is none. */
export function decodeResourceId(text: string): string {
  return parseObjectId(text.toLowerCase()) ?? missing("resource-missing", "the resource does not exist");
}
