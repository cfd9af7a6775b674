/** Tokens and access keys as requests bring them: read from the database, and kept for a few seconds. */
import { createHash } from "node:crypto";
import type { Role } from "../domain/user.ts";
import { type AccessKeyState, findAccessKeyState } from "../store/access-keys.ts";
import type { Database } from "../store/database.ts";
import { secretPlace } from "../store/sealed-columns.ts";
import { decryptSecret, type MasterKeys } from "../store/secrets.ts";
import { findToken, type TokenState } from "../store/tokens.ts";
import { listWorkspaceRoles } from "../store/workspace-members.ts";
import { createRecent } from "./recent.ts";

/** How long another server's revocation may go unseen here; our own is seen at once. */
const AGE_MS_MAX = 3000;
const ENTRIES_MAX = 10_000;

/** An access key with its secret in clear: never logged, never stored. */
export interface OpenAccessKey {
  readonly state: AccessKeyState;
  readonly secretKey: string;
}

export interface Credentials {
  /** The token with this text, expired or not. */
  findToken(text: string): Promise<TokenState | undefined>;
  findAccessKey(id: string): Promise<OpenAccessKey | undefined>;
  /** As `listWorkspaceRoles`. */
  findWorkspaceRoles(projectId: string, userId: string): Promise<ReadonlyMap<string, Role | null>>;
  /** To be called after every change of a user, project, role, token or access key. */
  forget(): void;
}

export function createCredentials(db: Database, masterKeys: MasterKeys, now: () => Date): Credentials {
  const limits = { entriesMax: ENTRIES_MAX, ageMsMax: AGE_MS_MAX };
  const tokens = createRecent<TokenState>(limits, now);
  const accessKeys = createRecent<OpenAccessKey>(limits, now);
  const workspaceRoles = createRecent<ReadonlyMap<string, Role | null>>(limits, now);
  // What was read before a change and arrives after it must not be kept.
  let generation = 0;
  return {
    async findToken(text) {
      const hash = tokenHash(text);
      const key = hash.toString("base64");
      const recent = tokens.get(key);
      if (recent !== undefined) return recent;
      const readIn = generation;
      const token = await findToken(db, hash);
      if (token !== undefined && readIn === generation) tokens.set(key, token);
      return token;
    },
    async findAccessKey(id) {
      const recent = accessKeys.get(id);
      if (recent !== undefined) return recent;
      const readIn = generation;
      const state = await findAccessKeyState(db, id);
      if (state === undefined) return undefined;
      const secretKey = decryptSecret(masterKeys, secretPlace("access_key", id), state.secretSealed).toString(
        "utf8",
      );
      const found = { state, secretKey };
      if (readIn === generation) accessKeys.set(id, found);
      return found;
    },
    async findWorkspaceRoles(projectId, userId) {
      const key = `${projectId}/${userId}`;
      const recent = workspaceRoles.get(key);
      if (recent !== undefined) return recent;
      const readIn = generation;
      const roles = await listWorkspaceRoles(db, projectId, userId);
      if (readIn === generation) workspaceRoles.set(key, roles);
      return roles;
    },
    forget() {
      generation += 1;
      workspaceRoles.clear();
      tokens.clear();
      accessKeys.clear();
    },
  };
}

/** What of a token's text is stored. */
export function tokenHash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
