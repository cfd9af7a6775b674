/** Under which system user the embedded PostgreSQL runs: it refuses root, and must not be who runs users' commands. */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from "node:child_process";
import { userInfo } from "node:os";
import { promisify } from "node:util";
import { Fault } from "../domain/fault.ts";

/** A way to run a program: as another user, inside a user namespace, or (neither) as ourselves. */
export interface RunAs {
  /** For messages, e.g. `user postgres`. */
  readonly name: string;
  /** Who owns the files that the program writes, as we see it; absent: ourselves. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Words to put before the program and its arguments. */
  readonly prefix: readonly string[];
}

const OURSELVES: RunAs = { name: "the user of this process", prefix: [] };

/**
 * Files belong to us outside; inside the namespace the process is an ordinary user with an account (`nobody`, by the
 * number that Linux gives it), so PostgreSQL consents: it refuses root, and initdb whoever has no account.
 */
const NAMESPACE: RunAs = {
  name: "a user namespace",
  prefix: ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"],
};

/** Accounts made for a database, the more particular one first. */
const DATABASE_ACCOUNTS = ["azalai-postgres", "postgres", "_postgres"];

/** A clean environment: no locale, time zone or PG* variable of ours changes what the database does. */
const ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C", TZ: "UTC" };

const run = promisify(execFile);

/** True where PostgreSQL would refuse to run as the present user. */
function weAreRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Starts `program` as `runAs` says, without our environment. */
export function spawnAs(
  runAs: RunAs,
  program: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const [first = program, ...rest] = [...runAs.prefix, program, ...args];
  return spawn(first, rest, { env: ENVIRONMENT, ...options, ...runAs.owner });
}

/**
 * Those who may run the database, best first: ourselves when we are not root; else an account that exists for
 * databases, a user namespace where the system allows one, and last `nobody`. (Users' commands run under numeric ids
 * of their own range, so none of these is one of them.)
 */
export async function runAsCandidates(): Promise<RunAs[]> {
  if (!weAreRoot()) return [plainUser()];
  const accounts = await Promise.all(DATABASE_ACCOUNTS.map(findAccount));
  const namespaced = (await exitsWell(NAMESPACE, "true", [])) ? NAMESPACE : undefined;
  return [...accounts, namespaced, await findAccount("nobody")].filter((found) => found !== undefined);
}

/** A container may run us under a number without an account. */
function plainUser(): RunAs {
  try {
    userInfo();
    return OURSELVES;
  } catch {
    return NAMESPACE; // there is no account of that number
  }
}

/** Who ran the database before, from the owner of its folder. */
export function runAsOwner(owner: { readonly uid: number; readonly gid: number }): RunAs {
  if (owner.uid === process.getuid?.()) return weAreRoot() ? NAMESPACE : plainUser();
  if (weAreRoot()) return account(`user ${owner.uid}`, owner);
  throw new Fault(
    "unavailable",
    "server-unavailable",
    `the database's folder belongs to user ${owner.uid}: start the service as that user, or as root`,
  );
}

/** Whether it may enter a folder, or execute a file; asked of the kernel, which knows the mode of every folder above. */
export function canReach(runAs: RunAs, path: string): Promise<boolean> {
  return exitsWell(runAs, "test", ["-x", path]);
}

function exitsWell(runAs: RunAs, program: string, args: readonly string[]): Promise<boolean> {
  const child = spawnAs(runAs, program, args, { stdio: "ignore", cwd: "/" });
  return new Promise((settle) => {
    child.once("error", () => settle(false)); // no such program here
    child.once("exit", (code) => settle(code === 0));
  });
}

async function findAccount(name: string): Promise<RunAs | undefined> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return account(`user ${name}`, { uid: Number(uid.stdout), gid: Number(gid.stdout) });
  } catch {
    return undefined; // `id` exits 1: there is no such account
  }
}

function account(name: string, { uid, gid }: { readonly uid: number; readonly gid: number }): RunAs {
  return { name, owner: { uid, gid }, prefix: [] };
}
