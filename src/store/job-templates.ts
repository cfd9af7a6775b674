/** The job_template table, with the binaries that each template names. */
import { Fault } from "../domain/fault.ts";
import type { InterfaceArgument } from "../domain/interface-argument.ts";
import type { JobBinary } from "../domain/job-binary.ts";
import type { JobTemplate } from "../domain/job-template.ts";
import type { JobType } from "../domain/job-type.ts";
import { orFault, REFERENCED, UNIQUE } from "./constraints.ts";
import { type Database, execute, query } from "./database.ts";
import { type JobBinaryRow, jobBinaryFromRow } from "./job-binaries.ts";
import { type MarkerTable, OBJECT_FIELDS, type ObjectField } from "./marker-table.ts";

const COLUMNS = `t.project_id, t.name, t.description, t.type, t.interface, t.is_public, t.is_protected,
  t.created_at, t.updated_at`;

export type JobTemplateField = ObjectField | "description" | "type" | "updatedAt";

export const JOB_TEMPLATES: MarkerTable<JobTemplateField> = {
  name: "job-template",
  from: "job_template t",
  keyedName: "name",
  columns: COLUMNS,
  fields: {
    ...OBJECT_FIELDS,
    description: { sql: "t.description", type: "text" },
    type: { sql: "t.type", type: "text" },
    updatedAt: { sql: "t.updated_at", type: "timestamptz" },
  },
};

export interface JobTemplateRow {
  readonly id: string;
  readonly sort_value: string;
  readonly project_id: string;
  readonly name: string;
  readonly description: string | null;
  readonly type: JobType;
  readonly interface: readonly InterfaceArgument[];
  readonly is_public: boolean | null;
  readonly is_protected: boolean | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A template that the project may see. */
export async function findJobTemplate(
  db: Database,
  projectId: string,
  id: string,
): Promise<JobTemplate | undefined> {
  const rows = await query<JobTemplateRow>(
    db,
    "find-job-template",
    `select t.id, ${COLUMNS} from job_template t where t.id = $2 and (t.project_id = $1 or t.is_public)`,
    [projectId, id],
  );
  return (await withBinaries(db, rows))[0];
}

/** As `findJobTemplate`, kept from others until the transaction ends. */
export async function lockJobTemplate(
  db: Database,
  projectId: string,
  id: string,
): Promise<JobTemplate | undefined> {
  const rows = await query<JobTemplateRow>(
    db,
    "lock-job-template",
    `select t.id, ${COLUMNS} from job_template t where t.id = $2 and (t.project_id = $1 or t.is_public) for update`,
    [projectId, id],
  );
  return (await withBinaries(db, rows))[0];
}

/** The templates of `rows`, in their order; all their binaries are read with one statement. */
export async function withBinaries(
  db: Database,
  rows: readonly Omit<JobTemplateRow, "sort_value">[],
): Promise<JobTemplate[]> {
  const binaries = await readBinaries(db, rows);
  return rows.map((row) => {
    const own = binaries.get(row.id) ?? [];
    return {
      id: row.id,
      projectId: row.project_id,
      name: row.name,
      description: row.description,
      type: row.type,
      interface: row.interface,
      mains: own.filter(({ use }) => use === "main").map(({ binary }) => binary),
      libs: own.filter(({ use }) => use === "library").map(({ binary }) => binary),
      isPublic: row.is_public,
      isProtected: row.is_protected,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  });
}

/** Adds a template with its binaries. Raises `job-template-exists`, or `job-binary-missing` for one deleted meanwhile. */
export async function insertJobTemplate(db: Database, template: JobTemplate): Promise<void> {
  const inserted = await execute(
    db,
    "insert-job-template",
    `insert into job_template
       (project_id, id, name, description, type, interface, is_public, is_protected, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (project_id, name) do nothing`,
    [
      template.projectId,
      template.id,
      template.name,
      template.description,
      template.type,
      JSON.stringify(template.interface),
      template.isPublic,
      template.isProtected,
      template.createdAt,
      template.updatedAt,
    ],
  );
  if (inserted === 0) throw nameTaken(template.name);
  await insertBinaries(db, template);
}

/** Writes name, description, flags and the time of change. Raises `job-template-exists`. */
export async function updateJobTemplate(db: Database, template: JobTemplate): Promise<void> {
  const { projectId, id, name, description, isPublic, isProtected, updatedAt } = template;
  const updated = execute(
    db,
    "update-job-template",
    `update job_template set name = $3, description = $4, is_public = $5, is_protected = $6, updated_at = $7
     where project_id = $1 and id = $2`,
    [projectId, id, name, description, isPublic, isProtected, updatedAt],
  );
  await orFault(updated, UNIQUE, () => nameTaken(name));
}

/** Raises `object-in-use` while an execution refers to it. */
export async function deleteJobTemplate(db: Database, { projectId, id }: JobTemplate): Promise<void> {
  const deleted = execute(
    db,
    "delete-job-template",
    "delete from job_template where project_id = $1 and id = $2",
    [projectId, id],
  );
  await orFault(
    deleted,
    REFERENCED,
    (cause) => new Fault("conflict", "object-in-use", "job executions refer to the job", { cause }),
  );
}

async function insertBinaries(db: Database, { projectId, id, mains, libs }: JobTemplate): Promise<void> {
  const uses = [
    ...mains.map((binary, place) => ({ binary, place, use: "main" })),
    ...libs.map((binary, place) => ({ binary, place, use: "library" })),
  ];
  if (uses.length === 0) return;
  const inserted = execute(
    db,
    "insert-job-template-binaries",
    `insert into job_template_binary (project_id, job_template_id, use, place, binary_project_id, binary_id)
     select $1, $2, * from unnest($3::text[], $4::smallint[], $5::uuid[], $6::uuid[])`,
    [
      projectId,
      id,
      uses.map(({ use }) => use),
      uses.map(({ place }) => place),
      uses.map(({ binary }) => binary.projectId),
      uses.map(({ binary }) => binary.id),
    ],
  );
  await orFault(
    inserted,
    REFERENCED,
    (cause) => new Fault("invalid", "job-binary-missing", "a job binary was deleted", { cause }),
  );
}

interface BinaryUse {
  readonly use: "main" | "library";
  readonly binary: JobBinary;
}

/** By the template's id. */
async function readBinaries(
  db: Database,
  templates: readonly { readonly project_id: string; readonly id: string }[],
): Promise<Map<string, BinaryUse[]>> {
  const found = new Map<string, BinaryUse[]>();
  if (templates.length === 0) return found;
  const rows = await query<
    JobBinaryRow & { readonly job_template_id: string; readonly use: BinaryUse["use"] }
  >(
    db,
    "read-job-template-binaries",
    `select u.job_template_id, u.use, t.id, t.project_id, t.name, t.description, t.url, t.is_public, t.is_protected,
            t.created_at, t.updated_at
     from unnest($1::uuid[], $2::uuid[]) wanted (project_id, id)
     join job_template_binary u on u.project_id = wanted.project_id and u.job_template_id = wanted.id
     join job_binary t on t.project_id = u.binary_project_id and t.id = u.binary_id
     order by u.job_template_id, u.use, u.place`,
    [templates.map(({ project_id }) => project_id), templates.map(({ id }) => id)],
  );
  for (const row of rows) {
    const uses = found.get(row.job_template_id) ?? [];
    uses.push({ use: row.use, binary: jobBinaryFromRow(row) });
    found.set(row.job_template_id, uses);
  }
  return found;
}

function nameTaken(name: string): Fault {
  return new Fault("conflict", "job-template-exists", `there is a job named "${name}"`);
}
