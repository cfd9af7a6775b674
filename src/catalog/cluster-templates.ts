/** Templates of clusters and of their groups of nodes: made, changed and deleted by their rules. */
import {
  type ClusterTemplate,
  checkPlugin,
  checkProcesses,
  referredGroups,
  type TemplateKind,
} from "../domain/cluster-template.ts";
import { Fault, missing } from "../domain/fault.ts";
import type { Plugin } from "../domain/plugin.ts";
import {
  checkMayDelete,
  checkMayUpdate,
  type Flag,
  formatObjectId,
  parseObjectId,
} from "../domain/shared-object.ts";
import {
  countTemplatesOfGroup,
  deleteClusterTemplate,
  findClusterTemplate,
  holdNodeGroupTemplates,
  insertClusterTemplate,
  lockClusterTemplate,
  updateClusterTemplate,
} from "../store/cluster-templates.ts";
import { orFault, UNIQUE } from "../store/constraints.ts";
import { type Database, transaction } from "../store/database.ts";
import type { ProcessingParts } from "./parts.ts";

export interface TemplateParts extends Pick<ProcessingParts, "pool" | "now" | "newId"> {
  /** What clusters may be made of. */
  readonly plugins: readonly Plugin[];
}

export interface ClusterTemplateDraft {
  readonly name: string;
  readonly description: string | null;
  readonly pluginName: string;
  readonly pluginVersion: string;
  readonly details: ClusterTemplate["details"];
  readonly isPublic: Flag;
  readonly isProtected: Flag;
}
/** Of the details, those named are changed. */
export type ClusterTemplateChanges = Partial<ClusterTemplateDraft>;

/** The template, when the project may see it. Raises `cluster-template-missing`. */
export async function getClusterTemplate(
  { pool }: Pick<TemplateParts, "pool">,
  kind: TemplateKind,
  projectId: string,
  id: string | undefined,
): Promise<ClusterTemplate> {
  const template = id === undefined ? undefined : await findClusterTemplate(pool, kind, projectId, id);
  return template ?? missing("cluster-template-missing", "there is no such template");
}

/** @throws Fault `reference-invalid` for a plug-in, process or group that is not there; `cluster-template-exists`. */
export async function addClusterTemplate(
  parts: TemplateParts,
  kind: TemplateKind,
  projectId: string,
  draft: ClusterTemplateDraft,
): Promise<ClusterTemplate> {
  const template: ClusterTemplate = {
    ...draft,
    id: parts.newId(),
    projectId,
    createdAt: parts.now(),
    updatedAt: null,
  };
  return await transaction(parts.pool, async (db) => {
    await checkReferences(db, parts, template);
    if (!(await insertClusterTemplate(db, kind, template))) throw nameTaken(template.name);
    return template;
  });
}

/** As `addClusterTemplate` of the whole; also `cluster-template-missing`, `object-foreign`, `object-protected`. */
export async function changeClusterTemplate(
  parts: TemplateParts,
  kind: TemplateKind,
  projectId: string,
  id: string,
  changes: ClusterTemplateChanges,
): Promise<ClusterTemplate> {
  return await transaction(parts.pool, async (db) => {
    const found = await lock(db, kind, projectId, id);
    const { details = {}, ...members } = changes;
    checkMayUpdate({ ...found.details, ...found }, projectId, { ...members, ...details });
    const changed: ClusterTemplate = {
      ...found,
      ...members,
      details: { ...found.details, ...details },
      updatedAt: parts.now(),
    };
    await checkReferences(db, parts, changed);
    await orFault(updateClusterTemplate(db, kind, changed), UNIQUE, () => nameTaken(changed.name));
    return changed;
  });
}

/** Raises `cluster-template-missing`, `object-foreign`, `object-protected`, or `object-in-use` for a group that a cluster's template names. */
export async function removeClusterTemplate(
  { pool }: TemplateParts,
  kind: TemplateKind,
  projectId: string,
  id: string,
): Promise<void> {
  await transaction(pool, async (db) => {
    const template = await lock(db, kind, projectId, id);
    checkMayDelete(template, projectId);
    const users = kind === "node-group" ? await countTemplatesOfGroup(db, formatObjectId(id)) : 0;
    if (users > 0) throw new Fault("conflict", "object-in-use", `${users} templates of clusters name it`);
    await deleteClusterTemplate(db, kind, template);
  });
}

async function lock(
  db: Database,
  kind: TemplateKind,
  projectId: string,
  id: string,
): Promise<ClusterTemplate> {
  const found = await lockClusterTemplate(db, kind, projectId, id);
  return found ?? missing("cluster-template-missing", "the template was deleted");
}

async function checkReferences(
  db: Database,
  { plugins }: TemplateParts,
  template: ClusterTemplate,
): Promise<void> {
  const plugin = checkPlugin(plugins, template);
  const { node_processes: processes } = template.details;
  if (Array.isArray(processes)) checkProcesses(plugin, processes);
  const written = referredGroups(template.details);
  if (written.length === 0) return;
  const ids = written.flatMap((text) => parseObjectId(text) ?? []);
  const held = await holdNodeGroupTemplates(db, template.projectId, ids);
  const unknown = written.find((text) => !held.includes(parseObjectId(text) ?? ""));
  if (unknown !== undefined)
    throw new Fault(
      "invalid",
      "reference-invalid",
      `node_groups: there is no node group template ${unknown}`,
    );
}

function nameTaken(name: string): Fault {
  return new Fault("conflict", "cluster-template-exists", `there is a template named "${name}"`);
}
