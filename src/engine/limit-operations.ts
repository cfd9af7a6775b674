/** Limits set and taken away, and the weights of projects: each act with its line in the audit trail. */
import { Fault, missing } from "../domain/fault.ts";
import { insertAct } from "../store/audit.ts";
import { findConnection } from "../store/connections.ts";
import { type Database, transaction } from "../store/database.ts";
import { hasCode } from "../store/file-system.ts";
import {
  deleteLimit,
  type LimitScope,
  lockLimits,
  putLimit,
  refreshLimits,
  updateWeight,
} from "../store/limits.ts";
import { workspaceExists } from "../store/workspaces.ts";
import type { OperationDeps } from "./operation-deps.ts";

export interface SetLimitRequest {
  readonly projectId: string;
  readonly scope: LimitScope;
  /** From 1 to `SLOTS_MAX`; null: no limit any more. */
  readonly slots: number | null;
  readonly by: string;
}

export const SLOTS_MAX = 100_000;
export const WEIGHT_MAX = 100;

export interface LimitOperations {
  /**
   * Sets a limit for what starts from now on and for what waits or runs already; what runs beyond it goes on to its end.
   * @throws Fault `workspace-missing`; `connection-missing`; `server-busy` where too much was just being started.
   */
  readonly setLimit: (request: SetLimitRequest) => Promise<void>;
  /** How many times the slots of a project of weight 1 this one gets where both want them; from 1 to `WEIGHT_MAX`. */
  readonly setWeight: (request: {
    readonly projectId: string;
    readonly weight: number;
    readonly by: string;
  }) => Promise<void>;
}

export function createLimitOperations(deps: OperationDeps): LimitOperations {
  return {
    setLimit: (request) => setLimit(deps, request),
    setWeight: async ({ projectId, weight, by }) => {
      const at = deps.now();
      await transaction(deps.pool, async (db) => {
        await updateWeight(db, projectId, weight);
        const object = { kind: "project", id: projectId };
        await insertAct(db, { projectId, at, by, act: "set-weight", object, detail: { weight } });
      });
    },
  };
}

async function setLimit({ pool, now, workReady }: OperationDeps, request: SetLimitRequest): Promise<void> {
  const { projectId, scope, slots, by } = request;
  const at = now();
  try {
    await transaction(pool, async (db) => {
      await lockLimits(db);
      if (slots === null) await deleteLimit(db, projectId, scope);
      else {
        await checkScope(db, projectId, scope);
        await putLimit(db, { projectId, scope, slots, by, at });
      }
      await insertAct(db, {
        projectId,
        at,
        by,
        act: "set-limit",
        object: objectOf(scope, projectId),
        detail: { slots },
      });
    });
  } catch (error) {
    if (!hasCode(error, LOCK_TIMEOUT)) throw error;
    throw new Fault("unavailable", "server-busy", "too much is being started just now: try again", {
      cause: error,
    });
  }
  await refreshLimits(pool, projectId);
  workReady();
}

const LOCK_TIMEOUT = ["55P03"];

async function checkScope(db: Database, projectId: string, scope: LimitScope): Promise<void> {
  if (scope.kind === "project") return;
  const key = { projectId, workspaceId: scope.workspaceId };
  if (!(await workspaceExists(db, key)))
    missing("workspace-missing", `there is no workspace "${scope.workspaceId}"`);
  if (scope.kind === "connection" && (await findConnection(db, key, scope.connection)) === undefined)
    missing("connection-missing", `there is no connection "${scope.connection}"`);
}

function objectOf(scope: LimitScope, projectId: string): { readonly kind: string; readonly id: string } {
  if (scope.kind === "project") return { kind: "project", id: projectId };
  if (scope.kind === "workspace") return { kind: "workspace", id: scope.workspaceId };
  return { kind: "connection", id: `${scope.workspaceId}/${scope.connection}` };
}
