/** A real OpenSSH server for tests, from Debian's package openssh-server, with a user of its own who exists in it alone. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { listProcesses, signalProcess } from "../../src/operators/process-table.ts";
import { findProgram, freePort, missingOf } from "./programs.ts";

/** Of an id that no other test file has at the same time: at the end all of the user's processes are killed. */
const USER = { name: "ann", id: 40_000 + (process.pid % 20_000), password: "secret-of-ann" };
const START_MAX_MS = 30_000;

export interface SshServer {
  /** What a connection of type `HOST` says to log in by password, the host's key included. */
  readonly config: Readonly<Record<string, string | number>>;
  /** Of the user, in OpenSSH's form. */
  readonly privateKey: string;
  /** The user's folder on the host. */
  readonly home: string;
  /** Ends all lines, and takes no new ones until it is started again. */
  readonly cut: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Why no server can run here; undefined when one can. */
export async function sshdMissing(): Promise<string | undefined> {
  if ((await findProgram("sshd")) === undefined) return "openssh-server is not installed";
  const missing = await missingOf({ openssl: "version", unshare: "--version" });
  if (missing !== undefined) return missing;
  const alone = await promisify(execFile)("unshare", ["--mount", "true"]).then(
    () => true,
    () => false,
  );
  return alone ? undefined : "a user for the server can be made by root alone, in a namespace";
}

/** On a free port of the loopback. */
export async function startSshd(): Promise<SshServer> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-sshd-"));
  await chmod(folder, 0o755);
  const home = join(folder, "home");
  await mkdir(home);
  await chown(home, USER.id, USER.id);
  for (const name of ["host", "other", "user"])
    await promisify(execFile)("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
  await copyFile(join(folder, "user.pub"), join(folder, "authorized_keys"));
  await makeUser(folder, home);
  const port = await freePort();
  await writeFile(join(folder, "config"), configText(folder, port));
  const program = (await findProgram("sshd")) ?? "sshd";
  let server: ReturnType<typeof spawn> | undefined;
  const kill = async () => {
    if (server?.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    // Each line is served by processes of its own; what they have begun lives on.
    for (const pid of await serversBelow(server.pid)) signalProcess(pid, "SIGKILL");
    await ended;
  };
  const start = async () => {
    const mounts = ["passwd", "shadow"].map((name) => `mount --bind ${join(folder, name)} /etc/${name}`);
    const run = `${mounts.join(" && ")} && mkdir -p /run/sshd && exec ${program} -D -f ${join(folder, "config")}`;
    server = spawn("unshare", ["--mount", "sh", "-c", run], { stdio: "ignore", detached: true });
    await untilUp(port);
  };
  await start();
  return {
    config: {
      ...{ ip: "127.0.0.1", port, userName: USER.name, password: USER.password },
      hostKey: (await readFile(join(folder, "host.pub"), "utf8")).trim(),
    },
    privateKey: await readFile(join(folder, "user"), "utf8"),
    home,
    cut: kill,
    start,
    stop: async () => {
      await kill();
      for (const { pid } of listProcesses(new Set([USER.id]))) signalProcess(pid, "SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The program and those below it that bear its name, the lowest first. */
async function serversBelow(pid: number): Promise<number[]> {
  const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
  if (name !== "sshd") return [];
  const children = listProcesses().filter(({ parentPid }) => parentPid === pid);
  const below = await Promise.all(children.map((child) => serversBelow(child.pid)));
  return [...below.flat(), pid];
}

async function makeUser(folder: string, home: string): Promise<void> {
  const { stdout } = await promisify(execFile)("openssl", ["passwd", "-6", USER.password]);
  const lines = {
    passwd: `${USER.name}:x:${USER.id}:${USER.id}::${home}:/bin/bash`,
    shadow: `${USER.name}:${stdout.trim()}:19000:0:99999:7:::`,
  };
  for (const [name, line] of Object.entries(lines)) {
    const system = await readFile(join("/etc", name), "utf8");
    await writeFile(join(folder, name), `${system.trimEnd()}\n${line}\n`, { mode: 0o644 });
  }
}

function configText(folder: string, port: number): string {
  return `ListenAddress 127.0.0.1
Port ${port}
HostKey ${join(folder, "host")}
AuthorizedKeysFile ${join(folder, "authorized_keys")}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication yes
PrintMotd no
`;
}

async function untilUp(port: number): Promise<void> {
  const end = Date.now() + START_MAX_MS;
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "data");
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await delay(50);
    } finally {
      socket.destroy();
    }
  }
}
