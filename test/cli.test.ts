/** The command line against a real server: what it prints, what it refuses, and the codes that it ends with. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runCommand, type ServedFolder, serveFolder, serveOn } from "./setup/cli.ts";
import { shell } from "./setup/job-nodes.ts";

// Each command is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let served: ServedFolder;
const azalai: ServedFolder["azalai"] = (words, options) => served.azalai(words, options);

beforeAll(async () => {
  served = await serveFolder();
});

afterAll(() => served.close());

const named = (properties: Readonly<Record<string, string>>) =>
  Object.entries(properties).map(([name, value]) => ({ name, value }));

/** Saves a batch job of these nodes under the name. */
async function saveJob(name: string, nodes: readonly object[], words: readonly string[] = []) {
  const definition = { name, processType: "BATCH", schedule: { type: "EXECUTE_ONCE" }, nodes };
  return await azalai(["jobs", "create", "-", ...words], { stdin: JSON.stringify(definition) });
}

test("the first start says where it listens, how to log in, and what both lists answer", async () => {
  const { banner, url, dataDir } = served;
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(banner).toContain("shown this once");
  expect(banner).toContain(`${url}/v1/`);
  expect(banner).toContain('{"total": 0, "jobs": []}');
  expect(banner).toContain(`${url}/v1.1/`);
  expect((await stat(join(dataDir, "credentials.json"))).mode & 0o777).toBe(0o600);
});

test("the curl lines of the start work as they are printed", async () => {
  const lines = served.banner.split("\n").filter((line) => line.includes("curl "));
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    const command = line.replace(/[^\s(]*bin\/azalai/, `${process.execPath} src/cli/cli.ts`);
    const { stdout } = await promisify(execFile)("bash", ["-c", command]);
    expect(JSON.parse(stdout)).toMatchObject({ jobs: [] });
  }
});

test("a job runs another for each row, and the runs that it began are listed", async () => {
  await saveJob("greet", [shell("say", "echo hello #{Job.getParam('who')}")]);
  const properties = { jobName: "greet", dataset: '[["ann"],["bob"]]', "jobParam.who": "#{Loop.current[0]}" };
  const each = { ...shell("each", ""), type: "ForEach", properties: named(properties) };
  await saveJob("greet-all", [each, shell("after", "echo '#{Job.getNodeOutput('each')}'", ["each"])]);
  const run = await azalai(["jobs", "run", "greet-all", "--wait", "--json"]);
  expect(run).toMatchObject({ code: 0 });
  const [, id = ""] = /"(?:instanceId|id)": ?(\d+)/.exec(run.stdout) ?? [];
  const shown = JSON.parse((await azalai(["instances", "show", id, "--json"])).stdout);
  expect(shown.nodes.map((node: { output: string }) => node.output)).toEqual([
    '["hello ann","hello bob"]',
    '["hello ann","hello bob"]',
  ]);
  const children = await azalai(["instances", "children", id]);
  expect(children.stdout.match(/each .*succeeded/g)).toHaveLength(2);
  const [first = ""] = /^\d+/m.exec(children.stdout) ?? [];
  expect((await azalai(["instances", "children", first])).stdout).toContain(`node "each" of instance ${id}`);
});

test("an expression is tried in the world that the options describe, and refused with place and cause", async () => {
  const evaluate = (...words: string[]) => azalai(["expressions", "evaluate", ...words]);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the language under test writes its parameters so.
  const text = "#{Job.getPlanTime('yyyyMMdd')} ${x} #{Job.getNodeOutput('n')} #{Loop.current[1]}";
  const given = [
    "--plan-time",
    "2024-01-06T01:30Z",
    "--param",
    "x=1",
    "--output",
    "n=2",
    "--rows",
    '[["a",3]]',
  ];
  expect(await evaluate(text, ...given)).toMatchObject({ code: 0, stdout: "20240106 1 2 3\n" });
  const condition = ["#{Job.getNodeStatus('n') == 'fail'}", "--condition", "--status", "n=fail"];
  expect(await evaluate(...condition, "--json")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("true"),
  });
  const refused = await evaluate("ab #{1 +");
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("character 9") });
  expect(await evaluate("x", "--rows", "[")).toMatchObject({ code: 2 });
});

test("how long history is kept is set, shown and looked at before it goes", async () => {
  const page = await readFile("docs/retention.md", "utf8");
  const [, lines = ""] = /```sh\n(.*?)```/s.exec(page) ?? [];
  const commands = lines.trim().split("\n");
  expect(commands).toHaveLength(3);
  let shown = "";
  for (const line of commands) {
    const { code, stdout } = await azalai(line.split(" ").slice(1));
    expect(code, line).toBe(0);
    shown = stdout;
  }
  expect(shown).toMatch(/history +for ever +the project/);
  expect(shown).toMatch(/logs +14 +the installation/);
  expect(await azalai(["retention", "dry-run"])).toMatchObject({ stdout: "Nothing has had its time.\n" });
  expect((await azalai(["retention", "apply", "--json"])).stdout).toBe(
    `${JSON.stringify({ expired: [] }, null, 2)}\n`,
  );
  expect((await azalai(["retention", "set", "--history", "-1"])).code).toBe(2);
});

test("a schedule is previewed, paused and frozen, and its ledger and calendar are kept", async () => {
  const preview = ["schedules", "preview", "0 30 2 * * ?", "--zone", "Europe/Berlin", "--count", "2"];
  const shown = await azalai([...preview, "--after", "2026-03-28T12:00Z", "-s", "missingHour=shift"]);
  expect(shown.stdout).toContain("2026-03-29T03:00:00+02:00");
  expect(shown.stdout).toContain("shifted from 02:30:00, which the clock skipped");
  expect(await azalai(["schedules", "preview", "often"])).toMatchObject({ code: 1 });

  const calendar = join(served.dataDir, "works.json");
  await writeFile(calendar, JSON.stringify({ name: "works", holidays: ["2026-12-25"] }));
  expect(await azalai(["calendars", "save", calendar])).toMatchObject({ code: 0, stdout: "saved\n" });
  expect((await azalai(["calendars", "list"])).stdout).toMatch(/works +MON TUE WED THU FRI +1 +0/);
  expect((await azalai(["calendars", "show", "works"])).stdout).toContain("2026-12-25");

  const cron = { expression: "* * * * * ?", startTime: "2026-01-01T00:00:00Z" };
  const job = {
    name: "each-second",
    processType: "BATCH",
    schedule: { type: "CRON", cron },
    nodes: [{ name: "a", type: "Dummy", location: { x: 0, y: 0 }, properties: [] }],
  };
  expect(await azalai(["jobs", "create", "-"], { stdin: JSON.stringify(job) })).toMatchObject({ code: 0 });
  await azalai(["jobs", "start", "each-second"]);
  const ledger = async (...words: string[]) => {
    const { stdout } = await azalai(["schedules", "ledger", "each-second", "--json", ...words]);
    return JSON.parse(stdout).lines;
  };
  await expect.poll(() => ledger("--state", "started"), { timeout: 30_000 }).not.toEqual([]);
  await azalai(["schedules", "pause", "each-second"]);
  await expect.poll(() => ledger("--reason", "disabled"), { timeout: 30_000 }).not.toEqual([]);
  const stretch = ["--from", "2026-01-01T00:00Z", "--to", "2127-01-01T00:00Z"];
  const frozen = await azalai(["schedules", "freeze", "each-second", ...stretch, "--json"]);
  const { id } = JSON.parse(frozen.stdout);
  expect((await azalai(["schedules", "freezes", "each-second"])).stdout).toContain("2127-01-01");
  await azalai(["schedules", "resume", "each-second"]);
  const isFrozen = ({ instanceState }: { instanceState: string }) => instanceState === "frozen";
  await expect.poll(async () => (await ledger()).some(isFrozen), { timeout: 30_000 }).toBe(true);
  await azalai(["schedules", "pause", "each-second"]);
  const lifted = await azalai(["schedules", "unfreeze", "each-second", String(id), "--skip"]);
  expect(lifted.stdout).toMatch(/^[1-9]\d* instances skipped\n$/);
  expect((await azalai(["schedules", "ledger", "each-second", "--reason", "frozen"])).stdout).toContain(
    "skipped",
  );
  expect(await azalai(["schedules", "unfreeze", "each-second", String(id)])).toMatchObject({ code: 4 });
  expect(await azalai(["jobs", "delete", "each-second"])).toMatchObject({ code: 0 });
  expect(await azalai(["calendars", "delete", "works"])).toMatchObject({ code: 0 });
});

test("a job is saved, listed, shown, replaced and deleted", async () => {
  expect(await saveJob("kept", [shell("one", "true")])).toMatchObject({ code: 0, stdout: "kept created\n" });
  expect((await azalai(["jobs", "list", "--name", "kep"])).stdout).toMatch(/^kept +BATCH +STOPPED/m);
  expect((await azalai(["jobs", "show", "kept"])).stdout).toMatch(/^one +Shell/m);
  const again = await saveJob("kept", [shell("one", "true")]);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("DLF.0102") });
  expect(await saveJob("kept", [shell("two", "true")], ["--replace"])).toMatchObject({
    stdout: "kept replaced\n",
  });
  const { nodes } = JSON.parse((await azalai(["--json", "jobs", "show", "kept"])).stdout);
  expect(nodes).toMatchObject([{ name: "two" }]);
  expect(await azalai(["jobs", "delete", "kept"])).toMatchObject({ code: 0 });
  expect(await azalai(["jobs", "show", "kept"])).toMatchObject({ code: 4 });
});

test("a run that is waited for ends with the code of its success", async () => {
  await saveJob("answer", [shell("say", "echo the answer is #{Job.getParam('answer')}")]);
  const good = await azalai(["--json", "jobs", "run", "answer", "-p", "answer=42", "--wait"]);
  expect(good.code).toBe(0);
  expect(good.stderr).toMatch(/answer \d+ running/);
  const instance = JSON.parse(good.stdout);
  expect(instance).toMatchObject({ state: "succeeded", nodes: [{ output: "the answer is 42" }] });
  expect((await azalai(["instances", "list", "--job", "answer"])).stdout).toMatch(/answer +success +manual/);
  expect((await azalai(["instances", "show", String(instance.id)])).stdout).toMatch(
    /^say +Shell +succeeded/m,
  );
  await saveJob("wrong", [shell("fail", "echo no >&2; exit 3"), shell("never", "true", ["fail"])]);
  const bad = await azalai(["jobs", "run", "wrong", "--wait"]);
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining("exit code 3: no") });
});

test("runs are stopped, rerun and forced, alone or by a filter, and nodes passed over", async () => {
  await saveJob("broken", [shell("bad", "exit 1"), shell("after", "true", ["bad"])]);
  expect(await azalai(["jobs", "run", "broken", "--wait"])).toMatchObject({ code: 1 });
  const { instances } = JSON.parse((await azalai(["--json", "instances", "list", "--job", "broken"])).stdout);
  const id = String(instances[0].instanceId);
  expect((await azalai(["nodes", "skip", id, "bad"])).stdout).toMatch(/instance \d+ (running|succeeded)/);
  expect(await azalai(["instances", "logs", "-f", id])).toMatchObject({ code: 0 });
  expect((await azalai(["instances", "show", id])).stdout).toMatch(/^bad +Shell +skipped/m);
  const again = [
    "instances",
    "rerun",
    "--job",
    "broken",
    "--exact",
    "--state",
    "succeeded",
    "--begin",
    "first",
  ];
  expect((await azalai(again)).stdout).toContain("1 done, 0 refused, of 1");
  await azalai(["instances", "logs", "-f", id]);
  expect((await azalai(["instances", "force-success", id])).stdout).toBe(`instance ${id} succeeded\n`);
  expect(await azalai(["instances", "pause", id])).toMatchObject({ code: 1 });
  expect(await azalai(["instances", "stop"])).toMatchObject({ code: 2 });
  expect(await azalai(["nodes", "skip", id, "nothing"])).toMatchObject({ code: 4 });
});

test("the audit trail says who ran what", async () => {
  await saveJob("seen", [shell("one", "true")]);
  const { id } = JSON.parse((await azalai(["--json", "jobs", "show", "seen"])).stdout);
  await azalai(["jobs", "run", "seen", "--wait"]);
  const listed = await azalai(["audit", "--kind", "job", "--id", String(id)]);
  expect(listed.stdout).toMatch(new RegExp(`admin +run +job ${id} +.*instanceId`));
  expect(JSON.parse((await azalai(["--json", "audit", "--limit", "1"])).stdout).acts).toHaveLength(1);
});

test("limits are set, listed, and taken away, and the slots in use are seen", async () => {
  await saveJob("long", [shell("one", "sleep 600")]);
  expect(await azalai(["limits", "set", "1"])).toMatchObject({
    code: 0,
    stdout: "at most 1 nodes of the workspace run at a time\n",
  });
  const runs = [await azalai(["jobs", "run", "long"]), await azalai(["jobs", "run", "long"])];
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  const list = async () => JSON.parse((await azalai(["--json", "limits", "list"])).stdout);
  await expect
    .poll(list, { timeout: 20_000 })
    .toMatchObject({ limits: [{ kind: "workspace", slots: 1, held: 1 }] });
  const { limits } = await list();
  const holders = await azalai(["limits", "holders", String(limits[0].id)]);
  expect(holders.stdout).toMatch(/\n\d+ +long +0 /);
  expect(await azalai(["limits", "holders", "999"])).toMatchObject({ code: 4 });
  await azalai(["limits", "set", "--whole-project", "7"]);
  await azalai(["limits", "weight", "3"]);
  await azalai(["limits", "set", "none"]);
  expect(await list()).toMatchObject({ weight: 3, limits: [{ kind: "project", slots: 7, held: 2 }] });
  expect(await azalai(["limits", "set", "--connection", "nowhere", "1"])).toMatchObject({ code: 4 });
  expect(await azalai(["limits", "set", "0"])).toMatchObject({ code: 2 });
  await azalai(["limits", "set", "--whole-project", "none"]);
  await azalai(["limits", "weight", "1"]);
});

test("a log is followed while the node writes it, each line under its node's name", async () => {
  // The job goes on only when somebody has read its first line.
  await saveJob("talk", [
    shell("first", "echo begun; until test -e /tmp/#{Job.getParam('token')}; do sleep 0.05; done; echo done"),
    shell("second", "echo end", ["first"]),
  ]);
  const token = `azalai-cli-test-${process.pid}`;
  const { stdout } = await azalai(["--json", "jobs", "run", "talk", "-p", `token=${token}`]);
  const { instanceId } = JSON.parse(stdout);
  let released = false;
  const followed = await azalai(["instances", "logs", "-f", String(instanceId)], {
    onOutput: (text) => {
      if (released || !text.includes("first | begun\n")) return;
      released = true;
      execFile("touch", [join("/tmp", token)]);
    },
  });
  expect(followed).toMatchObject({ code: 0, stdout: "first | begun\nfirst | done\nsecond | end\n" });
  const one = await azalai(["instances", "logs", String(instanceId), "--node", "second"]);
  expect(one.stdout).toBe("end\n");
  execFile("rm", [join("/tmp", token)]);
});

test("users log in with the password that was shown, and may do what their role allows", async () => {
  const { stdout } = await azalai(["--json", "users", "create", "rita", "--role", "reader"]);
  const { password } = JSON.parse(stdout);
  const env = { AZALAI_USERNAME: "rita", AZALAI_PASSWORD: password, AZALAI_URL: served.url };
  expect(await runCommand(["jobs", "list"], { env })).toMatchObject({ code: 0 });
  const refused = await runCommand(["jobs", "delete", "answer"], { env });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("role member") });
  expect((await azalai(["users", "list"])).stdout).toMatch(/^rita +reader/m);
  expect(await azalai(["users", "grant", "rita", "member"])).toMatchObject({
    code: 0,
    stdout: "member granted: rita\n",
  });
  expect((await azalai(["users", "list"])).stdout).toMatch(/^rita +(reader, member|member, reader)/m);
  expect(await azalai(["users", "revoke", "rita", "reader"])).toMatchObject({ code: 0 });
  expect((await azalai(["users", "list"])).stdout).toMatch(/^rita +member /m);
  expect(await azalai(["users", "grant", "rita", "king"])).toMatchObject({ code: 4 });
  expect(await azalai(["users", "delete", "rita"])).toMatchObject({ code: 0 });
  expect(await runCommand(["jobs", "list"], { env })).toMatchObject({ code: 3 });
});

test("workspaces are made, closed by their first member, opened and deleted", async () => {
  await azalai(["users", "create", "wim"]);
  expect(await azalai(["workspaces", "create", "shop", "--description", "sales"])).toMatchObject({
    code: 0,
  });
  expect(await azalai(["workspaces", "create", "shop"])).toMatchObject({ code: 1 });
  await azalai(["workspaces", "add", "shop", "wim", "--role", "reader"]);
  expect((await azalai(["workspaces", "members", "shop"])).stdout).toMatch(/^wim +reader /m);
  expect((await azalai(["workspaces", "list"])).stdout).toMatch(/^shop +(yes|true) +1 .* sales/m);
  expect(await azalai(["workspaces", "remove", "shop", "wim"])).toMatchObject({ code: 0 });
  expect(await azalai(["workspaces", "open", "shop"])).toMatchObject({ code: 0 });
  expect((await azalai(["workspaces", "list"])).stdout).toMatch(/^shop +(no|false) +0 /m);
  expect(await azalai(["workspaces", "delete", "shop"])).toMatchObject({ code: 0 });
  expect(await azalai(["workspaces", "delete", "shop"])).toMatchObject({ code: 4 });
  await azalai(["users", "delete", "wim"]);
});

test("projects and access keys are made, listed and deleted", async () => {
  expect(await azalai(["projects", "create", "second"])).toMatchObject({ code: 0 });
  expect((await azalai(["--project", "second", "jobs", "list"])).stdout).toContain("0 of 0");
  expect((await azalai(["projects", "list"])).stdout).toMatch(/^second +true/m);
  expect(await azalai(["projects", "delete", "second"])).toMatchObject({ code: 0 });
  const { access, secret } = JSON.parse((await azalai(["--json", "keys", "create"])).stdout);
  expect(secret).toMatch(/^\w{30,}$/);
  const listed = await azalai(["keys", "list"]);
  expect(listed.stdout).toContain(access);
  expect(listed.stdout).not.toContain(secret);
  expect(await azalai(["keys", "delete", access])).toMatchObject({ code: 0 });
});

test("what is not there, who is not known and wrong words end with codes of their own", async () => {
  const check = async (words: readonly string[], code: number) =>
    expect([words, (await azalai(words)).code]).toEqual([words, code]);
  await check(["jobs", "show", "nothing"], 4);
  await check(["instances", "show", "999999"], 4);
  await check(["users", "delete", "nobody"], 4);
  await check(["--token", "none", "jobs", "list"], 3);
  await check(["--username", "admin", "--password", "wrong", "jobs", "list"], 3);
  await check(["jobs", "list", "--limit", "many"], 2);
  await check(["jobs", "create", "/no/such/file.json"], 2);
  await check(["frobnicate"], 2);
  await check(["--url", "http://127.0.0.1:9", "jobs", "list"], 5);
  await check(["--help"], 0);
});

test("a reader that has seen enough does not make the command fail", async () => {
  const command = `${process.execPath} src/cli/cli.ts --data-dir '${served.dataDir}' jobs list | head -n 1`;
  const { stdout, stderr } = await promisify(execFile)("bash", ["-o", "pipefail", "-c", command]);
  expect([stdout.split(" ")[0], stderr]).toEqual(["NAME", ""]);
});

test("doctor finds the server, the database and what nodes need", async () => {
  const { code, stdout } = await azalai(["--json", "doctor"]);
  const findings: { subject: string; state: string; text: string }[] = JSON.parse(stdout);
  const engines = ["java for engines", "hadoop 3.4.2", "spark 4.0.1", "flink 2.3.0"];
  const subjects = ["node", "server", "database", "bash", "python3", "java", "disk", ...engines, "isolation"];
  expect(findings.map(({ subject }) => subject)).toEqual(subjects);
  expect(findings.find(({ subject }) => subject === "server")?.text).toContain(served.url);
  expect(code).toBe(0);
});

test("wrong settings are told all at once, and nothing is started", async () => {
  const end = await runCommand(["serve", "--port", "none", "--roles", "cook", "--data-dir", "/nowhere"]);
  expect(end.code).toBe(2);
  expect(end.stderr).toContain("port must be");
  expect(end.stderr).toContain('"cook"');
});

test("a stopped server leaves no address behind, and starts again without showing the password", async () => {
  const first = await serveFolder();
  expect(await first.stop()).toBe(0);
  expect(existsSync(join(first.dataDir, "address"))).toBe(false);
  expect(await first.azalai(["jobs", "list"], { env: { AZALAI_PORT: "9" } })).toMatchObject({ code: 5 });
  const again = await serveOn(first.dataDir, []);
  expect(again.banner).not.toContain("shown this once");
  expect(again.banner).toContain("credentials.json");
  await again.close();
});

test("a range of planned times is looked at, backfilled, watched and given up", async () => {
  const cron = {
    startTime: "2030-01-01T00:00:00Z",
    expression: "0 30 2 * * ?",
    expressionTimeZone: "America/New_York",
  };
  const definition = {
    name: "figures",
    processType: "BATCH",
    schedule: { type: "CRON", cron },
    nodes: [shell("count", "test '#{Job.getPlanTime('yyyy-MM-dd HH:mm')}' '!=' '2001-04-02 02:30'")],
  };
  await azalai(["jobs", "create", "-"], { stdin: JSON.stringify(definition) });
  const range = ["figures", "--from", "2001-03-31", "--to", "2001-04-03"];
  const preview = await azalai(["backfill", "preview", ...range, "--only-days", "2001-04-01"]);
  expect(preview.stdout).toMatch(
    /^figures would run 1 times\n {2}2001-04-01T03:00:00-04:00 {2}shifted from 02:30:00/,
  );
  expect(preview.stdout).toContain("left out: 2, not one of the days asked for");
  const good = await azalai([
    "--json",
    "backfill",
    "create",
    ...range,
    "--only-days",
    "2001-04-01",
    "--wait",
  ]);
  expect(good.code).toBe(0);
  expect(JSON.parse(good.stdout)).toMatchObject({
    state: "succeeded",
    progress: { succeeded: 1, skipped: 2 },
  });
  const bad = await azalai([
    "backfill",
    "create",
    ...range,
    "--name",
    "b",
    "--newest-first",
    "--stop-on-failure",
    "-w",
  ]);
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining("an instance failed") });
  expect((await azalai(["backfill", "show", "b"])).stdout).toMatch(/^state +failed$/m);
  expect((await azalai(["backfill", "runs", "b"])).stdout).toMatch(
    /^figures +2001-04-02T02:30:00-04:00 +started +\d+ +failed/m,
  );
  expect((await azalai(["backfill", "list", "--job", "figures"])).stdout).toMatch(/^b +figures +failed/m);
  const closed = ["--window", "00:00-00:01", "--window-monthdays", "31", "--window-weekdays", "1"];
  await azalai(["backfill", "create", ...range, "--name", "later", ...closed]);
  expect(await azalai(["backfill", "pause", "later"])).toMatchObject({ code: 0, stdout: "later paused\n" });
  expect(await azalai(["backfill", "resume", "later"])).toMatchObject({ code: 0, stdout: "later resumed\n" });
  expect(await azalai(["backfill", "cancel", "later"])).toMatchObject({
    code: 0,
    stdout: "later cancelled\n",
  });
  expect(await azalai(["backfill", "show", "nobody"])).toMatchObject({ code: 4 });
  expect(await azalai(["backfill", "create", "figures", "--from", "then", "--to", "now"])).toMatchObject({
    code: 1,
  });
});

test("why a run waits is told in sentences, for a job and for a run", async () => {
  await saveJob("patient", [shell("first", "sleep 60"), shell("second", "true", ["first"])]);
  expect((await azalai(["why", "patient"])).stdout).toMatch(
    /^The job is stopped\.\nThe job is not in operation/,
  );
  const { instanceId } = JSON.parse((await azalai(["--json", "jobs", "run", "patient"])).stdout);
  await expect
    .poll(async () => (await azalai(["why", String(instanceId)])).stdout, { timeout: 60_000 })
    .toMatch(
      /^The instance is running\.\nNode "second" waits for "first" \(running\)\.\nNode "first" runs since/,
    );
  expect((await azalai(["why", "patient"])).stdout).toContain(`azalai why ${instanceId} says more`);
  await azalai(["instances", "stop", String(instanceId)]);
  expect(await azalai(["why", "nobody"])).toMatchObject({ code: 4 });
});
