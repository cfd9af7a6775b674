/** Jars of the programs in test/engines/programs, compiled for a test against the software that runs them. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const PROGRAMS = join(import.meta.dirname, "../programs");
const run = promisify(execFile);

export interface ProgramJar {
  readonly classPath: string;
  /** Its file is `<program>.java`. */
  readonly program: string;
  /** Without one, whoever runs the jar names the class. */
  readonly manifest?: boolean;
}

/** The path of the jar, in a folder of its own below the system's one for such things. */
export async function compileProgram({ classPath, program, manifest = true }: ProgramJar): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-program-"));
  await run("javac", [
    "-proc:none",
    "-nowarn",
    "-encoding",
    "UTF-8",
    "-cp",
    classPath,
    "-d",
    folder,
    join(PROGRAMS, `${program}.java`),
  ]);
  const classes = (await readdir(folder)).flatMap((name) => ["-C", folder, name]);
  const jar = join(folder, `${program}.jar`);
  await run("jar", [manifest ? "cfe" : "cf", jar, ...(manifest ? [program] : []), ...classes]);
  return jar;
}
