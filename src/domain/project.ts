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
export const WORKSPACE_DESCRIPTION_MAX = 255;

/** A variable or constant that every job of a workspace can read. Source: dataarts-factory 5, `F/env`. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly value: string;
  readonly constant: boolean;
  readonly description: string;
}

export const ENVIRONMENT_VARIABLES_MAX = 1000;
export const ENVIRONMENT_VALUE_MAX = 1024;
export const ENVIRONMENT_DESCRIPTION_MAX = 255;

const WORKSPACE_ID = /^[\p{Script=Han}A-Za-z0-9._-]{1,128}$/u;

/** Whether a workspace may bear the id: 1 to 128 letters, digits, Chinese characters, `-`, `_`, `.`. */
export function isWorkspaceId(id: string): boolean {
  return WORKSPACE_ID.test(id);
}
