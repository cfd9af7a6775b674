/** Connections as DataArts Factory v1 writes them: schema, decode and encode (dataarts-factory 4.12). */
import { Type } from "typebox";
import type { ConnectionDraft } from "../../catalog/connections.ts";
import { CONNECTION_TYPES, type Connection, isConnectionType } from "../../domain/connection.ts";
import { invalid } from "../../domain/fault.ts";
import { readBody, type WireObject } from "./request-wire.ts";

const DESCRIPTION_MAX = 1024;

const ConnectionBody = Type.Object({
  name: Type.String(),
  type: Type.Enum([...CONNECTION_TYPES]),
  config: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  description: Type.Optional(Type.String({ maxLength: DESCRIPTION_MAX })),
});

/** Reads the body of a create or update. Fault: `connection-invalid` with every problem. */
export function decodeConnection(body: unknown): ConnectionDraft {
  const { name, type, config, description } = readBody(ConnectionBody, body, "connection-invalid");
  if (!isConnectionType(type)) return invalid("connection-invalid", ["type: is unknown"]);
  return { name, type, config: config ?? {}, description: description ?? null };
}

/** A connection with a mask for each secret. */
export function encodeConnection({ name, type, config, description }: Connection): WireObject {
  return { name, type, config, ...(description !== null && { description }) };
}
