/** Draws docs/compatibility.md from what the compatibility test saw last: `node tools/compatibility-page.ts`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Direction, Sdk } from "../test/compatibility/sdk-fields.ts";
import type {
  MemberVerdict,
  OperationVerdict,
  SdkVerdicts,
  Verdict,
  Verdicts,
} from "../test/compatibility/verdicts.ts";
import { drawOpenApiPage } from "./openapi.ts";

const ROOT = join(import.meta.dirname, "..");
export const COMPATIBILITY_PAGE = join(ROOT, "docs/compatibility.md");
/** Written by test/compatibility.test.ts. */
export const COMPATIBILITY_RECORD = join(ROOT, "coverage/compatibility.json");

const TITLES: Readonly<Record<Sdk, string>> = {
  dgc: "huaweicloudsdkdgc (v1)",
  dlf: "huaweicloudsdkdlf (v1, older)",
  dataartsstudio: "huaweicloudsdkdataartsstudio (v2)",
};

const HEAD = `# What the vendor's SDKs can do here

Every operation of the vendor's three Python SDKs 3.1.219 for DataArts Factory, and every member of their models. *Works* says
that \`test/compatibility.test.ts\` drives the SDK against a running service, and that the call was answered and its values
asserted, the member was sent in a call that was not refused, or came back in an answer. Everything else has the reason why not.
Made by \`npm test -- test/compatibility.test.ts\` and \`node tools/compatibility-page.ts\`.
`;

/** The page as it should be. */
export function drawCompatibilityPage(verdicts: Verdicts): string {
  const sdks = Object.entries(verdicts) as [Sdk, SdkVerdicts][];
  return [
    HEAD,
    ...tableOf(
      ["", "operations that work", "members sent that work", "members answered that work"],
      sdks.map(([sdk, { operations, members }]) => [
        TITLES[sdk],
        share(operations.map(({ verdict }) => verdict)),
        share(verdictsOf(members, "sent")),
        share(verdictsOf(members, "came")),
      ]),
    ),
    ...sdks.flatMap(([sdk, { operations, members }]) => [
      `## ${TITLES[sdk]}\n`,
      ...tableOf(["operation", "request", ""], operations.map(operationRow)),
      ...tableOf(["model", "member", "type", "sent", "answered"], members.map(memberRow)),
    ]),
    "## Beside the SDKs\n",
    "What the specification has and no SDK. Every member of every request stands in [factory-requests.md](factory-requests.md),",
    "drawn from the schemas that requests and answers are held to.\n",
    ...tableOf(["request", ""], besideRows(sdks.flatMap(([, { operations }]) => operations))),
  ].join("\n");
}

/** Operations that no SDK knows, with the test that shows them at work. */
const BESIDE: Readonly<Record<string, string>> = {
  "GET /v1/{project_id}/systemTasks/{task_id}": "src/api/factory/packages.test.ts",
  "GET /v2/{project_id}/factory/jobs/{job_name}/instances/{instance_id}":
    "src/api/factory/instances-v2.test.ts",
};

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Raises for an operation of which neither an SDK nor `BESIDE` says anything. */
function besideRows(known: readonly OperationVerdict[]): string[][] {
  const unnamed = (request: string) => request.replaceAll(/{\w+}/g, "{}");
  const named = new Set(known.map(({ method, path }) => unnamed(`${method} ${path}`)));
  const { paths } = drawOpenApiPage() as { readonly paths: Readonly<Record<string, object>> };
  const served = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((member) => METHODS.includes(member))
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  const beside = served.filter((request) => !named.has(unnamed(request)));
  return beside.map((request) => {
    const test = BESIDE[request];
    if (test === undefined) throw new RangeError(`tools/compatibility-page.ts says nothing of ${request}`);
    return [`\`${request}\``, `works: \`${test}\``];
  });
}

function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [heads, heads.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [...lines, ""];
}

function operationRow({ operation, method, path, verdict }: OperationVerdict): string[] {
  return [`\`${operation}\``, `\`${method} ${path}\``, inWords(verdict)];
}

function memberRow({ model, name, type, verdicts }: MemberVerdict): string[] {
  const cell = (direction: Direction) => (direction in verdicts ? inWords(verdicts[direction]) : "");
  return [model, `\`${name}\``, `\`${type}\``, cell("sent"), cell("came")];
}

function inWords(verdict: Verdict): string {
  if (verdict === undefined) return "not known";
  if (verdict === "works") return verdict;
  const { reason } = verdict;
  return reason.endsWith(" yet") ? `not yet: ${reason.slice(0, -" yet".length)}` : reason;
}

function verdictsOf(members: readonly MemberVerdict[], direction: Direction): Verdict[] {
  return members.flatMap(({ verdicts }) => (direction in verdicts ? [verdicts[direction]] : []));
}

function share(verdicts: readonly Verdict[]): string {
  return `${verdicts.filter((verdict) => verdict === "works").length} of ${verdicts.length}`;
}

if (import.meta.main)
  writeFileSync(
    COMPATIBILITY_PAGE,
    drawCompatibilityPage(JSON.parse(readFileSync(COMPATIBILITY_RECORD, "utf8"))),
  );
