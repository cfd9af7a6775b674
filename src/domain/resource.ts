/** A resource: a name for a file of a bucket, and for the files that it needs, that programs of nodes are made of. */
import type { JobNode } from "./job.ts";

/** Kinds of resources, as the wire names them. Source: dataarts-factory 4.11. */
export const RESOURCE_TYPES = ["archive", "file", "jar", "pyFile"] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];

/** Longest path of a file, and longest description. Source: dataarts-factory 4.11. */
const LOCATION_MAX = 1023;
const DESCRIPTION_MAX = 255;
const DIRECTORY_MAX = 1024;
/** Most files that one resource needs. */
const DEPENDENCIES_MAX = 1000;

const RESOURCE_NAME = /^[\p{Script=Han}A-Za-z0-9_-]{1,32}$/u;
const LOCATION = /^obs:\/\/[^/\s]+\/\S.*$/;

/** A file that a resource needs beside its own. */
export interface ResourcePackage {
  readonly type: ResourceType;
  /** `obs://bucket/key`. */
  readonly location: string;
}

/** What a save of a resource replaces. */
export interface ResourceContent {
  /** Unique in its directory; letters, digits, Chinese characters, `_`, `-`; 1 to 32. */
  readonly name: string;
  /** `obs://bucket/key`; whether there is such a file is asked when it is used. */
  readonly location: string;
  readonly description?: string;
  /** Paths without their kinds, as older clients give them; empty where there are packages. */
  readonly dependFiles: readonly string[];
  readonly dependPackages: readonly ResourcePackage[];
}

/** A resource as it is kept. */
export interface Resource extends ResourceContent {
  readonly projectId: string;
  readonly workspaceId: string;
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** Stays as it was at the creation, like the directory. */
  readonly type: ResourceType;
  readonly directory: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  readonly updatedBy: string;
}

/** What is wrong with a resource, by the part that is wrong; all empty when it is legal. */
export function checkResource(
  { name, location, description, dependFiles, dependPackages }: ResourceContent,
  directory: string,
): {
  readonly locations: readonly string[];
  readonly description: readonly string[];
  readonly rest: readonly string[];
} {
  const locations = [
    ...checkLocation("location", location),
    ...dependFiles.flatMap((path, place) => checkLocation(`dependFiles.${place}`, path)),
    ...dependPackages.flatMap((one, place) =>
      checkLocation(`dependPackages.${place}.location`, one.location),
    ),
  ];
  return {
    locations,
    description:
      (description?.length ?? 0) > DESCRIPTION_MAX
        ? [`desc: has more than ${DESCRIPTION_MAX} characters`]
        : [],
    rest: [
      ...(RESOURCE_NAME.test(name)
        ? []
        : ["name: must be 1 to 32 letters, digits, Chinese characters, hyphens or underscores"]),
      ...(dependFiles.length + dependPackages.length > DEPENDENCIES_MAX
        ? [`dependFiles, dependPackages: a resource needs at most ${DEPENDENCIES_MAX} files`]
        : []),
      ...checkDirectory(directory),
    ],
  };
}

function checkLocation(place: string, path: string): string[] {
  if (path.length > LOCATION_MAX) return [`${place}: has more than ${LOCATION_MAX} characters`];
  return LOCATION.test(path) ? [] : [`${place}: must be of the form obs://bucket/key`];
}

function checkDirectory(directory: string): string[] {
  if (directory.length > DIRECTORY_MAX) return [`directory: has more than ${DIRECTORY_MAX} characters`];
  return directory.startsWith("/") ? [] : ["directory: must begin with /"];
}

/** Names and paths by which nodes say what program they run and which files they need; a resource is meant by either. */
export function namedResources(nodes: readonly Pick<JobNode, "properties">[]): string[] {
  const named = nodes.flatMap(({ properties: { resourcePath = "", files = "" } }) => [
    resourcePath,
    ...listedFiles(files),
  ]);
  return named.filter((one) => one !== "");
}

/** The entries of a node's property `files`, parted by commas or lines: paths of files, or names of resources. */
export function listedFiles(files: string): string[] {
  return files
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

/** Whether an entry is the path of a file, and not the name of a resource. */
export function isFilePath(entry: string): boolean {
  return entry.includes("://");
}

/** Where a resource lies among others: its directory and its name. */
export function pathOfResource({ directory, name }: Pick<Resource, "directory" | "name">): string {
  return `${directory.replace(/\/+$/, "")}/${name}`;
}

/** The files of a resource, its own first. */
export function filesOf({ location, dependFiles, dependPackages }: Resource): string[] {
  return [location, ...dependFiles, ...dependPackages.map((one) => one.location)];
}
