/** Jobs that wait for each other, as DataArts Factory v2 writes them (dataarts-factory 5). */
import { type Static, Type } from "typebox";
import type { RelatedJob } from "../../store/job-relations.ts";
import { wordOf } from "../query.ts";

const RELATIONS = {
  parent: ["parent"],
  child: ["child"],
  both: ["parent", "child"],
} as const satisfies Readonly<Record<string, readonly RelatedJob["relation"][]>>;

export const RelationQuery = Type.Object({
  relation: wordOf(RELATIONS, {
    default: "both",
    description: "Jobs that it waits for, those that wait for it, or both.",
  }),
});

export function decodeRelations({
  relation,
}: Static<typeof RelationQuery>): readonly RelatedJob["relation"][] {
  return RELATIONS[relation];
}

const RelatedEntry = Type.Object({
  job_name: Type.String(),
  job_path: Type.String({ description: "The job's directory." }),
  depend_layer: Type.Enum(["parent", "child"]),
  workspace_name: Type.String(),
  owner: Type.Optional(Type.String()),
});

/** A bare list. */
export const RelatedList = Type.Array(RelatedEntry);

export function encodeRelatedJob(job: RelatedJob): Static<typeof RelatedEntry> {
  return {
    job_name: job.name,
    job_path: job.directory,
    depend_layer: job.relation,
    workspace_name: job.workspaceId,
    ...(job.owner !== null && { owner: job.owner }),
  };
}
