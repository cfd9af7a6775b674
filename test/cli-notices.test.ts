/** Topics and alarms from the command line, against a real server. */
import { expect, onTestFinished, test, vi } from "vitest";
import { serveFolder } from "./setup/cli.ts";
import { shell } from "./setup/job-nodes.ts";

// Each command is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

test("a topic gets targets and notices, and alarm rules tell it", async () => {
  const served = await serveFolder();
  onTestFinished(() => served.close());
  const { azalai } = served;
  const made = await azalai(["topics", "create", "ops", "--description", "on call"]);
  expect(made).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^urn:smn:RegionOne:[0-9a-f]{32}:ops$/m),
  });
  const added = await azalai(["topics", "add", "ops", "--webhook", "https://127.0.0.1:1/T0PSECRET"]);
  const [, target = "", secret = ""] = /^([0-9a-f]{32})\nsecret: (\S{32}) /.exec(added.stdout) ?? [];
  expect(secret).not.toBe("");
  expect((await azalai(["topics", "list"])).stdout).toMatch(/^ops +1 .* on call$/m);
  const shown = (await azalai(["topics", "show", "ops"])).stdout;
  expect(shown).toMatch(new RegExp(`^${target} +https://127.0.0.1:1 `, "m"));
  expect(shown).not.toContain("T0PSECRET");
  expect(await azalai(["topics", "publish", "ops", "a try", "hello"])).toMatchObject({
    code: 0,
    stdout: "on its way to 1 target\n",
  });
  await expect
    .poll(async () => (await azalai(["topics", "notices", "ops"])).stdout, { timeout: 30_000 })
    .toMatch(/https:[/][/]127.0.0.1:1 +waiting +1 .* a try +The host .*loopback/);
  for (const words of [[], ["--webhook", "https://x", "--mail", "a@b"]])
    expect(await azalai(["topics", "add", "ops", ...words])).toMatchObject({ code: 2 });
  expect(await azalai(["topics", "add", "ops", "--mail", "ada@example.com"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("AZALAI_SMTP_URL"),
  });
  const nodes = [shell("load", "exit 3")];
  const job = { name: "bad", processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes };
  await azalai(["jobs", "create", "-"], { stdin: JSON.stringify(job) });
  const late = ["save", "by half past", "--kind", "unfinished", "--minutes", "30", "--directory", "/sales"];
  expect(await azalai(["alarms", ...late, "--topic", "ops"])).toMatchObject({
    stdout: "by half past saved\n",
  });
  await azalai(["alarms", "save", "failures", "--kind", "failure", "--topic", "ops", "--job", "bad"]);
  expect((await azalai(["alarms", "rules"])).stdout).toMatch(
    /^failures +failure +- +job bad +ops .*\nby half past +unfinished +30 +directory [/]sales +ops /m,
  );
  await azalai(["jobs", "run", "bad", "--wait"]);
  await expect
    .poll(async () => (await azalai(["alarms", "list"])).stdout, { timeout: 30_000 })
    .toMatch(/ failure +bad .*Job "bad" failed: run \d+.*\n1 of 1$/m);
  expect(await azalai(["topics", "delete", "ops"])).toMatchObject({ code: 1 });
  for (const rule of ["failures", "by half past"])
    expect(await azalai(["alarms", "delete", rule])).toMatchObject({ stdout: `${rule} deleted\n` });
  expect(await azalai(["topics", "remove", "ops", target])).toMatchObject({ stdout: `${target} removed\n` });
  expect(await azalai(["topics", "delete", "ops"])).toMatchObject({ stdout: "ops deleted\n" });
  expect(await azalai(["topics", "show", "ops"])).toMatchObject({ code: 4 });
});
