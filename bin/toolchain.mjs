/** What a clone needs before it runs: the right Node and the installed packages. Read by Node 20, which strips no types. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the clone. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The first release that runs TypeScript as it stands and that all packages accept. */
const NODE_MINIMUM = [24, 11];
const TOOLCHAIN = join(ROOT, ".toolchain");
/** Where Node keeps what it made of our sources: without it each start strips the types again, with 60 MB more memory. */
export const COMPILE_CACHE = join(ROOT, ".cache", "compile");
const NODE_PACKAGE = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
const LOOK_AGAIN_MS = 200;
/** A lock without an owner's number is one that was cut short while it was made. */
const UNNAMED_LOCK_MS = 10_000;

/** The path of a Node that is new enough, with all packages installed; says what it fetches, and nothing when all is there. */
export function prepare() {
  const present = findNode();
  if (present !== undefined && packagesAreCurrent()) return present;
  return withLock(() => {
    const node = findNode() ?? fetchNode();
    if (!packagesAreCurrent()) installPackages(node);
    return node;
  });
}

/** Ends the launch with a message for its user. */
export class LaunchError extends Error {}

/** Says something about the preparation; on standard error, since the output may be read by a program. */
export function say(message) {
  process.stderr.write(`azalai: ${message}\n`);
}

function findNode() {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const manifest = join(TOOLCHAIN, "node_modules", NODE_PACKAGE, "package.json");
  if (!existsSync(manifest) || !isNewEnough(JSON.parse(readFileSync(manifest, "utf8")).version))
    return undefined;
  const node = fetchedNode();
  return existsSync(node) ? node : undefined;
}

function fetchedNode() {
  const program = process.platform === "win32" ? "node.exe" : "node";
  return join(TOOLCHAIN, "node_modules", NODE_PACKAGE, "bin", program);
}

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  const [majorMinimum, minorMinimum] = NODE_MINIMUM;
  return major > majorMinimum || (major === majorMinimum && minor >= minorMinimum);
}

/** Not the package `node`: its install script downloads, and install scripts may be switched off. */
function fetchNode() {
  const minimum = NODE_MINIMUM.join(".");
  say(
    `Node ${process.versions.node} is older than ${minimum}; fetching Node 24 into .toolchain (about 120 MB, once)`,
  );
  mkdirSync(TOOLCHAIN, { recursive: true });
  const alone = ["--prefix", TOOLCHAIN, "--no-save", "--no-package-lock"];
  npm(process.execPath, ["install", ...alone, `${NODE_PACKAGE}@^${minimum}`], TOOLCHAIN);
  if (findNode() === undefined)
    throw new LaunchError(
      `there is no Node ${minimum} for ${NODE_PACKAGE}: install Node ${minimum} or newer`,
    );
  return fetchedNode();
}

function installPackages(node) {
  say("installing packages (once, and after they change)");
  npm(node, ["ci"], ROOT);
  writeFileSync(stampFile(), lockHash());
  warmCompileCache(node);
}

/** Loads the service once without starting it; a failure shows itself when it is started. */
function warmCompileCache(node) {
  const main = join(ROOT, "src", "main.ts");
  const env = { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE };
  if (existsSync(main)) spawnSync(node, [main], { env, stdio: "ignore" });
}

function stampFile() {
  return join(ROOT, "node_modules", ".azalai-lock");
}

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
}

/** By the stamp of our own last installation, or, after somebody's `npm install`, by npm's record of what is there. */
function packagesAreCurrent() {
  const stamp = stampFile();
  const record = join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lockHash()) return true;
  if (!recordMatches(JSON.parse(readFileSync(record, "utf8")).packages)) return false;
  writeFileSync(stamp, lockHash());
  return true;
}

function recordMatches(installed) {
  const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  const missing = ([path, { version, optional, link }]) =>
    path !== "" &&
    !link &&
    installed[path]?.version !== version &&
    !(optional && installed[path] === undefined);
  const foreign = Object.keys(installed).some((path) => wanted[path] === undefined);
  return !foreign && !Object.entries(wanted).some(missing);
}

/** Runs npm on `node`: an npm that runs on an older Node would choose older packages without a word. */
/** Only what was asked for, and nothing said but errors: whatever the user's own npm is set to. */
const NPM_QUIETLY = [
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  "--loglevel=error",
];

function npm(node, args, folder) {
  const path = `${dirname(node)}${delimiter}${process.env.PATH ?? ""}`;
  const { status, error } = spawnSync(node, [npmCli(), ...args, ...NPM_QUIETLY], {
    cwd: folder,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, PATH: path },
  });
  if (error) throw error;
  if (status !== 0) throw new LaunchError(`npm ${args[0]} failed; what it said stands above`);
}

function npmCli() {
  const folder = dirname(process.execPath);
  const onPath = (process.env.PATH ?? "").split(delimiter).map((part) => join(part, "npm"));
  const candidates = [
    process.env.npm_execpath,
    join(folder, "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    join(folder, "node_modules", "npm", "bin", "npm-cli.js"),
    ...onPath.filter((file) => existsSync(file)).map((file) => realpathSync(file)),
    ...onPath.map((file) => join(dirname(file), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js")),
  ];
  const found = candidates.find((file) => file?.endsWith("npm-cli.js") && existsSync(file));
  if (found === undefined)
    throw new LaunchError("npm was not found: install the npm that belongs to your Node");
  return found;
}

/** One launch prepares, the others wait for it. */
function withLock(work) {
  mkdirSync(TOOLCHAIN, { recursive: true });
  const lock = join(TOOLCHAIN, "lock");
  for (let told = false; !takeLock(lock); told = true) {
    const owner = ownerOf(lock);
    if (isAbandoned(lock, owner)) removeAbandoned(lock, owner);
    else if (!told) say(`waiting for another launch that prepares this clone (process ${owner})`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS);
  }
  try {
    return work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function takeLock(lock) {
  try {
    mkdirSync(lock);
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
  writeFileSync(join(lock, "pid"), String(process.pid));
  return true;
}

function ownerOf(lock) {
  try {
    return Number(readFileSync(join(lock, "pid"), "utf8")) || undefined;
  } catch {
    return undefined; // not written yet, or the lock is gone
  }
}

function isAbandoned(lock, owner) {
  if (owner === undefined) return ageOf(lock) > UNNAMED_LOCK_MS;
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function ageOf(lock) {
  const { mtimeMs } = statSync(lock, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
  return Date.now() - mtimeMs;
}

/** Moved away in one step, so that of several who wait only one removes it. */
function removeAbandoned(lock, owner) {
  const aside = `${lock}.${process.pid}`;
  try {
    if (ownerOf(lock) !== owner) return;
    renameSync(lock, aside);
    rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    if (error.code !== "ENOENT") throw error; // another launch was first
  }
}
