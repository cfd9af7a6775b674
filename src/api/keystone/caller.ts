/** Who calls a Keystone route, and what several routes ask about them. */
import { Fault } from "../../domain/fault.ts";
import { authenticatePrincipal, type Principal } from "../../identity/access.ts";
import type { Identity } from "../../identity/identity.ts";
import { accessRequestOf } from "../authenticate.ts";
import type { OpenRoute, Reply, RouteRequest } from "../route.ts";

/** Tokens and secrets must not be kept by anything on the way. */
export const NO_STORE = { "cache-control": "no-store", vary: "X-Auth-Token" } as const;

/** A handler for any recognised sender; fault `credentials-refused` for everybody else. */
export function authenticated(
  identity: Identity,
  handle: (request: RouteRequest, caller: Principal) => Promise<Reply>,
): OpenRoute["handle"] {
  return async (request) =>
    await handle(request, await authenticatePrincipal(identity, accessRequestOf(request)));
}

/** A handler for administrators; fault `role-missing` for other recognised senders. */
export function administrator(
  identity: Identity,
  rule: string,
  handle: (request: RouteRequest, caller: Principal) => Promise<Reply>,
): OpenRoute["handle"] {
  return authenticated(identity, async (request, caller) => {
    if (!caller.administers) throw forbidden(rule);
    return await handle(request, caller);
  });
}

/** Both guards for handlers that take identity first: `anybody` who is recognised, `only` administrators. */
export function guardsOf(identity: Identity) {
  return {
    anybody: (handle: (identity: Identity, request: RouteRequest, caller: Principal) => Promise<Reply>) =>
      authenticated(identity, (request, caller) => handle(identity, request, caller)),
    only: (rule: string, handle: (identity: Identity, request: RouteRequest) => Promise<Reply>) =>
      administrator(identity, rule, (request) => handle(identity, request)),
  };
}

/** The refusal of a recognised sender; `rule` is Keystone's name of what was tried, e.g. `identity:list_users`. */
export function forbidden(rule: string): Fault {
  return new Fault(
    "forbidden",
    "role-missing",
    `You are not authorized to perform the requested action: ${rule}.`,
  );
}
