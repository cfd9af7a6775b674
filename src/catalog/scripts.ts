/** Scripts as people define them: the rules that a save must meet. */
import { Fault, invalid } from "../domain/fault.ts";
import { checkName } from "../domain/job.ts";
import { checkContent, type Script, type ScriptType } from "../domain/script.ts";
import { marksOf } from "../domain/text-marks.ts";
import type { Caller } from "../domain/user.ts";
import { type Database, transaction } from "../store/database.ts";
import { deleteScript, findScript, insertScript, updateScript } from "../store/scripts.ts";
import type { WorkspaceKey } from "../store/workspaces.ts";
import type { Author } from "./jobs.ts";
import { checkWorkspace, ensureWorkspace, type WorkspaceDeps } from "./workspaces.ts";

/** A script as somebody wants it. */
export interface ScriptDraft {
  readonly name: string;
  readonly type: ScriptType;
  readonly content: string;
  /** The other members as they came on the wire. */
  readonly document: unknown;
}

/** Adds a script. Faults: `script-invalid` with every problem, `script-exists`, those of `ensureWorkspace`. */
export async function createScript(
  deps: WorkspaceDeps,
  caller: Caller,
  workspaceId: string,
  draft: ScriptDraft,
): Promise<void> {
  checkScriptDraft(draft);
  const author = { projectId: caller.projectId, workspaceId, by: caller.userName };
  await transaction(deps.pool, (db) => addScript(db, deps, author, draft));
}

/** What can be said of a draft by itself. Fault: `script-invalid` with every problem. */
export function checkScriptDraft({ name, content }: ScriptDraft): void {
  const nameProblem = checkName(name);
  const problems = [...(nameProblem === undefined ? [] : [nameProblem]), ...checkContent(content)];
  if (problems.length > 0) invalid("script-invalid", problems);
}

/** As `createScript` in a transaction, for a draft that `checkScriptDraft` has let pass. */
export async function addScript(
  db: Database,
  deps: WorkspaceDeps,
  author: Author,
  draft: ScriptDraft,
): Promise<void> {
  await ensureWorkspace(db, deps, author);
  const write = { ...draft, ...textsOf(draft), by: author.by, at: deps.now() };
  if (await insertScript(db, author, write)) return;
  throw new Fault("conflict", "script-exists", "the script name already exists");
}

/** Saves the next version of a script; its name and type stay. Faults: `script-invalid`, `script-missing`. */
export async function saveScript(
  deps: WorkspaceDeps,
  caller: Caller,
  { workspaceId, name }: { readonly workspaceId: string; readonly name: string },
  draft: Pick<ScriptDraft, "content" | "document">,
): Promise<void> {
  const problems = checkContent(draft.content);
  if (problems.length > 0) invalid("script-invalid", problems);
  const author = { projectId: caller.projectId, workspaceId, by: caller.userName };
  await checkWorkspace(deps.pool, deps, author);
  await changeScript(deps.pool, deps, author, { ...draft, name });
}

/** As `saveScript` in a transaction, for a draft that `checkScriptDraft` has let pass. Fault: `script-missing`. */
export async function changeScript(
  db: Database,
  { now }: WorkspaceDeps,
  author: Author,
  { name, content, document }: Omit<ScriptDraft, "type">,
): Promise<void> {
  const write = { content, ...textsOf({ name, content, document }), by: author.by, at: now() };
  if (!(await updateScript(db, author, name, write))) throw scriptMissing();
}

function textsOf({ name, content, document }: Omit<ScriptDraft, "type">) {
  const text = JSON.stringify(document);
  return { document: text, marks: marksOf([name, text, content]) };
}

/** The script of that name. Faults: `script-missing`, `workspace-missing`. */
export async function getScript(deps: WorkspaceDeps, key: WorkspaceKey, name: string): Promise<Script> {
  await checkWorkspace(deps.pool, deps, key);
  const script = await findScript(deps.pool, key, name);
  if (script === undefined) throw scriptMissing();
  return script;
}

/** Removes a script; nodes that name it fail from then on. Faults: `script-missing`, `workspace-missing`. */
export async function removeScript(deps: WorkspaceDeps, key: WorkspaceKey, name: string): Promise<void> {
  await checkWorkspace(deps.pool, deps, key);
  if (!(await deleteScript(deps.pool, key, name))) throw scriptMissing();
}

function scriptMissing(): Fault {
  return new Fault("not-found", "script-missing", "the script does not exist");
}
