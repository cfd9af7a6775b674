/** The Python environment of the tests: real clients of both APIs, kept in `.cache/python`. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LaunchError, ROOT, say } from "./toolchain.mjs";

const FOLDER = join(ROOT, ".cache", "python");
const REQUIREMENTS = join(ROOT, "test", "requirements.txt");

/** The environment's Python; made once, and anew when the requirements change. */
export function preparePython() {
  const python = join(FOLDER, "bin", "python");
  const stamp = join(FOLDER, ".azalai-requirements");
  const wanted = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex");
  const current = existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && succeeds(python, ["-c", ""]);
  if (current) return python;
  say(
    "making the Python environment of the tests in .cache/python (once, and after test/requirements.txt changes)",
  );
  rmSync(FOLDER, { recursive: true, force: true });
  makeEnvironment();
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--requirement",
    REQUIREMENTS,
  ];
  if (!succeeds(python, pip))
    throw new LaunchError("pip could not install test/requirements.txt; what it said stands above");
  writeFileSync(stamp, wanted);
  return python;
}

function makeEnvironment() {
  const advice = "on Debian and Ubuntu: apt-get install python3 python3-venv; on macOS: brew install python";
  if (!succeeds("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 10))"])) {
    throw new LaunchError(`the tests drive real Python clients and need python3, 3.10 or newer (${advice})`);
  }
  if (!succeeds("python3", ["-m", "venv", FOLDER])) {
    throw new LaunchError(
      `python3 cannot make a virtual environment: its venv or ensurepip module is missing (${advice})`,
    );
  }
}

function succeeds(program, args) {
  return spawnSync(program, args, { stdio: ["ignore", 2, 2] }).status === 0;
}
