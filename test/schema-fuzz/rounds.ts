/** Rounds of schemathesis against a running service: requests made from its own OpenAPI page, answers held to it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testPython } from "../setup/python-client.ts";
import type { Service } from "../setup/service.ts";
import { BODIES, type Seeds, seed as seedService } from "./seeds.ts";

export interface FuzzResult {
  /** How many requests were sent. */
  readonly requests: number;
  /** What schemathesis printed of each round that found something; empty when every answer was as the page says. */
  readonly findings: readonly string[];
}

interface Page {
  readonly paths: Readonly<Record<string, PathItem>>;
}

interface PathItem {
  readonly parameters: readonly { readonly name?: string }[];
  readonly [method: string]: unknown;
}

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, object>> };
}

/** Any answer is a finding that is a 5xx, has a status or type that the page lacks, or a body against its schema. */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
];
/** Made at random for each operation; further rounds have other seeds. */
const EXAMPLES_MAX = 50;
const EXAMPLES_SHORT = 5;
const ROUNDS_MAX = 1000;

export interface FuzzOptions {
  readonly requests: number;
  readonly seed: number;
  /** Leaves out the values at the bounds of each schema, which are two thirds of the requests, and most of the others. */
  readonly short?: boolean;
}

/** Goes on in rounds until `requests` were sent: every second round without a log-in. */
export async function fuzzSchema(
  service: Service,
  { requests, seed, short = false }: FuzzOptions,
): Promise<FuzzResult> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-schema-fuzz-"));
  const page = join(folder, "page.json");
  try {
    const token = await service.token();
    const findings: string[] = [];
    let sent = 0;
    for (let round = 0; sent < requests && round < ROUNDS_MAX; round += 1) {
      await writeFile(page, JSON.stringify(await pageOf(service, await seedService(service, token))));
      const report = join(folder, `${round}.json`);
      const { code, output } = await schemathesis(folder, [
        ...["run", page, "--url", service.url, "--report", "json", "--report-json-path", report],
        ...(round % 2 === 0 ? ["--header", `X-Auth-Token: ${token}`] : []),
        ...wordsOf(short, seed + round),
      ]);
      const generated = await readGenerated(report);
      if (generated === 0) throw new RangeError(`schemathesis sent nothing:\n${output}`);
      sent += generated;
      if (code !== 0) findings.push(output);
    }
    return { requests: sent, findings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The service's page with the caller's own project in the paths, for with any other all answers are one refusal, and with
 * what is there as values and bodies to begin from.
 */
async function pageOf({ url, credentials }: Service, seeds: Seeds): Promise<unknown> {
  const page = (await (await fetch(`${url}/openapi/factory.json`)).json()) as Page;
  const paths = Object.entries(page.paths).map(([path, { parameters, ...operations }]) => [
    path.replace("{project_id}", credentials.projectId),
    {
      ...Object.fromEntries(
        Object.entries(operations).map(([method, one]) => [method, withBody(one as Operation)]),
      ),
      parameters: parameters
        .filter(({ name }) => name !== "project_id")
        .map((one) => withSeeds(one, seeds[before(path, one.name) ?? ""] ?? [])),
    },
  ]);
  return { ...page, paths: Object.fromEntries(paths) };
}

/** `jobs` for the job_name of `/v1/{project_id}/jobs/{job_name}`. */
function before(path: string, name: string | undefined): string | undefined {
  return new RegExp(`([\\w-]+)/{${name}}`).exec(path)?.[1];
}

function withSeeds(parameter: object, seeds: readonly string[]): object {
  if (seeds.length === 0) return parameter;
  return { ...parameter, schema: { anyOf: [{ enum: seeds }, { type: "string", minLength: 1 }] } };
}

function withBody(operation: Operation): Operation {
  const example = BODIES[operation.operationId];
  if (operation.requestBody === undefined || example === undefined) return operation;
  const content = Object.entries(operation.requestBody.content).map(([type, one]) => [
    type,
    { ...one, example },
  ]);
  return { ...operation, requestBody: { ...operation.requestBody, content: Object.fromEntries(content) } };
}

function wordsOf(short: boolean, seed: number): string[] {
  const phases = short ? "examples,fuzzing" : "examples,coverage,fuzzing";
  const words = {
    checks: CHECKS.join(","),
    phases,
    mode: "all",
    "max-examples": short ? EXAMPLES_SHORT : EXAMPLES_MAX,
    seed,
    "generation-database": "none",
    warnings: "off",
  };
  const named = Object.entries(words).flatMap(([name, word]) => [`--${name}`, String(word)]);
  return [...named, "--continue-on-failure", "--no-color"];
}

/** In a folder in which it may leave files. */
async function schemathesis(
  cwd: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(testPython(), ["-m", "schemathesis.cli", ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/bin:/bin", HOME: tmpdir(), PYTHONDONTWRITEBYTECODE: "1", no_proxy: "*" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const [code] = await once(child, "close");
  return { code, output };
}

async function readGenerated(report: string): Promise<number> {
  const { test_cases: cases } = JSON.parse(await readFile(report, "utf8"));
  return cases.generated;
}
