/** An application as the resource manager shows it. */

export interface YarnApp {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly finalStatus: string;
  readonly diagnostics: string;
  readonly progress: number;
  /** The address of the page with the logs of its first container. */
  readonly logs: string;
}

const OVER = ["FINISHED", "FAILED", "KILLED"];

export function isOver({ state }: Pick<YarnApp, "state">): boolean {
  return OVER.includes(state);
}
