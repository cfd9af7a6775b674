/** Nodes that work on other machines, from the outside: connections and jobs that the documents show. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runCommand } from "./setup/cli.ts";
import { mariadbMissing, startMariadb } from "./setup/mariadb.ts";
import { type Service, startService } from "./setup/service.ts";
import { sshdMissing, startSshd } from "./setup/sshd.ts";

// Each command is a process of its own: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let service: Service;

beforeAll(async () => {
  service = await startService({ env: { AZALAI_ALLOWED_PRIVATE_ADDRESSES: "loopback" } });
});

afterAll(() => service.remove());

async function azalai(words: readonly string[], document?: unknown): Promise<string> {
  const stdin = document === undefined ? {} : { stdin: JSON.stringify(document) };
  const { code, stdout, stderr } = await runCommand(["--data-dir", service.dataDir, ...words], stdin);
  expect(code, stderr).toBe(0);
  return stdout;
}

/** The JSON example of a page that has this text. */
async function example(page: string, text: string): Promise<{ readonly name: string }> {
  const examples = [...(await readFile(page, "utf8")).matchAll(/```json\n([\s\S]*?)```/g)];
  return JSON.parse(examples.find(([, json]) => json?.includes(text))?.[1] ?? "");
}

/** The outputs of the job's nodes in their order. */
async function outputs(job: { readonly name: string }): Promise<unknown[]> {
  await azalai(["jobs", "create", "-"], job);
  const instance: { nodes: { output: unknown }[] } = JSON.parse(
    await azalai(["--json", "jobs", "run", job.name, "--wait"]),
  );
  return instance.nodes.map(({ output }) => output);
}

test("rows are moved from the warehouse to a file by the job that the documents show", async () => {
  const [counts, look] = await outputs(await example("docs/data-migration.md", "copy-orders"));
  expect(JSON.parse(String(counts))).toMatchObject({ inputRowCount: 5000, outputRowCount: 5000 });
  expect(look).toBe('[["5000","order 1"]]');
});

test("a CDMJob node moves what the stored job says that it names, and fails where there is none", async () => {
  const job = (name: string, type: string, properties: Readonly<Record<string, string>>) => ({
    name,
    processType: "BATCH",
    schedule: { type: "EXECUTE_ONCE" },
    nodes: [
      {
        name: "a",
        type,
        location: { x: 0, y: 0 },
        properties: Object.entries(properties).map(([property, value]) => ({ name: property, value })),
      },
    ],
  });
  const what = {
    sourceConnectionName: "warehouse",
    sourceQuery: "select n from generate_series(1, 7) n",
    targetPath: "obs://moved/names.csv",
  };
  await azalai(["jobs", "create", "-"], job("cdm-names", "DataMigration", what));
  const named = (jobName: string) => ({ clusterName: "cdm-1", jobName });
  const [counts] = await outputs(job("nightly", "CDMJob", named("cdm-names")));
  expect(JSON.parse(String(counts))).toMatchObject({ inputRowCount: 7, outputRowCount: 7 });

  const failure = async (name: string, jobName: string) => {
    await azalai(["jobs", "create", "-"], job(name, "CDMJob", named(jobName)));
    const words = ["--data-dir", service.dataDir, "--json", "jobs", "run", name, "--wait"];
    return JSON.parse((await runCommand(words)).stdout).nodes[0].message;
  };
  expect(await failure("lost", "nowhere")).toBe('Job "nowhere" does not exist.');
  expect(await failure("wrong", "nightly")).toBe(
    'Job "nightly" is no job of one node of type DataMigration.',
  );
});

const noMariadb = await mariadbMissing();

describe.skipIf(noMariadb !== undefined)(`MariaDB${noMariadb === undefined ? "" : `: ${noMariadb}`}`, () => {
  test("a connection is saved, tried and used by the job that the documents show", async () => {
    const server = await startMariadb();
    try {
      await azalai(["connections", "save", "-"], { name: "shop", type: "RDS", config: server.config });
      expect(await azalai(["connections", "test", "shop"])).toMatch(/^shop: MariaDB 1\d/);
      expect(await outputs(await example("docs/operators.md", '"shop"'))).toEqual(['[["0"]]']);
    } finally {
      await server.stop();
    }
  });
});

const noSshd = await sshdMissing();

describe.skipIf(noSshd !== undefined)(`OpenSSH${noSshd === undefined ? "" : `: ${noSshd}`}`, () => {
  test("a host is found by its key, pinned, and runs the job that the documents show", async () => {
    const server = await startSshd();
    try {
      const { hostKey: _, ...config } = server.config;
      const save = (hostKey = {}) =>
        azalai(["connections", "save", "-"], {
          name: "etl-host",
          type: "HOST",
          config: { ...config, ...hostKey },
        });
      await save();
      const first = await runCommand(["--data-dir", service.dataDir, "connections", "test", "etl-host"]);
      const [, fingerprint] = /shows the key ssh-ed25519 (SHA256:\S+),/.exec(first.stderr) ?? [];
      expect(first.code).toBe(1);
      await save({ hostKey: fingerprint });
      expect(await azalai(["connections", "test", "etl-host"])).toContain("an SSH host");
      const [uname, python] = await outputs(await example("docs/hosts.md", "etl-host"));
      expect(uname).toBe("ann here with 2 arguments: first, and second");
      expect(python).toBe("3");
    } finally {
      await server.stop();
    }
  });
});
