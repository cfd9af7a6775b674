/** How a command ends when it cannot do what it was asked: a message for people, a number for scripts. */

/** Exit codes; docs/cli.md lists them, scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** The server refused, or the work failed. */
  failed: 1,
  usage: 2,
  unauthenticated: 3,
  notFound: 4,
  unreachable: 5,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends the command with `exitCode`, its message on stderr. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "CommandFailure";
    this.exitCode = exitCode;
  }
}
