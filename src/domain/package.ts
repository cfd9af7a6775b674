/** Packages: zip archives of definitions; how the files in one are called, what one may hold, and what an import says. */

/** What a package holds, a file each. */
export type PackageKind = "job" | "script" | "resource" | "connection";

/** There are two sorts of packages: those of connections are for managers, and hold nothing else. */
export const JOB_PACKAGE: readonly PackageKind[] = ["job", "script", "resource"];
export const CONNECTION_PACKAGE: readonly PackageKind[] = ["connection"];

const FOLDERS: Readonly<Record<PackageKind, string>> = {
  job: "jobs",
  script: "scripts",
  resource: "resources",
  connection: "connections",
};
const ENDINGS: Readonly<Record<PackageKind, string>> = {
  job: "job",
  script: "script",
  resource: "resource",
  connection: "conn",
};

/** Where an export puts a definition, the `no`th of its kind and name. Source: dataarts-factory 4.9. */
export function packagePath(kind: PackageKind, name: string, no = 1): string {
  return `${FOLDERS[kind]}/${name}${no === 1 ? "" : `.${no}`}.${ENDINGS[kind]}`;
}

/** Which of `kinds` a file of a package holds, by its ending, whatever folder it lies in; undefined for other files. */
export function packageKindOf(path: string, kinds: readonly PackageKind[]): PackageKind | undefined {
  const ending = path.slice(path.lastIndexOf(".") + 1);
  return kinds.find((kind) => ENDINGS[kind] === ending);
}

/** What an archive may be, so that reading one costs little whoever made it. */
export interface ArchiveLimits {
  /** Of the archive itself. */
  readonly bytesMax: number;
  readonly entriesMax: number;
  /** Of what its directory says of the files: names, comments and the like. */
  readonly directoryBytesMax: number;
  /** Of one file, unpacked. */
  readonly entryBytesMax: number;
  /** Of all files, unpacked. */
  readonly unpackedBytesMax: number;
  /** Unpacked bytes for each of the archive's, once it unpacks to more than `RATIO_FROM_BYTES`. */
  readonly ratioMax: number;
}

const MIB = 2 ** 20;

/** Definitions that repeat themselves pack well: below this nothing is said against it. */
export const RATIO_FROM_BYTES = 64 * MIB;

/** Of the packages that are imported; how large one may be itself is a setting (`AZALAI_PACKAGE_BYTES_MAX`). */
export const PACKAGE_LIMITS: Omit<ArchiveLimits, "bytesMax"> = {
  entriesMax: 20_000,
  directoryBytesMax: 16 * MIB,
  entryBytesMax: 16 * MIB,
  unpackedBytesMax: 1024 * MIB,
  ratioMax: 200,
};

/** What an import does with an object whose name is taken: leave the one that is there, or save over it. */
export type SameNamePolicy = "skip" | "overwrite";

/** What an import puts in place of values of the package. */
export interface PackageChanges {
  /** Values of parameters, for every job that has one of the name. */
  readonly parameters: Readonly<Record<string, string>>;
  /** By the job's name; they go before `parameters`. */
  readonly jobParameters: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly executeUser?: string;
  /** In place of single resources of the package. */
  readonly resources: readonly ResourceChange[];
  /** Members of connections, their secrets among them. */
  readonly connections: readonly ConnectionChange[];
}

/** What an import puts into the configuration of the connection of a name. */
export interface ConnectionChange {
  readonly name: string;
  /** Absent: whatever type it has. */
  readonly type?: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** What an import does with the resources of a name. */
export interface ResourceChange {
  readonly name: string;
  /** Absent: whatever type it has. */
  readonly type?: string;
  /** Absent: the policy of the import. */
  readonly sameNamePolicy?: SameNamePolicy;
  /** `obs://bucket/key`, where its file lies here. */
  readonly location?: string;
}

/** What is said of an object, by name and type; the first counts. */
export function findChange<Change extends ResourceChange | ConnectionChange>(
  changes: readonly Change[],
  { name, type }: { readonly name: string; readonly type: string },
): Change | undefined {
  return changes.find((change) => change.name === name && (change.type ?? type) === type);
}

/** An import, as it was asked for. */
export interface PackageImport {
  /** `obs://bucket/key` of the package. */
  readonly path: string;
  readonly sameNamePolicy: SameNamePolicy;
  readonly changes: PackageChanges;
}

/** An import as it is kept: the secrets lie elsewhere, sealed. */
export interface StoredImport extends Omit<PackageImport, "changes"> {
  /** Workspaces that do not exist for whoever asked for it: jobs of the package cannot wait for any of theirs. */
  readonly hiddenWorkspaces: readonly string[];
  readonly changes: Omit<PackageChanges, "connections">;
}

/** Values as they are in the package. */
export const NO_CHANGES: PackageChanges = {
  parameters: {},
  jobParameters: {},
  resources: [],
  connections: [],
};
