/** The commands of `openstack dataprocessing` for jobs, by both versions of the API, over a running service. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openstack, openstackJson } from "./setup/openstack.ts";
import { testPython } from "./setup/python-client.ts";
import { type Service, startService } from "./setup/service.ts";

/** Python starts for each command, on a machine that does much else. */
const SLOW_MS = 400_000;

let service: Service;
let folder: string;

beforeAll(async () => {
  testPython();
  service = await startService();
  folder = await mkdtemp(join(tmpdir(), "azalai-cli-"));
}, SLOW_MS);
afterAll(async () => {
  await service?.remove();
  await rm(folder, { recursive: true, force: true });
}, SLOW_MS);

test.each(["1.1", "2"])(
  "every command for jobs works by version %s",
  { timeout: SLOW_MS },
  async (version) => {
    const word = `v${version}`.replace(".", "-");
    const file = (name: string) => join(folder, `${word}-${name}`);
    const run = (words: string, ...further: string[]) =>
      openstack(service, version, [...words.split(" "), ...further]);
    const show = (words: string, ...further: string[]) =>
      openstackJson(service, version, [...words.split(" "), ...further]);

    const script = "#!/bin/bash\necho from the command line\n";
    await writeFile(file("main.sh"), script);
    // The second version has no store of its own, and its client neither fills nor empties that of the first.
    const stored = (words: string, ...further: string[]) =>
      openstack(service, "1.1", [...words.split(" "), ...further]);
    expect(await stored(`job binary create --name ${word}-main --data`, file("main.sh"))).toContain(
      "internal-db://",
    );
    expect(await show("job binary list")).toEqual(
      expect.arrayContaining([expect.objectContaining({ Name: `${word}-main` })]),
    );
    const shown = await show(`job binary show ${word}-main`);
    expect(await show(`job binary update ${word}-main --description told`)).toMatchObject({
      Description: "told",
    });
    await run(`job binary download ${word}-main --file`, file("copy.sh"));
    expect(await readFile(file("copy.sh"), "utf8")).toBe(script);

    await run(`data source create ${word}-in --type hdfs --url hdfs://h/in`);
    expect(await show(`data source update ${word}-in --url hdfs://h/other`)).toMatchObject({
      Url: "hdfs://h/other",
    });
    expect(await show("data source list --type hdfs")).toHaveLength(1);
    expect(await show(`data source show ${word}-in`)).toMatchObject({ Name: `${word}-in` });
    await run(`data source delete ${word}-in`);
    expect(await show("data source list")).toEqual([]);

    expect(await show("job type list --type Shell")).toMatchObject([{ Name: "Shell" }]);
    await run("job type configs get Shell --file", file("configs"));
    expect(JSON.parse(await readFile(file("configs"), "utf8"))).toHaveProperty("job_config");

    const template = await show(`job template create --name ${word} --type Shell --mains`, shown.Id);
    expect(await show(`job template show ${word}`)).toMatchObject({ Id: template.Id, Type: "Shell" });
    expect(await show(`job template update ${word} --description told`)).toMatchObject({
      Description: "told",
    });
    expect(await show(`job template list --name ${word}`)).toMatchObject([{ Id: template.Id }]);

    const job = await show(`job execute --job-template ${word} --cluster local --args one`);
    expect(job).toMatchObject({ "Job template id": template.Id, Status: "PENDING" });
    expect(await show(`job show ${job.Id}`)).toMatchObject({ Id: job.Id });
    expect(await show("job list")).toMatchObject([{ Id: job.Id }]);
    expect(await show(`job update ${job.Id} --public`)).toMatchObject({ "Is public": true });
    await run(`job delete ${job.Id} --wait`);
    expect(await show("job list")).toEqual([]);
    await run(`job template delete ${word}`);
    await stored(`job binary delete ${word}-main`);
    await run(`job binary create --name ${word}-far --url obs://bucket/far.jar`);
    await run(`job binary delete ${word}-far`);
    expect(await show("job binary list")).toEqual([]);

    expect(await show("plugin show spark")).toMatchObject({ Name: "spark", Versions: "4.0.1" });
    expect(await show("cluster show local")).toMatchObject({ Name: "local", Status: "Active" });
  },
);
