/** The list of scripts as DataArts Factory v2 writes it: query and entries, without their texts (dataarts-factory 5). */
import { type Static, Type } from "typebox";
import { SCRIPT_TYPES } from "../../domain/script.ts";
import type { ScriptHead } from "../../store/scripts.ts";
import { pageMembers } from "./request-wire.ts";
import { Milliseconds } from "./time-wire.ts";

const LIMIT_MAX = 100;

export const ScriptListQueryV2 = Type.Object({
  script_name: Type.Optional(Type.String({ description: "A part of the name; case counts." })),
  ...pageMembers(LIMIT_MAX),
});

/** What v2 calls the members of a script that were saved under the names of v1; their values stay as they came. */
const SAVED_MEMBERS = {
  directory: "directory",
  connectionName: "connection_name",
  database: "database",
  queueName: "queue_name",
  configuration: "configuration",
  description: "description",
} as const;

const ScriptSummary = Type.Object({
  id: Type.String(),
  name: Type.String(),
  type: Type.Enum([...SCRIPT_TYPES]),
  directory: Type.Optional(Type.String()),
  create_user: Type.String(),
  connection_name: Type.Optional(Type.String()),
  database: Type.Optional(Type.String()),
  queue_name: Type.Optional(Type.String()),
  configuration: Type.Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.String()])),
  description: Type.Optional(Type.String()),
  owner: Type.String(),
  modify_time: Milliseconds,
  version: Type.Integer({ minimum: 1 }),
});

export const ScriptListV2 = Type.Object({
  total: Type.Integer({ minimum: 0 }),
  scripts: Type.Array(ScriptSummary),
});

/** Members that were not given stay absent. */
export function encodeScriptV2(script: ScriptHead): Static<typeof ScriptSummary> {
  const { id, name, type, createdBy, updatedAt, version, document } = script;
  const saved = Object.entries(SAVED_MEMBERS).filter(([member]) => document[member] !== undefined);
  return {
    ...Object.fromEntries(saved.map(([member, shown]) => [shown, document[member]])),
    id: String(id),
    name,
    type,
    create_user: createdBy,
    owner: typeof document.owner === "string" ? document.owner : createdBy,
    modify_time: updatedAt.getTime(),
    version,
  };
}
