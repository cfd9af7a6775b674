/** Scripts as DataArts Factory v1 writes them: schema, decode and encode (dataarts-factory 4.10). */
import { type Static, Type } from "typebox";
import type { ScriptDraft } from "../../catalog/scripts.ts";
import { invalid } from "../../domain/fault.ts";
import { isScriptType, SCRIPT_DESCRIPTION_MAX, SCRIPT_TYPES, type Script } from "../../domain/script.ts";
import { checkSchema } from "../check-schema.ts";
import { objectBody, pageMembers, type WireObject, withoutNulls } from "./request-wire.ts";
import { Milliseconds } from "./time-wire.ts";

const LIMIT_MAX = 100;

export const ScriptListQuery = Type.Object({
  scriptName: Type.Optional(Type.String({ description: "A part of the name; case counts." })),
  ...pageMembers(LIMIT_MAX),
});

/** The vendor writes the name as `approverName`, an older page of it as `approver_name`. */
const Approver = Type.Object(
  { approverName: Type.Optional(Type.String()), approver_name: Type.Optional(Type.String()) },
  { additionalProperties: true },
);

/** The older SDK writes the configuration as text. */
const ScriptMembers = {
  content: Type.String(),
  directory: Type.Optional(Type.String({ maxLength: 1024 })),
  connectionName: Type.Optional(Type.String({ maxLength: 128 })),
  database: Type.Optional(Type.String({ maxLength: 256 })),
  queueName: Type.Optional(Type.String({ maxLength: 256 })),
  configuration: Type.Optional(
    Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.String({ maxLength: 65_536 })]),
  ),
  description: Type.Optional(Type.String({ maxLength: SCRIPT_DESCRIPTION_MAX })),
  owner: Type.Optional(Type.String({ maxLength: 128 })),
  targetStatus: Type.Optional(Type.Enum(["SAVED", "SUBMITTED", "PRODUCTION"])),
  approvers: Type.Optional(Type.Array(Approver, { maxItems: 100 })),
};

export const NewScriptBody = Type.Object({
  name: Type.String(),
  type: Type.Enum([...SCRIPT_TYPES]),
  ...ScriptMembers,
});
/** Name and type stay as they are, whatever the body says. */
export const ScriptBody = Type.Object(ScriptMembers);

const ShownMembers = {
  ...ScriptMembers,
  name: Type.String(),
  id: Type.String(),
  type: Type.Enum([...SCRIPT_TYPES]),
  owner: Type.String(),
  createUser: Type.String(),
  modifyTime: Milliseconds,
  version: Type.Integer({ minimum: 1 }),
};
const AS_SAVED = { additionalProperties: true };

export const ScriptDetail = Type.Object({ ...ShownMembers, autoAcquireLock: Type.Boolean() }, AS_SAVED);

export const ScriptList = Type.Object({
  total: Type.Integer({ minimum: 0 }),
  scripts: Type.Array(Type.Object(ShownMembers, AS_SAVED)),
});

/** Reads the body of a create. Faults: `script-type-missing`, `script-invalid` with every problem. */
export function decodeNewScript(body: unknown): ScriptDraft {
  const given = givenMembers(body);
  if (given.type === undefined || given.type === "") invalid("script-type-missing", ["type: must be given"]);
  refuse(checkSchema(NewScriptBody, given));
  const { name, type, content, ...document } = given as Static<typeof NewScriptBody> & WireObject;
  if (!isScriptType(type)) return invalid("script-invalid", ["type: is unknown"]);
  return { name, type, content, document };
}

/** Reads the body of an update. Fault: `script-invalid` with every problem. */
export function decodeScript(body: unknown): Pick<ScriptDraft, "content" | "document"> {
  const given = givenMembers(body);
  refuse(checkSchema(ScriptBody, given));
  const { name: _name, type: _type, content, ...document } = given as Static<typeof ScriptBody> & WireObject;
  return { content, document };
}

function givenMembers(body: unknown): WireObject {
  return withoutNulls(objectBody(body)) as WireObject;
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) invalid("script-invalid", problems);
}

/** Entry of the list: members that were not given stay absent (dataarts-factory 8). */
export function encodeScript(script: Script): WireObject {
  return {
    ...script.document,
    name: script.name,
    id: String(script.id),
    type: script.type,
    content: script.content,
    owner: script.document.owner ?? script.createdBy,
    createUser: script.createdBy,
    modifyTime: script.updatedAt.getTime(),
    version: script.version,
  };
}

export function encodeScriptDetail(script: Script): WireObject {
  return { ...encodeScript(script), autoAcquireLock: true };
}
