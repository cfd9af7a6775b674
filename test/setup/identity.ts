/** A world with an identity: a database of its own, a clock that tests move, an administrator and two projects. */
import type { Observation } from "../../src/domain/observation.ts";
import type { Project } from "../../src/domain/project.ts";
import type { Role, User } from "../../src/domain/user.ts";
import { type AccessKeyPair, createAccessKey } from "../../src/identity/access-keys.ts";
import { createIdentity, type Identity, type IdentitySettings } from "../../src/identity/identity.ts";
import { createProject } from "../../src/identity/projects.ts";
import { grantRole } from "../../src/identity/roles.ts";
import { issueToken } from "../../src/identity/tokens.ts";
import { createUser } from "../../src/identity/users.ts";
import { createMasterKey } from "../../src/store/secrets.ts";
import { testDatabase } from "./postgres.ts";

/** Low, so that a login costs a test no time. */
export const CHEAP = { memoryKib: 64, passes: 1, lanes: 1 };

export interface IdentityWorld {
  readonly identity: Identity;
  readonly observations: Observation[];
  /** Moves the clock forwards. */
  pass(seconds: number): void;
  /** A user with these roles in a project, that project being the default one; the password is `<name>-password`. */
  user(name: string, project: Project, ...roles: Role[]): Promise<User>;
  /** A token of the user for the project. */
  token(user: User, project: Project): Promise<string>;
  key(user: User): Promise<AccessKeyPair>;
  readonly home: Project;
  readonly foreign: Project;
  /** Admin in `home`. */
  readonly admin: User;
}

export async function identityWorld(settings: Partial<IdentitySettings> = {}): Promise<IdentityWorld> {
  const { pool } = await testDatabase();
  let time = Date.parse("2026-01-02T03:04:05Z");
  const observations: Observation[] = [];
  const identity = createIdentity({
    pool,
    masterKeys: { current: createMasterKey(), previous: [] },
    now: () => new Date(time),
    observe: (observation) => observations.push(observation),
    settings: { passwordCost: CHEAP, unsignedPayloadAllowed: true, ...settings },
  });
  const home = await createProject(identity, { name: "home" });
  const foreign = await createProject(identity, { name: "foreign" });

  async function user(name: string, project: Project, ...roles: Role[]): Promise<User> {
    const made = await createUser(identity, {
      name,
      password: `${name}-password`,
      defaultProjectId: project.id,
    });
    for (const role of roles) await grantRole(identity, { projectId: project.id, userId: made.id, role });
    return made;
  }

  async function token(of: User, project: Project): Promise<string> {
    const request = {
      userId: of.id,
      scope: "project",
      projectId: project.id,
      methods: ["password"],
    } as const;
    return (await issueToken(identity, request)).text;
  }

  async function key(of: User): Promise<AccessKeyPair> {
    const { key: made, secretKey } = await createAccessKey(identity, { userId: of.id, description: "" });
    return { id: made.id, secretKey };
  }

  const admin = await user("root", home, "admin");
  const pass = (seconds: number) => {
    time += seconds * 1000;
  };
  return { identity, observations, pass, user, token, key, home, foreign, admin };
}
