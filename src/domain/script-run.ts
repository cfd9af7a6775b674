/** A script that runs by itself: where it stands, and what it left. */
import type { InstanceState } from "./states.ts";

export interface ScriptRun {
  readonly projectId: string;
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** Of the one node that runs the script. */
  readonly instanceId: number;
  readonly state: InstanceState;
  /** Null while it waits for a slot. */
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** Why it failed, or what is to be said of its success. */
  readonly message: string | null;
  /** Null before its success. */
  readonly table: ScriptTable | null;
}

/** What a script left: the rows of its last statement, or the lines that it wrote. */
export interface ScriptTable {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** The first ones. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly rowCount: number;
}
