/** Job binaries on the wire: schema, decode, encode. */
import { type Static, Type } from "typebox";
import type { JobBinaryChanges, JobBinaryDraft } from "../../catalog/job-binaries.ts";
import type { JobBinary } from "../../domain/job-binary.ts";
import {
  CLOSED,
  Description,
  decodeFlagChanges,
  decodeNewFlags,
  encodeShared,
  FlagValue,
  Name,
  SimpleMap,
  Url,
} from "./object-wire.ts";

/** Body of POST `/job-binaries`. */
export const JobBinaryPost = Type.Object(
  {
    name: Name,
    url: Url,
    description: Type.Optional(Description),
    extra: Type.Optional(SimpleMap),
    is_public: Type.Optional(FlagValue),
    is_protected: Type.Optional(FlagValue),
  },
  CLOSED,
);

/** Body of PUT `/job-binaries/{id}`: what is there is changed. */
export const JobBinaryPut = Type.Partial(JobBinaryPost);

export function decodeJobBinary(body: Static<typeof JobBinaryPost>): JobBinaryDraft {
  const { name, url, description = null, extra } = body;
  return { name, url, description, extra, ...decodeNewFlags(body) };
}

export function decodeJobBinaryChanges(body: Static<typeof JobBinaryPut>): JobBinaryChanges {
  const { is_public: _public, is_protected: _protected, ...members } = body;
  return { ...members, ...decodeFlagChanges(body) };
}

/** Credentials are never shown. */
export function encodeJobBinary(binary: JobBinary) {
  const { name, description, url } = binary;
  return { ...encodeShared(binary), name, description, url };
}
