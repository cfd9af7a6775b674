/** Rotation: brings every stored secret under the master key that seals now, so that older keys can be given up. */
import { Fault } from "../domain/fault.ts";
import type { Observe } from "../domain/observation.ts";
import type { Database } from "../store/database.ts";
import {
  countSecretsByKey,
  listSecretsUnderOthers,
  replaceSecrets,
  SEALED_TABLES,
  type SealedTable,
  secretPlace,
} from "../store/sealed-columns.ts";
import { type MasterKeys, rewrapSecret } from "../store/secrets.ts";
import { createLoop, type Loop } from "./loop.ts";

export interface SecretRotationDeps {
  readonly pool: Database;
  readonly masterKeys: MasterKeys;
  readonly observe: Observe;
}

/** A master key, how many secrets lie under it, and what it is to this server; `missing`: it is not configured here. */
export interface MasterKeyUse {
  readonly id: string;
  readonly state: "current" | "previous" | "missing";
  readonly secrets: number;
}

/** What a round did; what is unreadable stays as it is, under a key that is not here. */
export interface RotatedSecrets {
  readonly rewrapped: number;
  readonly unreadable: number;
}

export interface SecretRotation {
  /** The current key first; a previous one without secrets may go. */
  readonly keys: () => Promise<MasterKeyUse[]>;
  /** Safe while others do the same, and while secrets are saved. */
  readonly rotate: () => Promise<RotatedSecrets>;
  /** Does so at the start and once an hour: a server that still has the older key in front goes on sealing with it. */
  readonly loop: Loop;
}

const REST_MS = 3600_000;
const SECRETS_AT_ONCE = 200;

export function createSecretRotation(deps: SecretRotationDeps): SecretRotation {
  async function rotate(): Promise<RotatedSecrets> {
    let [rewrapped, unreadable] = [0, 0];
    for (const table of SEALED_TABLES) {
      const done = await rotateTable(deps, table);
      rewrapped += done.rewrapped;
      unreadable += done.unreadable;
    }
    if (rewrapped + unreadable > 0) deps.observe({ event: "secrets-rotated", rewrapped, unreadable });
    return { rewrapped, unreadable };
  }
  return {
    keys: () => listKeys(deps),
    rotate,
    loop: createLoop(
      "secret-rotation",
      async () => {
        await rotate();
        return REST_MS;
      },
      deps.observe,
    ),
  };
}

async function rotateTable(
  { pool, masterKeys }: SecretRotationDeps,
  table: SealedTable,
): Promise<RotatedSecrets> {
  let [rewrapped, unreadable, after] = [0, 0, ""];
  for (;;) {
    const page = { after, limit: SECRETS_AT_ONCE };
    const found = await listSecretsUnderOthers(pool, table, masterKeys.current.id, page);
    const changes = found.flatMap(({ recordId, sealed: from }) => {
      const to = rewrap(masterKeys, table, recordId, from);
      return to === undefined ? [] : [{ from, to }];
    });
    unreadable += found.length - changes.length;
    if (changes.length > 0) rewrapped += await replaceSecrets(pool, table, changes);
    const last = found.at(-1);
    if (last === undefined || found.length < SECRETS_AT_ONCE) return { rewrapped, unreadable };
    after = last.recordId;
  }
}

/** Undefined where no key that is here opens it. */
function rewrap(keys: MasterKeys, table: SealedTable, recordId: string, sealed: Buffer): Buffer | undefined {
  try {
    return rewrapSecret(keys, secretPlace(table, recordId), sealed);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

async function listKeys({ pool, masterKeys }: SecretRotationDeps): Promise<MasterKeyUse[]> {
  const counts = await countSecretsByKey(pool);
  const { current, previous } = masterKeys;
  const known = [current, ...previous].map(({ id }) => id);
  const missing = [...counts.keys()].filter((id) => !known.includes(id));
  const stateOf = (id: string) =>
    id === current.id ? "current" : known.includes(id) ? "previous" : "missing";
  return [...known, ...missing].map((id) => ({ id, state: stateOf(id), secrets: counts.get(id) ?? 0 }));
}
