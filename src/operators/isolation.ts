/** How far this system lets nodes be kept apart from the service, from its data and from each other. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { OperatorSettings } from "./settings.ts";
import type { SpawnerOptions } from "./spawner.ts";

export interface Isolation {
  /** Every project's nodes run as users of their own: the service is root and may change users. */
  readonly ownUsers: boolean;
  /** Nodes have a process table of their own, hidden folders are gone for them, and nothing outlives the spawner. */
  readonly namespace: boolean;
  /** Programs that give rights to who starts them (setuid) give none to nodes. */
  readonly noNewPrivileges: boolean;
  /** Arguments of prlimit(1) that hold here; none where there is no prlimit. */
  readonly limits: readonly string[];
}

type IsolationSettings = Pick<
  OperatorSettings,
  "hiddenFolders" | "nodePath" | "searchPath" | "limits" | "userIdBase" | "workFolder"
>;

/** What stands for the caller in the words of `describeIsolation`. */
export interface IsolationReport {
  /** Nodes can read neither the data folder nor another project's files and processes. */
  readonly complete: boolean;
  readonly lines: readonly string[];
}

const SPAWNER_HEAP_MIB = 64;

// As first process of the namespace it reaps orphans, and its end is the end of all others. It hides folders
// before anything of a user runs, and runs nothing when it cannot.
const NAMESPACE_INIT = `
mount -o remount,hidepid=2 /proc 2>/dev/null
while [ "$1" != -- ]; do mount -t tmpfs -o ro,mode=0,size=4k none "$1" || exit 70; shift; done
shift
exec 3<&0 4>&1 </dev/null >/dev/null
"$@" <&3 >&4 3<&- 4>&- &
exec 3<&- 4>&-
wait $!
`;

/** Tries each means of the system once; takes some tens of milliseconds. */
export async function detectIsolation(settings: IsolationSettings): Promise<Isolation> {
  const root = userId() === 0;
  // What is not there yet says nothing about the system; a spawner is not started before all are there.
  const existing = {
    ...settings,
    hiddenFolders: settings.hiddenFolders.filter((folder) => existsSync(folder)),
  };
  const [ownUsers, namespace, noNewPrivileges, limits] = await Promise.all([
    root ? works(settings, ["true"], settings.userIdBase) : false,
    works(settings, [...namespacePrefix(existing), "true"]),
    works(settings, ["setpriv", "--no-new-privs", "true"]),
    detectLimits(settings),
  ]);
  const countsProcesses = ownUsers || namespace;
  return {
    ownUsers,
    namespace,
    noNewPrivileges,
    limits: limits.filter((limit) => countsProcesses || !limit.startsWith("--nproc")),
  };
}

/** The isolation in plain words, for `doctor` and the start of the service. */
export function describeIsolation(isolation: Isolation): IsolationReport {
  const lines: string[] = [];
  if (isolation.ownUsers) lines.push("nodes run as numeric users of their own, different for each project");
  else if (isolation.namespace)
    lines.push(
      "nodes run as the service's user in a namespace: the data folder and the service's processes are hidden from them, files of other projects' running nodes are not",
    );
  else
    lines.push(
      "nodes run as the service's user: whoever may change a job can read what the service can, its data folder included; switch local commands off where members are not trusted so far",
    );
  if (isolation.ownUsers && !isolation.namespace)
    lines.push("no process namespace here: nodes see the command lines of other processes");
  if (!isolation.noNewPrivileges)
    lines.push("setpriv is missing: setuid programs keep their rights in nodes");
  if (isolation.limits.length === 0) lines.push("prlimit is missing: nodes have no limits but their time");
  return { complete: isolation.ownUsers && isolation.noNewPrivileges, lines };
}

/** The command line that starts a spawner under what `isolation` allows. */
export function spawnerCommand(
  settings: IsolationSettings,
  isolation: Isolation,
  token: string,
): { readonly command: string; readonly args: readonly string[] } {
  // A child whose parent dies is killed by the kernel; in a namespace all of them are, so none needs the prefix.
  const bound = isolation.noNewPrivileges && !isolation.namespace;
  const options: SpawnerOptions = {
    token,
    namespace: isolation.namespace,
    prefix: bound ? ["setpriv", "--pdeathsig", "KILL"] : [],
  };
  const [command = settings.nodePath, ...args] = [
    ...(isolation.namespace ? namespacePrefix(settings) : []),
    ...(isolation.noNewPrivileges ? ["setpriv", "--no-new-privs", ...withoutRights(isolation)] : []),
    ...(isolation.limits.length > 0 ? ["prlimit", ...isolation.limits] : []),
    settings.nodePath,
    `--max-old-space-size=${SPAWNER_HEAP_MIB}`,
    "--max-semi-space-size=1",
    "--disable-warning=ExperimentalWarning",
    spawnerPath(),
    JSON.stringify(options),
  ];
  return { command, args };
}

/** A root that can give nodes no other user (in a container, say) at least gives them no right to undo a mount. */
function withoutRights(isolation: Isolation): string[] {
  return userId() === 0 && !isolation.ownUsers ? ["--bounding-set=-all", "--inh-caps=-all"] : [];
}

/** Source file or compiled file, as this one is. */
function spawnerPath(): string {
  const here = fileURLToPath(import.meta.url);
  return here.replace(/isolation(\.[jt]s)$/, "spawner$1");
}

function namespacePrefix(settings: IsolationSettings): string[] {
  const own = ["--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"];
  const init = ["sh", "-c", NAMESPACE_INIT, "sh", ...hiddenFolders(settings), "--"];
  if (userId() === 0) return ["setpriv", "--pdeathsig", "KILL", "unshare", ...own, ...init];
  // The second user namespace has no rights over the mounts of the first, so no node can take them away.
  const same = [`--map-user=${userId()}`, `--map-group=${process.getgid?.() ?? userId()}`];
  return ["unshare", "--user", "--map-root-user", ...own, ...init, "unshare", "--user", ...same];
}

/** A plain user's session bus would start programs outside of the namespace for whoever asks. */
function hiddenFolders(settings: IsolationSettings): string[] {
  const session = `/run/user/${userId()}`;
  return existsSync(session) ? [...settings.hiddenFolders, session] : [...settings.hiddenFolders];
}

async function detectLimits(settings: IsolationSettings): Promise<string[]> {
  const { memoryBytes, fileBytes, processes, openFiles, cpuSeconds } = settings.limits;
  const wanted = [
    "--core=0",
    `--data=${memoryBytes}`,
    `--fsize=${fileBytes}`,
    `--nproc=${processes}`,
    `--nofile=${openFiles}`,
    ...(cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}`]),
  ];
  // One that is refused would loosen a limit that the service itself is under: that one holds then.
  const held = await Promise.all(wanted.map((limit) => works(settings, ["prlimit", limit, "true"])));
  return wanted.filter((_, index) => held[index]);
}

function works(settings: IsolationSettings, line: readonly string[], uid?: number): Promise<boolean> {
  const [command = "true", ...args] = line;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const options = {
    cwd: "/",
    env: { PATH: settings.searchPath },
    ...(uid !== undefined && { uid, gid: uid }),
  };
  try {
    execFile(command, args, options, (error) => resolve(error === null));
  } catch {
    resolve(false); // a user id that this system cannot map
  }
  return promise;
}

function userId(): number {
  return process.getuid?.() ?? 1;
}
