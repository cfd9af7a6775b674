/** Scripts that run by themselves: started, looked at and stopped. */
import { Fault, invalid, missing } from "../domain/fault.ts";
import { checkParameters, definitionOfNode, type JobParameter } from "../domain/job.ts";
import { nodeTypeOf, type Script } from "../domain/script.ts";
import type { ScriptRun } from "../domain/script-run.ts";
import { formatObjectId } from "../domain/shared-object.ts";
import type { Caller } from "../domain/user.ts";
import { insertAct } from "../store/audit.ts";
import { orFault, REFERENCED } from "../store/constraints.ts";
import { findScriptRun, insertScriptRun } from "../store/script-runs.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import { type ExecutionEngine, stopRun } from "./execution-engine.ts";
import { getScript } from "./scripts.ts";
import type { WorkspaceDeps } from "./workspaces.ts";

export interface ScriptRunDeps extends WorkspaceDeps {
  readonly engine: ExecutionEngine;
  /** A fresh id of 32 hexadecimal digits. */
  readonly newId: () => string;
}

/** A script by its name, where it is looked for. */
interface ScriptPlace {
  readonly workspaceId: string;
  readonly name: string;
}

/** Members of a script that are the node's own properties. */
const NODE_MEMBERS = ["connectionName", "database", "queueName"] as const;

/**
 * Runs the script as it is now, with values for the names in it, and gives the run's id. Faults: `script-missing`,
 * `workspace-missing`; `request-invalid` with all that is wrong with the values.
 */
export async function runScript(
  deps: ScriptRunDeps,
  caller: Caller,
  { workspaceId, name }: ScriptPlace,
  parameters: readonly JobParameter[],
): Promise<string> {
  const { projectId, userName: by } = caller;
  const problems = checkParameters(parameters);
  if (problems.length > 0) invalid("request-invalid", problems);
  const script = await getScript(deps, { projectId, workspaceId }, name);
  const id = deps.newId();
  await deps.engine.startExecution(
    {
      projectId,
      workspaceId,
      name,
      definition: definitionOfNode({ name, type: nodeTypeOf(script.type), properties: propertiesOf(script) }),
      parameters: Object.fromEntries(parameters.map((one) => [one.name, one.value])),
      by,
    },
    async (db, instanceId) => {
      await orFault(
        insertScriptRun(db, { projectId, id, scriptId: script.id, instanceId }),
        REFERENCED,
        gone,
      );
      const object = { kind: "script", id: name };
      const detail = { run: formatObjectId(id), version: script.version };
      await insertAct(db, { projectId, at: deps.now(), by, act: "run", object, detail });
    },
  );
  return id;
}

/** The run of that id. Faults: `script-missing`, `script-run-missing`, `workspace-missing`. */
export async function getScriptRun(
  deps: WorkspaceDeps,
  key: WorkspaceKey,
  { name, id }: { readonly name: string; readonly id: string },
): Promise<ScriptRun> {
  const script = await getScript(deps, key, name);
  const run = await findScriptRun(deps.pool, key, { scriptId: script.id, id });
  return run ?? missing("script-run-missing", "the script has no such run");
}

/** Tells the run to end; one that has ended stays as it is. Faults as `getScriptRun`. */
export async function stopScriptRun(
  deps: ScriptRunDeps,
  { projectId, userName }: Caller,
  { workspaceId, ...run }: ScriptPlace & { readonly id: string },
): Promise<void> {
  await stopRun(deps.engine, await getScriptRun(deps, { projectId, workspaceId }, run), userName);
}

/** The text goes with the run: what is saved later is not what ran. */
function propertiesOf({ content, document }: Script): Readonly<Record<string, string>> {
  const given = NODE_MEMBERS.map((member) => [member, document[member]] as const);
  const texts = given.filter(
    (entry): entry is readonly [(typeof NODE_MEMBERS)[number], string] =>
      typeof entry[1] === "string" && entry[1] !== "",
  );
  return { ...Object.fromEntries(texts), statement: content, "azalai.output": "table" };
}

/** Deleted between the look at it and its start. */
function gone(cause: unknown): Fault {
  return new Fault("not-found", "script-missing", "the script was deleted", { cause });
}
