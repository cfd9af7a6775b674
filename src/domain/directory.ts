/** Directories of jobs, scripts and resources: places that objects name, and so there as long as one names them. */

/** What a tree of directories holds, as the wire names it. Source: dataarts-factory 4. */
export const DIRECTORY_CATEGORIES = ["job", "script", "resource"] as const;
export type DirectoryCategory = (typeof DIRECTORY_CATEGORIES)[number];

/** A directory as objects spell it, and how many objects lie there. */
export interface NamedDirectory {
  readonly spelling: string;
  readonly count: number;
}

/** A directory with those below it, by name. */
export interface Directory {
  /** `/` for the root, else `/` and names parted by `/`. */
  readonly path: string;
  /** Objects in it, not below it. */
  readonly count: number;
  /** How its objects write it: with or without slashes at the ends. */
  readonly spellings: readonly string[];
  readonly below: readonly Directory[];
}

/** The tree of all directories that are named, and of those above them. */
export function directoryTree(named: readonly NamedDirectory[]): Directory {
  const root = emptyDirectory("/");
  for (const { spelling, count } of named) {
    const place = namesOf(spelling).reduce(enter, root);
    place.count += count;
    place.spellings.push(spelling);
  }
  return frozen(root);
}

/** The tree's directory for which `holds` does; undefined where there is none. */
export function findDirectory(
  tree: Directory,
  holds: (directory: Directory) => boolean,
): Directory | undefined {
  const open = [tree];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (holds(one)) return one;
    open.push(...one.below);
  }
  return undefined;
}

/** The last name of the path; that of the root is `/`. */
export function directoryName({ path }: Directory): string {
  return path.slice(path.lastIndexOf("/") + 1) || "/";
}

/** The path of the directory above; undefined above the root. */
export function parentPath({ path }: Directory): string | undefined {
  return path === "/" ? undefined : path.slice(0, path.lastIndexOf("/")) || "/";
}

interface OpenDirectory {
  readonly path: string;
  count: number;
  readonly spellings: string[];
  readonly below: Map<string, OpenDirectory>;
}

function emptyDirectory(path: string): OpenDirectory {
  return { path, count: 0, spellings: [], below: new Map() };
}

function enter(parent: OpenDirectory, name: string): OpenDirectory {
  const known = parent.below.get(name);
  if (known !== undefined) return known;
  const made = emptyDirectory(`${parent.path === "/" ? "" : parent.path}/${name}`);
  parent.below.set(name, made);
  return made;
}

function namesOf(spelling: string): string[] {
  return spelling.split("/").filter((name) => name !== "");
}

function frozen({ below, ...directory }: OpenDirectory): Directory {
  const names = [...below.keys()].toSorted();
  return { ...directory, below: names.flatMap((name) => below.get(name) ?? []).map(frozen) };
}
