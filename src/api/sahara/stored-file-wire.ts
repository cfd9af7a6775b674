/** Files of the internal store on the wire (`job-binary-internals`): schema, decode, encode. */
import { type Static, Type } from "typebox";
import type { StoredFileChanges } from "../../catalog/stored-files.ts";
import type { StoredFile } from "../../domain/job-binary.ts";
import { CLOSED, decodeFlagChanges, encodeShared, FlagValue, Name } from "./object-wire.ts";

/** Body of PATCH `/job-binary-internals/{id}`. */
export const StoredFilePatch = Type.Object(
  {
    name: Type.Optional(Name),
    is_public: Type.Optional(FlagValue),
    is_protected: Type.Optional(FlagValue),
  },
  CLOSED,
);

export function decodeStoredFileChanges(body: Static<typeof StoredFilePatch>): StoredFileChanges {
  return { ...(body.name !== undefined && { name: body.name }), ...decodeFlagChanges(body) };
}

export function encodeStoredFile(file: StoredFile) {
  return { ...encodeShared(file), name: file.name, datasize: file.sizeBytes };
}
