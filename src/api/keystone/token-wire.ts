/** Tokens as Keystone writes them: the request for one, and what is told about it. Source: auth 1.3. */
import { type Static, Type } from "typebox";
import { Fault, invalid } from "../../domain/fault.ts";
import { highestRole, ROLES, type Role } from "../../domain/user.ts";
import type { IdentityDomainName, Login, PasswordMethod, ScopeRequest } from "../../identity/logins.ts";
import type { TokenState } from "../../store/tokens.ts";
import { type CatalogPlace, encodeCatalog } from "./catalog.ts";
import { encodeRoleReference } from "./role-wire.ts";
import { encodeDomainReference, encodeTime, Text } from "./wire.ts";

const DomainName = Type.Object({ id: Type.Optional(Text), name: Type.Optional(Text) });
const Named = Type.Object({
  id: Type.Optional(Text),
  name: Type.Optional(Text),
  domain: Type.Optional(DomainName),
});

const Scope = Type.Object({
  project: Type.Optional(Named),
  domain: Type.Optional(DomainName),
  system: Type.Optional(Type.Object({ all: Type.Boolean() })),
  unscoped: Type.Optional(Type.Object({})),
});

/** Body of POST /v3/auth/tokens. */
export const LoginBody = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Text, { minItems: 1, maxItems: 8 }),
      password: Type.Optional(
        Type.Object({ user: Type.Intersect([Named, Type.Object({ password: Text })]) }),
      ),
      token: Type.Optional(Type.Object({ id: Text })),
    }),
    scope: Type.Optional(Type.Union([Type.Literal("unscoped"), Type.Null(), Scope])),
  }),
});

/** Faults: `request-invalid` for a body that says too little, `credentials-refused` for a method that is not served. */
export function decodeLogin({ auth }: Static<typeof LoginBody>, address: string): Login {
  const { methods, password, token } = auth.identity;
  if (methods.some((method) => method !== "password" && method !== "token")) {
    throw new Fault("unauthenticated", "credentials-refused", "an authentication method is not supported");
  }
  const asked = (method: string) => methods.includes(method);
  if (asked("password") && password === undefined)
    invalid("request-invalid", ["auth.identity.password: missing"]);
  if (asked("token") && token === undefined) invalid("request-invalid", ["auth.identity.token: missing"]);
  const scope = auth.scope == null ? undefined : decodeScope(auth.scope);
  return {
    ...(asked("password") && password !== undefined && { password: decodePassword(password.user) }),
    ...(asked("token") && token !== undefined && { token: token.id }),
    ...(scope !== undefined && { scope }),
    address,
  };
}

function decodePassword(user: Static<typeof Named> & { readonly password: string }): PasswordMethod {
  return {
    ...decodeNamed(user, "auth.identity.password.user", (named) => ({ user: named })),
    password: user.password,
  };
}

function decodeScope(scope: "unscoped" | Static<typeof Scope>): ScopeRequest {
  if (scope === "unscoped") return { kind: "unscoped" };
  const { project, domain, system, unscoped } = scope;
  const given = [project, domain, system, unscoped].filter((part) => part !== undefined);
  if (given.length !== 1)
    invalid("request-invalid", ["auth.scope: needs exactly one of project, domain, system, unscoped"]);
  if (project !== undefined)
    return {
      kind: "project",
      ...decodeNamed(project, "auth.scope.project", (named) => ({ project: named })),
    };
  if (domain !== undefined) return { kind: "domain", identityDomain: domain };
  if (system === undefined) return { kind: "unscoped" };
  if (!system.all) invalid("request-invalid", ["auth.scope.system.all: only true is served"]);
  return { kind: "system" };
}

/** A thing named by id, or by name and the identity domain that makes the name unique. */
function decodeNamed<Wrapped>(
  { id, name, domain }: Static<typeof Named>,
  place: string,
  wrap: (named: { readonly id: string } | { readonly name: string }) => Wrapped,
): Wrapped & { readonly identityDomain: IdentityDomainName } {
  if (id !== undefined) return { ...wrap({ id }), identityDomain: domain ?? {} };
  if (name === undefined) return invalid("request-invalid", [`${place}: needs an id or a name`]);
  if (domain === undefined || (domain.id === undefined && domain.name === undefined)) {
    return invalid("request-invalid", [`${place}.domain: a name needs the domain's id or name`]);
  }
  return { ...wrap({ name }), identityDomain: domain };
}

/** `{"token": {...}}`; without a place the catalogue is left out. */
export function encodeToken(token: TokenState, place: CatalogPlace | undefined): object {
  const about = {
    methods: token.methods,
    user: {
      id: token.userId,
      name: token.userName,
      domain: encodeDomainReference(),
      password_expires_at: null,
    },
    audit_ids: [token.auditId],
    issued_at: encodeTime(token.issuedAt),
    expires_at: encodeTime(token.expiresAt),
  };
  if (token.scope === "unscoped") return { token: about };
  const scoped = {
    ...about,
    is_domain: false,
    ...encodeScope(token),
    roles: rolesOf(token).map(encodeRoleReference),
  };
  return { token: place === undefined ? scoped : { ...scoped, catalog: encodeCatalog(place) } };
}

function encodeScope(token: TokenState): object {
  switch (token.scope) {
    case "project":
      return { project: { id: token.projectId, name: token.projectName, domain: encodeDomainReference() } };
    case "domain":
      return { domain: encodeDomainReference() };
    case "system":
      return { system: { all: true } };
    case "unscoped":
      return {};
    default:
      return token.scope satisfies never;
  }
}

/** Every role that the token stands for: the highest one and those that it includes. */
function rolesOf(token: TokenState): Role[] {
  const across: Role = token.administers ? "admin" : "reader";
  const highest = token.scope === "project" ? highestRole(token.roles) : across;
  return highest === undefined ? [] : ROLES.slice(0, ROLES.indexOf(highest) + 1).reverse();
}
