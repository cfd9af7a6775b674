/** Connections as DataArts Factory v1 writes them: schema, decode and encode (dataarts-factory 4.12). */
import { type Static, Type } from "typebox";
import type { ConnectionDraft } from "../../catalog/connections.ts";
import { CONNECTION_TYPES, type Connection } from "../../domain/connection.ts";
import { pageMembers, readBody } from "./request-wire.ts";

const LIMIT_MAX = 100;
const DESCRIPTION_MAX = 255;

const ConnectionTypeName = Type.Enum([...CONNECTION_TYPES]);
const Config = Type.Record(Type.String(), Type.Unknown(), {
  description: "Texts, numbers and truth values by name; which there are depends on the type.",
});

/** What creates or replaces a connection; the name of a replaced one is that of the path. */
export const ConnectionBody = Type.Object({
  name: Type.String({ description: "1 to 100 letters, digits, hyphens or underscores." }),
  type: ConnectionTypeName,
  config: Type.Optional(Config),
  description: Type.Optional(Type.String({ maxLength: DESCRIPTION_MAX })),
});

export const ConnectionSaveQuery = Type.Object({
  ischeck: Type.Boolean({ default: false, description: "Saves only where the connection can be used." }),
});

export const ConnectionListQuery = Type.Object({
  connectionName: Type.Optional(Type.String({ description: "A part of the name; case counts." })),
  ...pageMembers(LIMIT_MAX),
});

/** With a mask for each secret. */
export const ConnectionView = Type.Object({
  name: Type.String(),
  type: ConnectionTypeName,
  config: Config,
  description: Type.Optional(Type.String()),
});

export const ConnectionList = Type.Object({
  total: Type.Integer(),
  connections: Type.Array(ConnectionView),
});

/** Reads the body of a create or update. Fault: `connection-invalid` with every problem. */
export function decodeConnection(body: unknown): ConnectionDraft {
  const { name, type, config, description } = readBody(ConnectionBody, body, "connection-invalid");
  return { name, type, config: config ?? {}, description: description ?? null };
}

export function encodeConnection({
  name,
  type,
  config,
  description,
}: Connection): Static<typeof ConnectionView> {
  return { name, type, config, ...(description !== null && { description }) };
}
