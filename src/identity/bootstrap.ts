/** The first start: one project, one administrator and one access key, told once and kept in a file. */
import { randomBytes } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Fault } from "../domain/fault.ts";
import { IDENTITY_DOMAIN, type Project } from "../domain/project.ts";
import type { User } from "../domain/user.ts";
import { insertAccessKey } from "../store/access-keys.ts";
import { transaction } from "../store/database.ts";
import { insertProject } from "../store/projects.ts";
import { insertRoleAssignment, lockAdministrators } from "../store/role-assignments.ts";
import { insertUser, listUsers } from "../store/users.ts";
import { ACCESS_KEYS_MAX, createAccessKeyPair, isAccessKeyId, sealSecretKey } from "./access-keys.ts";
import type { Identity } from "./identity.ts";
import { createId, parseId } from "./ids.ts";

const ADMINISTRATOR_NAME = "admin";
const PROJECT_NAME = "default";
const PASSWORD_BYTES = 16;

/** What configuration may fix; whatever is absent is random. Source: product 2. */
export interface BootstrapChoices {
  readonly projectId?: string;
  readonly adminPassword?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  /** What `GET /metrics` asks for; only written down. */
  readonly metricsToken?: string;
  /** Where this server is to be found; only written down. */
  readonly url?: string;
}

/** The first user's ways in, as the file of credentials has them. */
export interface FirstCredentials {
  readonly url?: string;
  readonly userName: string;
  readonly password: string;
  readonly domainName: string;
  readonly projectName: string;
  readonly projectId: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly metricsToken?: string;
}

/**
 * Makes the first user unless there is any user yet, and writes `file` (mode 0600) in that case only.
 * Gives what it wrote, or undefined when there was nothing to do. Fault `request-invalid` for choices that cannot be.
 */
export async function bootstrap(
  identity: Identity,
  file: string,
  choices: BootstrapChoices,
): Promise<FirstCredentials | undefined> {
  if ((await listUsers(identity.pool, {}, 1)).length > 0) return undefined;
  const credentials = chooseCredentials(choices);
  const passwordHash = await identity.passwords.hash(credentials.password);
  const made = await transaction(identity.pool, async (db) => {
    // Of several servers that start at once, the others wait here and then find a user.
    await lockAdministrators(db);
    if ((await listUsers(db, {}, 1)).length > 0) return false;
    const { project, user } = firstRecords(credentials, identity.now());
    const key = { id: credentials.accessKey, userId: user.id, description: "made at first start" };
    const secretSealed = sealSecretKey(identity.masterKeys, { id: key.id, secretKey: credentials.secretKey });
    await insertProject(db, project);
    await insertUser(db, { user, passwordHash });
    await insertRoleAssignment(db, project.id, user.id, "admin");
    await insertAccessKey(
      db,
      { ...key, enabled: true, createdAt: identity.now(), secretSealed },
      ACCESS_KEYS_MAX,
    );
    // Before the commit: a crash in between is mended by the next start, a password that nobody ever saw is not.
    await writeCredentials(file, credentials);
    return true;
  });
  identity.credentials.forget();
  return made ? credentials : undefined;
}

function chooseCredentials(choices: BootstrapChoices): FirstCredentials {
  const pair = createAccessKeyPair();
  const projectId = choices.projectId === undefined ? createId() : parseId(choices.projectId);
  const accessKey = choices.accessKey ?? pair.id;
  const secretKey = choices.secretKey ?? pair.secretKey;
  if (projectId === undefined) throw refuseChoice("the project's id has 32 hexadecimal digits");
  if (!isAccessKeyId(accessKey)) throw refuseChoice("an access key has 3 to 128 letters, digits, _ or -");
  if (secretKey.length < 8) throw refuseChoice("a secret key has at least 8 characters");
  return {
    ...(choices.url !== undefined && { url: choices.url }),
    userName: ADMINISTRATOR_NAME,
    password: choices.adminPassword ?? randomBytes(PASSWORD_BYTES).toString("hex"),
    domainName: IDENTITY_DOMAIN.name,
    projectName: PROJECT_NAME,
    projectId,
    accessKey,
    secretKey,
    ...(choices.metricsToken !== undefined && { metricsToken: choices.metricsToken }),
  };
}

function firstRecords(credentials: FirstCredentials, now: Date): { project: Project; user: User } {
  const { projectId, projectName, userName } = credentials;
  const project = {
    id: projectId,
    name: projectName,
    description: "",
    enabled: true,
    localCommands: true,
    createdAt: now,
  };
  const user = { id: createId(), name: userName, enabled: true, defaultProjectId: projectId, createdAt: now };
  return { project, user };
}

async function writeCredentials(file: string, credentials: FirstCredentials): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, `${JSON.stringify(credentials, undefined, 2)}\n`, { mode: 0o600, flush: true });
  // A file left by a first start that did not end keeps the mode that it had.
  await chmod(file, 0o600);
}

function refuseChoice(message: string): Fault {
  return new Fault("invalid", "request-invalid", message);
}
