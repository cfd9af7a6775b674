/** `POST …/jobs/submit-job`: a run without a template, in the vendor's first version. Source: mrs-v1.1 8. */
import { type Static, Type } from "typebox";
import { submitRun } from "../../catalog/vendor-runs.ts";
import { Fault } from "../../domain/fault.ts";
import { NO_SUBMISSION, type Submission, VENDOR_TYPES, type VendorType } from "../../domain/vendor-run.ts";
import { json, type Route } from "../route.ts";
import { encodeSubmitted } from "./job-exe-wire.ts";
import { CLOSED, decodeBody, decodeUuid, FlagValue, Uuid } from "./object-wire.ts";
import type { SaharaDeps } from "./resource.ts";
import { asVendorRun, RUN_NAME_PATTERN, vendorRoute } from "./vendor-route.ts";

/** The vendor's clients send empty texts for what they leave out. */
const Path = Type.Optional(
  Type.Union([
    Type.String({ maxLength: 1023, pattern: "^(?:(?:/|s3a://|obs://)[^;|&><'$]*)?$" }),
    Type.Null(),
  ]),
);

const SubmitPost = Type.Object(
  {
    job_type: Type.Integer({ minimum: 1, maximum: 7 }),
    job_name: Type.String({ pattern: RUN_NAME_PATTERN }),
    cluster_id: Uuid,
    jar_path: Path,
    arguments: Type.Optional(
      Type.Union([Type.String({ maxLength: 2047, pattern: "^[^;|&><'$]*$" }), Type.Null()]),
    ),
    input: Path,
    output: Path,
    job_log: Path,
    hive_script_path: Path,
    file_action: Type.Optional(
      Type.Union([Type.Literal("import"), Type.Literal("export"), Type.Literal(""), Type.Null()]),
    ),
    hql: Type.Optional(Type.Union([Type.String({ maxLength: 65_536 }), Type.Null()])),
    is_public: Type.Optional(FlagValue),
    is_protected: Type.Optional(FlagValue),
  },
  CLOSED,
);

export function submitJobRoutes(deps: SaharaDeps): Route[] {
  return [
    vendorRoute("POST", "/v1.1/:project_id/jobs/submit-job", "member", async ({ body, caller }) => {
      const wanted = decodeBody(SubmitPost, body);
      const run = await submitRun(deps, caller, decodeUuid(wanted.cluster_id), decodeSubmission(wanted));
      return json(200, encodeSubmitted(asVendorRun(run)));
    }),
  ];
}

function decodeSubmission(body: Static<typeof SubmitPost>): Submission {
  const type = VENDOR_TYPES[body.job_type - 1] ?? "MapReduce";
  const [jarPath, scriptPath] = [body.jar_path ?? "", body.hive_script_path ?? ""];
  checkEnding(jarPath, type, "jar_path");
  checkEnding(scriptPath, type, "hive_script_path");
  return {
    ...NO_SUBMISSION,
    type,
    name: body.job_name,
    words: (body.arguments ?? "").split(/\s+/).filter((word) => word !== ""),
    classFirst: true,
    jarPath,
    // A Spark script comes in either member.
    scriptPath: scriptPath === "" && type === "SparkScript" ? jarPath : scriptPath,
    input: body.input ?? "",
    output: body.output ?? "",
    jobLog: body.job_log ?? "",
    fileAction: body.file_action ?? "",
    statement: body.hql ? decodeStatement(body.hql) : "",
  };
}

const ENDINGS: Partial<Record<VendorType, string>> = {
  MapReduce: ".jar",
  Spark: ".jar",
  Hive: ".sql",
  SparkScript: ".sql",
};

function checkEnding(path: string, type: VendorType, member: string): void {
  const ending = ENDINGS[type];
  if (path === "" || ending === undefined || path.toLowerCase().endsWith(ending)) return;
  throw new Fault("invalid", "request-invalid", `${member}: must end in ${ending}`);
}

/**
 * The statement behind one arbitrary letter, in base64 whose J and L change places; some clients send the standard
 * alphabet. Raises `request-invalid`.
 */
function decodeStatement(text: string): string {
  const base64 = text.slice(1);
  const swapped = base64.replace(/[JL]/g, (letter) => (letter === "J" ? "L" : "J"));
  const statement = readBase64(swapped) ?? readBase64(base64);
  if (statement !== undefined) return statement;
  throw new Fault("invalid", "request-invalid", "hql: must be a letter and the statement in base64");
}

function readBase64(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  try {
    const decoded = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(text, "base64"));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a statement never has
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.test(decoded) ? undefined : decoded;
  } catch {
    return undefined; // no UTF-8: the other alphabet is tried
  }
}
