/** Properties of Flink nodes: which jar, which class, which arguments, and what of the parameters reaches Flink. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { readFlinkJar } from "./flink-program.ts";
import type { Work, WorkContext, WorkFile } from "./operator.ts";

function read(properties: Record<string, string>, changes: Partial<Work> = {}) {
  const work = { type: "FlinkJar", nodeName: "count", properties, files: [], args: [], ...changes };
  const buckets = { open: async (path: string) => Readable.from([`bytes of ${path}`]) };
  return readFlinkJar(work as unknown as Work, { buckets } as unknown as WorkContext);
}

function file(name: string, use: WorkFile["use"]): WorkFile {
  return { name, use, open: async () => Readable.from([name]) };
}

test("a node's parameters: class and parallelism, Flink's settings, and those of the vendor's YARN client", () => {
  const node = read({
    resourcePath: "obs://programs/count.jar",
    parameters: `--input "a b" --output 'c;d'`,
    programParameter: "-c=demo.Count|p=4|-Dexecution.checkpointing.interval=10 s| ytm=1024 |ys=2",
  });
  expect(node.program).toMatchObject({
    mainClass: "demo.Count",
    args: ["--input", "a b", "--output", "c;d"],
    parallelism: 4,
  });
  expect(node.confs).toEqual({ "execution.checkpointing.interval": "10 s" });
  expect(node.ignored).toEqual(["ytm", "ys"]);
});

test("the jar is a bucket's file, or one of the run's own: a main one before a library", async () => {
  expect(await text(await read({ resourcePath: "obs://a/b.jar" }).program.open())).toBe(
    "bytes of obs://a/b.jar",
  );
  const files = [file("notes.txt", "main"), file("lib.jar", "library"), file("main.jar", "main")];
  const run = read({}, { files, args: ["x y"] });
  expect(await text(await run.program.open())).toBe("main.jar");
  expect(run.program.args).toEqual(["x y"]);
  await expect(read({}).program.open()).rejects.toThrow("lacks its property resourcePath");
});

test("what a run of the data-processing API says: its settings, its class, and the addresses of its data", () => {
  const places = { input: { url: "hdfs://a/in" }, output: { url: "hdfs://a/out" }, named: [] };
  const own = { "edp.java.main_class": "demo.Count", "oozie.libpath": "/x" };
  const configs = { ...own, "taskmanager.numberOfTaskSlots": "2", "parallelism.default": "3", plain: "x" };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: these are the program's own names
  const args = ["--from=${input}", "${output}", "${other}"];
  const node = read({ mainClass: "demo.Count" }, { places, configs, args });
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what is no place stays
  expect(node.program.args).toEqual(["--from=hdfs://a/in", "hdfs://a/out", "${other}"]);
  expect(node.program.parallelism).toBe(3);
  expect(node.confs).toEqual({ "taskmanager.numberOfTaskSlots": "2" });
});

test.each(["0", "1.5", "many", "99999"])("a parallelism of %s is refused", (parallelism) => {
  expect(() => read({ parallelism })).toThrow("no whole number");
});
