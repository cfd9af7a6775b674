/** Job templates on the wire, where they are called jobs: schema, decode, encode. */
import { type Static, Type } from "typebox";
import type { JobTemplateChanges, JobTemplateDraft } from "../../catalog/job-templates.ts";
import { type InterfaceArgument, MAPPING_TYPES, VALUE_TYPES } from "../../domain/interface-argument.ts";
import type { JobBinary } from "../../domain/job-binary.ts";
import type { JobTemplate } from "../../domain/job-template.ts";
import { JOB_TYPES } from "../../domain/job-type.ts";
import { formatObjectId } from "../../domain/shared-object.ts";
import { encodeJobBinary } from "./job-binary-wire.ts";
import {
  CLOSED,
  Description,
  decodeFlagChanges,
  decodeNewFlags,
  encodeShared,
  encodeTime,
  FlagValue,
  Name,
  NullableDescription,
} from "./object-wire.ts";

const BinaryIds = Type.Array(Type.String({ minLength: 1 }), { uniqueItems: true, maxItems: 1000 });
const Argument = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    mapping_type: Type.Enum([...MAPPING_TYPES]),
    location: Type.String({ minLength: 1 }),
    required: Type.Boolean(),
    description: Type.Optional(NullableDescription),
    value_type: Type.Optional(Type.Enum([...VALUE_TYPES])),
    default: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  CLOSED,
);

/** Body of POST `/jobs`. `streaming` is taken and means nothing. */
export const JobPost = Type.Object(
  {
    name: Name,
    type: Type.Enum([...JOB_TYPES]),
    description: Type.Optional(Description),
    mains: Type.Optional(BinaryIds),
    libs: Type.Optional(BinaryIds),
    streaming: Type.Optional(Type.Boolean()),
    interface: Type.Optional(Type.Array(Argument, { uniqueItems: true, maxItems: 1000 })),
    is_public: Type.Optional(FlagValue),
    is_protected: Type.Optional(FlagValue),
  },
  CLOSED,
);

/** Body of PATCH `/jobs/{id}`. */
export const JobPatch = Type.Object(
  {
    name: Type.Optional(Name),
    description: Type.Optional(NullableDescription),
    is_public: Type.Optional(FlagValue),
    is_protected: Type.Optional(FlagValue),
  },
  CLOSED,
);

export function decodeJob(body: Static<typeof JobPost>): JobTemplateDraft {
  const { name, type, description = null, mains = [], libs = [], interface: given = [] } = body;
  return {
    name,
    type,
    description,
    mains,
    libs,
    interface: given.map(decodeArgument),
    ...decodeNewFlags(body),
  };
}

export function decodeJobChanges(body: Static<typeof JobPatch>): JobTemplateChanges {
  const { is_public: _public, is_protected: _protected, ...members } = body;
  return { ...members, ...decodeFlagChanges(body) };
}

export function encodeJob(template: JobTemplate) {
  const { name, description, type } = template;
  return {
    ...encodeShared(template),
    name,
    description,
    type,
    mains: template.mains.map(encodeProgram),
    libs: template.libs.map(encodeProgram),
    interface: template.interface.map((argument, order) => encodeArgument(template, argument, order)),
  };
}

/** A binary within a job also has the vendor's `extra`, always null. */
function encodeProgram(binary: JobBinary) {
  return { ...encodeJobBinary(binary), extra: null };
}

function decodeArgument(body: Static<typeof Argument>): Omit<InterfaceArgument, "id"> {
  return {
    name: body.name,
    description: body.description ?? null,
    mappingType: body.mapping_type,
    location: body.location,
    valueType: body.value_type ?? "string",
    required: body.required,
    default: body.default ?? null,
  };
}

function encodeArgument(template: JobTemplate, argument: InterfaceArgument, order: number) {
  return {
    id: formatObjectId(argument.id),
    job_id: formatObjectId(template.id),
    tenant_id: template.projectId,
    project_id: template.projectId,
    name: argument.name,
    description: argument.description,
    mapping_type: argument.mappingType,
    location: argument.location,
    value_type: argument.valueType,
    required: argument.required,
    order,
    default: argument.default,
    created_at: encodeTime(template.createdAt),
    updated_at: null,
  };
}
