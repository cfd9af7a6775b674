/** The launcher of a clone, as its user meets it: run in a copy whose packages are there or not. */
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";

const ROOT = dirname(import.meta.dirname);

/** A clone with the launcher, one small program in the place of the service, and a package of its own. */
async function setup(program = "console.log(JSON.stringify(process.argv.slice(2)));") {
  const clone = await mkdtemp(join(tmpdir(), "azalai-launch-"));
  onTestFinished(() => rm(clone, { recursive: true, force: true }));
  await cp(join(ROOT, "bin"), join(clone, "bin"), { recursive: true });
  const write = async (path: string, content: string) => {
    await mkdir(dirname(join(clone, path)), { recursive: true });
    await writeFile(join(clone, path), content);
  };
  /** The clone's packages lie beside it: nothing is fetched. */
  const depend = async (...names: string[]) => {
    const dependencies = Object.fromEntries(names.map((name) => [name, `file:local/${name}`]));
    const project = { name: "clone", version: "1.0.0", type: "module", dependencies };
    await write("package.json", JSON.stringify(project));
    const packages: Record<string, object> = { "": project };
    for (const name of names) {
      await write(`local/${name}/package.json`, JSON.stringify({ name, version: "1.0.0" }));
      packages[`local/${name}`] = { version: "1.0.0" };
      packages[`node_modules/${name}`] = { resolved: `local/${name}`, link: true };
    }
    await write(
      "package-lock.json",
      JSON.stringify({ name: "clone", version: "1.0.0", lockfileVersion: 3, packages }),
    );
    return packages;
  };
  const packages = await depend("one");
  await write("src/cli/cli.ts", program);
  const launch = (program: string, words: readonly string[], cwd = tmpdir()) => {
    const child = spawn(program, words, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  };
  return {
    clone,
    write,
    depend,
    start: (...words: string[]) => launch(process.execPath, [join(clone, "bin", "launch.mjs"), ...words]),
    azalai: (...words: string[]) => launch(process.execPath, [join(clone, "bin", "azalai"), ...words]),
    /** As npm runs a script of package.json. */
    shell: (script: string) => launch("sh", ["-c", script], clone),
    /** As after an installation. */
    install: () => write("node_modules/.package-lock.json", JSON.stringify({ packages })),
  };
}

async function finish(child: ChildProcess) {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("the launcher's output is piped");
  const ended = new Promise<number | null>((settle) => child.once("exit", settle));
  const [out, err, code] = await Promise.all([text(stdout), text(stderr), ended]);
  return { out, err, code };
}

test("start serves with the demo, and hands the user's words on", async () => {
  const { install, start } = await setup();
  await install();
  expect(await finish(start("start", "--port", "0"))).toEqual({
    out: '["serve","--demo","--port","0"]\n',
    err: "",
    code: 0,
  });
});

test("bin/azalai hands everything on and is silent when nothing is missing", async () => {
  const { azalai, install } = await setup();
  await install();
  expect(await finish(azalai("jobs", "list", "--json"))).toEqual({
    out: '["jobs","list","--json"]\n',
    err: "",
    code: 0,
  });
});

test("the exit code is the program's", async () => {
  const { azalai, install } = await setup("process.exit(7);");
  await install();
  expect((await finish(azalai())).code).toBe(7);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s reaches the program, whose end is the launcher's",
  async (signal) => {
    const { azalai, install } = await setup(`
    process.on("${signal}", () => { console.log("drained"); process.exit(3); });
    setInterval(() => undefined, 1000);
    console.log("ready");`);
    await install();
    const child = azalai();
    child.stdout?.once("data", () => child.kill(signal));
    expect(await finish(child)).toMatchObject({ out: "ready\ndrained\n", code: 3 });
  },
);

test("a signal to npm start reaches the service, for no shell is left in between", async () => {
  const { shell, install } = await setup(`
    process.on("SIGTERM", () => { console.log("drained"); process.exit(3); });
    setInterval(() => undefined, 1000);
    console.log("ready");`);
  await install();
  const { scripts } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const child = shell(scripts.start);
  child.stdout?.once("data", () => child.kill("SIGTERM"));
  expect(await finish(child)).toMatchObject({ out: "ready\ndrained\n", code: 3 });
});

test("a program that a signal ended gives the shell's code for it", async () => {
  const { azalai, install } = await setup(
    'process.kill(process.pid, "SIGKILL"); setInterval(() => undefined, 1000);',
  );
  await install();
  expect((await finish(azalai())).code).toBe(128 + 9);
});

test("an unknown target is refused with those that there are", async () => {
  const { start } = await setup();
  const { err, code } = await finish(start("launch"));
  expect(err).toBe(
    "azalai: say one of: start, demo, test, test:engines, check, bench, chaos, schema-fuzz, fuzz, simulate, model, oracle, format\n",
  );
  expect(code).toBe(1);
});

test("packages are installed at the first launch and when the lock changes, and only then", async () => {
  const { azalai, clone, depend } = await setup();
  expect(await finish(azalai("first"))).toMatchObject({
    err: expect.stringContaining("installing packages"),
    code: 0,
  });
  expect(await finish(azalai("second"))).toMatchObject({ err: "", code: 0 });
  await depend("one", "two");
  expect(await finish(azalai("third"))).toMatchObject({
    err: expect.stringContaining("installing packages"),
    code: 0,
  });
  expect(await readFile(join(clone, "node_modules", "two", "package.json"), "utf8")).toContain('"two"');
});

test("packages that somebody installed with npm are taken as they are", async () => {
  const { azalai, install } = await setup();
  await install();
  expect(await finish(azalai("first"))).toMatchObject({ err: "", code: 0 });
});

test("launches at the same time prepare the clone once", async () => {
  const { azalai } = await setup();
  const ends = await Promise.all([finish(azalai("a")), finish(azalai("b")), finish(azalai("c"))]);
  expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(ends.filter(({ err }) => err.includes("installing packages"))).toHaveLength(1);
});

test("a lock that a killed launch left behind is taken over", async () => {
  const { azalai, write } = await setup();
  const ended = spawn(process.execPath, ["-e", ""]);
  await finish(ended);
  await write(".toolchain/lock/pid", String(ended.pid));
  expect(await finish(azalai("on"))).toMatchObject({ out: '["on"]\n', code: 0 });
});
