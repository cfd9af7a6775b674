/** The command line's scripts, resources and searches against a real server. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ServedFolder, serveFolder } from "./setup/cli.ts";

// Each command is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let served: ServedFolder;
const azalai: ServedFolder["azalai"] = (words, options) => served.azalai(words, options);

beforeAll(async () => {
  served = await serveFolder();
});

afterAll(() => served.close());

test("a script runs with its values and prints its rows, or why it failed", async () => {
  const save = (name: string, content: string, ...words: string[]) =>
    azalai(["scripts", "create", name, "-", "--type", "DLISQL", ...words], { stdin: content });
  expect(await save("count", "select 1")).toMatchObject({ code: 0, stdout: "count created\n" });
  expect(await save("count", "select 2")).toMatchObject({ code: 1 });
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a name in the script.
  const count = "select i, '${word}' as word from range(2) t(i)";
  expect(await save("count", count, "--replace")).toMatchObject({ code: 0, stdout: "count replaced\n" });
  expect(await save("wrong", "select nothing", "--replace", "--directory", "/a")).toMatchObject({
    stdout: "wrong created\n",
  });
  expect((await azalai(["scripts", "create", "x", "/no/such", "--type", "Shell"])).code).toBe(2);
  const ran = await azalai(["scripts", "run", "count", "-p", "word=hi"]);
  expect(ran).toMatchObject({ code: 0, stdout: "i  word\n0  hi\n1  hi\n2 rows\n" });
  expect(await azalai(["scripts", "run", "wrong"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("nothing"),
  });
  expect((await azalai(["scripts", "list", "--name", "coun"])).stdout).toMatch(/count +DLISQL.+\n1 of 1/);
  expect((await azalai(["scripts", "show", "wrong"])).stdout).toBe("select nothing\n");
  expect(await azalai(["scripts", "run", "none"])).toMatchObject({ code: 4 });
  expect((await azalai(["search", "NOTHING", "--type", "script"])).stdout).toMatch(
    /script +wrong +.*default.*\n1 of 1/,
  );
  const started = await azalai(["scripts", "run", "count", "-p", "word=hi", "--no-wait", "--json"]);
  const { instanceId } = JSON.parse(started.stdout);
  expect(await azalai(["scripts", "stop", "count", instanceId])).toMatchObject({ code: 0 });
  expect(await azalai(["scripts", "delete", "count"])).toMatchObject({ code: 0, stdout: "count deleted\n" });
  expect(await azalai(["scripts", "show", "count"])).toMatchObject({ code: 4 });
});

test("the jobs that use a table are listed", async () => {
  const properties = [{ name: "statement", value: "insert into sales.Parcels select * from orders" }];
  const nodes = [{ name: "fill", type: "HiveSQL", location: { x: 0, y: 0 }, properties }];
  const job = { name: "fills", processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes };
  await azalai(["jobs", "create", "-"], { stdin: JSON.stringify(job) });
  const tables = (...words: string[]) => azalai(["tables", "parcels", ...words]);
  expect((await tables("--type", "HIVE")).stdout).toMatch(/fills +writes +sales.Parcels +default .*\n1 of 1/);
  expect((await tables("--type", "HIVE", "--database", "other")).stdout).toMatch(/0 of 0/);
  expect(await tables("--type", "ORACLE")).toMatchObject({ code: 1 });
});

test("a resource is made, listed, shown and deleted", async () => {
  const words = ["create", "words", "obs://b/words.jar", "--type", "jar", "--needs", "obs://b/dep.jar"];
  const { stdout } = await azalai(["resources", ...words]);
  const [, id = ""] = /^words (\S+)$/m.exec(stdout) ?? [];
  expect((await azalai(["resources", "list"])).stdout).toMatch(/words +jar +\/ +obs:\/\/b\/words[.]jar/);
  expect((await azalai(["resources", "show", id])).stdout).toMatch(/needs +obs:\/\/b\/dep[.]jar/);
  expect(await azalai(["resources", "delete", id])).toMatchObject({ code: 0 });
  expect(await azalai(["resources", "show", id])).toMatchObject({ code: 4 });
});
