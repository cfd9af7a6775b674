/** Programs of this machine that some tests need, and ports for what they start. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/** Which of the commands is not here, in words; undefined when all are. Each is called with the argument given. */
export async function missingOf(commands: Readonly<Record<string, string>>): Promise<string | undefined> {
  for (const [command, argument] of Object.entries(commands)) {
    const found = await promisify(execFile)(command, [argument]).then(
      () => true,
      () => false,
    );
    if (!found) return `${command} is not installed`;
  }
  return undefined;
}

/** Where Debian puts servers; not in every user's path. */
const SERVER_FOLDERS = ["/usr/sbin", "/usr/local/sbin"];

/** The whole path of a program, also where only servers lie; undefined when it is not here. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...SERVER_FOLDERS]) {
    const path = join(folder, name);
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

/** Of the loopback. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
