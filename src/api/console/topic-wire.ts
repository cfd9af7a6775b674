/** Topics, their targets and what was published to them, as the console's API writes and reads them. */
import { type Static, type TSchema, Type } from "typebox";
import { type FaultCode, invalid } from "../../domain/fault.ts";
import { type Target, type Topic, topicUrn } from "../../domain/topic.ts";
import type { NoticeListing } from "../../store/notices.ts";
import { checkSchema } from "../check-schema.ts";

export const TopicBody = Type.Object(
  { name: Type.String(), description: Type.Optional(Type.String()) },
  { additionalProperties: false },
);

/** The secret is what calls are signed with; it is never shown again. */
const TargetBody = Type.Object(
  {
    url: Type.Optional(Type.String()),
    secret: Type.Optional(Type.String()),
    mail: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

/** Raises `topic-invalid`. */
export function decodeTarget(body: unknown): Target {
  const { url, secret, mail } = decode(TargetBody, body, "topic-invalid");
  if (mail !== undefined && url === undefined && secret === undefined) return { mail };
  if (mail === undefined && url !== undefined && secret !== undefined) return { url, secret };
  return invalid("topic-invalid", ["a target has a url with a secret, or a mail"]);
}

export const NoticeBody = Type.Object(
  { subject: Type.String(), message: Type.String() },
  { additionalProperties: false },
);

const Time = Type.String({ format: "date-time" });
const Nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

const TopicView = Type.Object({
  name: Type.String(),
  urn: Type.String(),
  description: Nullable(Type.String()),
  createdAt: Time,
  createdBy: Type.String(),
  targets: Type.Array(
    /** Of a web address, scheme and host alone are shown. */
    Type.Object({ id: Type.String(), address: Type.String(), createdAt: Time, createdBy: Type.String() }),
  ),
});
export type TopicView = Static<typeof TopicView>;

const NoticeView = Type.Object({
  id: Type.Integer(),
  subject: Type.String(),
  publishedAt: Time,
  deliveries: Type.Array(
    Type.Object({
      target: Type.String(),
      address: Type.String(),
      state: Type.Enum(["waiting", "sent", "failed"]),
      tries: Type.Integer(),
      nextAt: Nullable(Time),
      endedAt: Nullable(Time),
      error: Nullable(Type.String()),
    }),
  ),
});
export type NoticeView = Static<typeof NoticeView>;

/** The body as its schema has it. Raises `code` with every problem. */
export function decode<Schema extends TSchema>(
  schema: Schema,
  body: unknown,
  code: FaultCode,
): Static<Schema> {
  const problems = checkSchema(schema, body);
  if (problems.length > 0) invalid(code, problems);
  return body as Static<Schema>; // Just held against it.
}

export function encodeTopic(
  topic: Topic,
  place: { readonly region: string; readonly projectId: string },
): TopicView {
  const { name, description, createdAt, createdBy, targets } = topic;
  return {
    name,
    urn: topicUrn(place.region, place.projectId, name),
    description,
    createdAt: createdAt.toISOString(),
    createdBy,
    targets: targets.map((target) => ({ ...target, createdAt: target.createdAt.toISOString() })),
  };
}

export function encodeNotice({ id, subject, publishedAt, deliveries }: NoticeListing): NoticeView {
  return {
    id,
    subject,
    publishedAt: publishedAt.toISOString(),
    deliveries: deliveries.map(({ targetId: target, nextAt, endedAt, ...rest }) => ({
      target,
      ...rest,
      nextAt: timeOf(nextAt),
      endedAt: timeOf(endedAt),
    })),
  };
}

function timeOf(text: string | null): string | null {
  return text === null ? null : new Date(text).toISOString();
}
