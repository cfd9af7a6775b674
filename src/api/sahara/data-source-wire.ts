/** Data sources on the wire: schema, decode, encode. */
import { type Static, Type } from "typebox";
import type { DataSourceChanges, DataSourceDraft } from "../../catalog/data-sources.ts";
import { DATA_SOURCE_TYPES, type DataSource } from "../../domain/data-source.ts";
import {
  CLOSED,
  Description,
  decodeFlagChanges,
  decodeNewFlags,
  encodeShared,
  FlagValue,
  Name,
  Url,
} from "./object-wire.ts";

/** Body of POST `/data-sources`. */
export const DataSourcePost = Type.Object(
  {
    name: Name,
    type: Type.Enum([...DATA_SOURCE_TYPES]),
    url: Url,
    description: Type.Optional(Description),
    credentials: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    is_public: Type.Optional(FlagValue),
    is_protected: Type.Optional(FlagValue),
  },
  CLOSED,
);

/** Body of PUT `/data-sources/{id}`: what is there is changed. */
export const DataSourcePut = Type.Partial(DataSourcePost);

export function decodeDataSource(body: Static<typeof DataSourcePost>): DataSourceDraft {
  const { name, type, url, description = null, credentials } = body;
  return { name, type, url, description, credentials, ...decodeNewFlags(body) };
}

/** Empty credentials count as not given. Source: sahara-v1.1 7. */
export function decodeDataSourceChanges(body: Static<typeof DataSourcePut>): DataSourceChanges {
  const { is_public: _public, is_protected: _protected, credentials, ...members } = body;
  const given = credentials !== undefined && Object.keys(credentials).length > 0;
  return { ...members, ...(given && { credentials }), ...decodeFlagChanges(body) };
}

/** Credentials are never shown. */
export function encodeDataSource(source: DataSource) {
  const { name, description, type, url } = source;
  return { ...encodeShared(source), name, description, type, url };
}
