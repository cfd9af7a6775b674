/** What routes promise to their callers: requests and replies are held to it, and the OpenAPI page is made from it. */
import type { TObject, TSchema } from "typebox";

/** The promise of one route. */
export interface Contract {
  /** As the SDKs name the call, in snake_case, e.g. `list_jobs`; no other route of the face has the name. */
  readonly operation: string;
  /** What the call does, in a few words. */
  readonly summary: string;
  /** Under which heading the page has it, e.g. `Jobs`. */
  readonly tag: string;
  /** A member for each name of the query: what `readQuery` reads it by. */
  readonly query?: TObject;
  /** What the route's decoder holds a JSON body to. A null counts as a member that is left out. */
  readonly body?: TObject;
  /** What comes back, by status; several where the request decides between them. Refusals are the face's. */
  readonly replies: Readonly<Record<number, ReplyContent | readonly ReplyContent[]>>;
}

/**
 * JSON, bytes of any kind, or no body at all. A schema names every member that is ever sent; one that says
 * `additionalProperties: true` belongs to an object that is given back as somebody saved it.
 */
export type ReplyContent = TSchema | "bytes" | "nothing";

/** What all routes of a face promise alike. */
export interface FaceContract {
  readonly title: string;
  readonly description: string;
  /** Of the described interface, not of this program. */
  readonly version: string;
  /** Headers that each route reads. */
  readonly headers: TObject;
  readonly refusals: {
    readonly statuses: readonly number[];
    readonly body: TSchema;
  };
}
