/** Files of the project's buckets in the folders of commands. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OperatorWorld, operatorWorld, workFile } from "../../test/setup/operators.ts";

let world: OperatorWorld;

beforeAll(async () => {
  world = await operatorWorld();
  await world.put("obs://data/a/days.csv", "day\n1\n2\n");
  await world.put("obs://data/b/days.csv", "other\n");
  await world.put("obs://data/script.sh", "echo stranger\n");
});

afterAll(() => world.close());

const shell = (statement: string, files: string) => ({ type: "Shell", properties: { statement, files } });

test("a node finds the files that it names under their own names", async () => {
  const { outcome } = await world.run(
    shell("wc -l < days.csv", " obs://data/a/days.csv\nobs://data/script.sh,"),
  );
  expect(outcome).toMatchObject({ state: "succeeded", output: "3" });
});

test("a node cannot change a bucket through the file that it is given", async () => {
  await world.run(
    shell("echo 3 >> days.csv; chmod u+w days.csv; echo 4 >> days.csv", "obs://data/a/days.csv"),
  );
  expect(readFileSync(world.bucketFile("obs://data/a/days.csv"), "utf8")).toBe("day\n1\n2\n");
});

test("a file that is called as the node's own script would be is left as it is", async () => {
  const { outcome } = await world.run(shell("cat script.sh", "obs://data/script.sh"));
  expect(outcome).toMatchObject({ state: "succeeded", output: "echo stranger" });
  expect(readFileSync(world.bucketFile("obs://data/script.sh"), "utf8")).toBe("echo stranger\n");
});

test("two files of one name are refused for good", async () => {
  const { outcome } = await world.run(shell("true", "obs://data/a/days.csv,obs://data/b/days.csv"));
  expect(outcome).toMatchObject({
    state: "failed",
    permanent: true,
    message: expect.stringContaining("days.csv"),
  });
  const uploaded = {
    ...shell("true", "obs://data/a/days.csv"),
    files: [workFile("days.csv", "library", "x")],
  };
  expect((await world.run(uploaded)).outcome).toMatchObject({ state: "failed", permanent: true });
});

test("a file that is not there fails the node and says which", async () => {
  const { outcome } = await world.run(shell("true", "obs://data/none.csv"));
  expect(outcome).toMatchObject({ state: "failed", message: expect.stringContaining("obs://data/none.csv") });
});
