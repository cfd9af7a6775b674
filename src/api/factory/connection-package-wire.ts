/** Packages of connections as DataArts Factory v1 asks for them (dataarts-factory 4.12). */
import { type Static, Type } from "typebox";
import type { ConnectionDraft } from "../../catalog/connections.ts";
import { SECRET_MASK } from "../../domain/connection.ts";
import { findChange, NO_CHANGES, type PackageChanges, type PackageImport } from "../../domain/package.ts";
import { decodeConnection } from "./connection-wire.ts";
import { PackagePath, SAME_NAME_POLICIES, SameNameMember } from "./package-wire.ts";
import { isObject, readBody, type WireObject } from "./request-wire.ts";

/** Connections of which one import says something. */
const PARAMS_MAX = 1000;

const ConnectionParam = Type.Object({
  name: Type.String({ description: "Of a connection of the package." }),
  connectionType: Type.Optional(Type.String({ description: "Of the connection; absent: any." })),
  params: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description: "Members of its configuration, such as the password, which no package holds.",
    }),
  ),
});

export const ConnectionImportBody = Type.Object({
  path: PackagePath,
  params: Type.Optional(Type.Array(ConnectionParam, { maxItems: PARAMS_MAX })),
  sameNamePolicy: SameNameMember,
});

/** Fault: `request-invalid` with every problem. */
export function decodeConnectionImport(body: unknown): PackageImport {
  const { path, params = [], sameNamePolicy = "SKIP" } = readBody(ConnectionImportBody, body);
  return {
    path,
    sameNamePolicy: SAME_NAME_POLICIES[sameNamePolicy],
    changes: { ...NO_CHANGES, connections: params.map(decodeParam) },
  };
}

function decodeParam({
  name,
  connectionType = "",
  params,
}: Static<typeof ConnectionParam>): PackageChanges["connections"][number] {
  return { name, ...(connectionType !== "" && { type: connectionType }), config: params ?? {} };
}

/** A connection of a package with the members that the import brings; a mask stands for a secret that is elsewhere. */
export function decodePackagedConnection(document: WireObject, changes: PackageChanges): ConnectionDraft {
  const { name, type } = document;
  const change =
    typeof name === "string" && typeof type === "string"
      ? findChange(changes.connections, { name, type })
      : undefined;
  const { config } = document;
  if (config !== undefined && config !== null && !isObject(config)) return decodeConnection(document);
  const own = Object.entries(config ?? {}).filter(([, value]) => value !== SECRET_MASK);
  return decodeConnection({ ...document, config: { ...Object.fromEntries(own), ...change?.config } });
}
