/** A project owns everything; a workspace divides one project's Factory objects. */

/** The one identity domain (Keystone's word) that exists: id and shown name. */
export const IDENTITY_DOMAIN = { id: "default", name: "Default" } as const;

export interface Project {
  /** 32 lower-case hexadecimal digits. Every uuid is written so inside; only Sahara's wire adds dashes. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly enabled: boolean;
  /** Whether its members' nodes may run commands on the server (product 6). */
  readonly localCommands: boolean;
  readonly createdAt: Date;
}

/** Id and name of the workspace that an absent `workspace` header means. Source: dataarts-factory 2. */
export const DEFAULT_WORKSPACE = "default";
export const WORKSPACES_MAX = 1000;

export interface Workspace {
  readonly projectId: string;
  /** What the header names. */
  readonly id: string;
  /** Variables for `${name}` and `#{Env.get(...)}`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}
