/** Which processes live on this machine, as far as the embedded PostgreSQL has to know. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findText, hasCode } from "./file-system.ts";

/** Whether there is a process of that number, anybody's; one that has ended and is not yet collected counts. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, ["EPERM"]);
  }
}

/**
 * The command line of a living process, its words parted by blanks; empty where it has ended. A number alone proves
 * little: after a restart of the machine it may be anyone's.
 */
export async function commandLineOf(pid: number): Promise<string> {
  if (!isAlive(pid)) return "";
  if (process.platform === "linux")
    return ((await findText(`/proc/${pid}/cmdline`)) ?? "").replaceAll("\0", " ");
  const { stdout } = await promisify(execFile)("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({
    stdout: "",
  }));
  return stdout;
}
