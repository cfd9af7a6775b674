/** What the HTTP server asks of identity: who sent this request, and may they touch this project. */

import type { Caller } from "../domain/user.ts";
import { type AccessRequest, authenticateCaller } from "../identity/access.ts";
import { UNREAD_BODY } from "../identity/canonical-request.ts";
import type { Identity } from "../identity/identity.ts";
import type { RouteRequest } from "./route.ts";

/**
 * Recognises the sender by signature or token and gives the caller within `projectId` (the path's), or within the
 * token's own project when the path names none. Raises `credentials-refused` for anything that does not hold,
 * a foreign project included. Source: auth.md 1, 2.
 */
export type Authenticate = (request: RouteRequest, projectId: string | undefined) => Promise<Caller>;

/** The real judge: tokens and signatures of `identity`. */
export function createAuthenticate(identity: Identity): Authenticate {
  return (request, projectId) => authenticateCaller(identity, accessRequestOf(request), projectId);
}

/** What identity judges a request by: all of it as received. */
export function accessRequestOf(request: RouteRequest): AccessRequest {
  const { method, target, rawHeaders, address } = request;
  const bodySha256 = hasUnreadBody(request) ? UNREAD_BODY : request.bodySha256;
  return { method, rawTarget: target, rawHeaders, bodySha256, address };
}

function hasUnreadBody({ stream, headers }: RouteRequest): boolean {
  const announced = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  return stream !== undefined && announced;
}
