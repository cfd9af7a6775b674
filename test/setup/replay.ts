/** Replays recorded scenarios against a server and compares every answer with the recorded one. */
import { randomBytes } from "node:crypto";

/** One recorded call; placeholders as `{{project}}`, `{{id:1}}`, `{{timestamp}}` stand for what differs from run to run. */
interface Step {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly auth?: "none" | "project2";
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly rawBody?: string;
  };
  readonly response: {
    readonly status: number;
    readonly contentType?: string;
    readonly body?: unknown;
    readonly text?: string;
  };
  /** Repeat until the value at `path` is one of `until`. */
  readonly poll?: { readonly path: string; readonly until: readonly unknown[]; readonly timeoutMs: number };
  readonly ignore?: readonly string[];
  readonly unordered?: readonly string[];
  readonly sorted?: readonly (readonly [string, string, string])[];
  readonly collect?: readonly (readonly [string, string])[];
  readonly same?: readonly (readonly [string, string])[];
  readonly asserts?: readonly (readonly [string, string])[];
  readonly capture?: Readonly<Record<string, string>>;
  /** The reference failed here with a 500: any refusal is as good. */
  readonly loose?: boolean;
}

export interface Scenario {
  readonly scenario: string;
  readonly steps: readonly Step[];
}

export interface ReplayTarget {
  /** Without a final slash. */
  readonly base: string;
  readonly tokenOf: (projectId: string) => string;
  /** With dashes. */
  readonly clusterId: string;
}

/** What differs from the recording; a server of ours may answer with more keys than the reference, never fewer. */
export interface StepFailure {
  readonly step: number;
  readonly call: string;
  readonly problems: readonly string[];
}

interface Run {
  readonly target: ReplayTarget;
  readonly project: string;
  readonly project2: string;
  readonly values: Map<string, string>;
  /** Bindings both ways: placeholder to id, id to placeholder. */
  ids: Map<string, string>;
  used: Map<string, string>;
  readonly sets: Map<string, unknown[]>;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  readonly json: unknown;
}

const UUID = "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}";
const TIMESTAMP = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d";
const POLL_MS = 50;

/** The steps that differ, in two fresh projects. What a scenario made public is made private again afterwards. */
export async function replay(target: ReplayTarget, scenario: Scenario): Promise<StepFailure[]> {
  const [project, project2] = [randomBytes(16).toString("hex"), randomBytes(16).toString("hex")];
  const values = new Map([
    ["project", project],
    ["project2", project2],
    ["cluster", target.clusterId],
  ]);
  const run: Run = { target, project, project2, values, ids: new Map(), used: new Map(), sets: new Map() };
  const failures: StepFailure[] = [];
  for (const [place, step] of scenario.steps.entries()) {
    const problems = await playStep(run, step);
    const call = `${step.request.method} ${step.request.path}`;
    if (problems.length > 0) failures.push({ step: place + 1, call, problems });
  }
  await hidePublic(run);
  return failures;
}

async function playStep(run: Run, step: Step): Promise<string[]> {
  const request = prepare(run, step);
  const until = performance.now() + (step.poll?.timeoutMs ?? 0);
  for (;;) {
    const answer = await send(request);
    const { poll } = step;
    const arrived =
      poll === undefined || valuesAt(answer.json, poll.path).some((value) => poll.until.includes(value));
    if (arrived || performance.now() > until) return compare(run, step, answer);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS)); // the recording says to ask again
  }
}

interface Prepared {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

function prepare(run: Run, { request }: Step): Prepared {
  const project = request.auth === "project2" ? run.project2 : run.project;
  const token = request.auth === "none" ? {} : { "x-auth-token": run.target.tokenOf(project) };
  const body =
    request.rawBody !== undefined
      ? fill(run, request.rawBody)
      : request.body === undefined
        ? undefined
        : JSON.stringify(fillAll(run, request.body));
  const type =
    request.rawBody === undefined && body !== undefined ? { "content-type": "application/json" } : {};
  return {
    url: run.target.base + fill(run, request.path).replace(/[\s"^]/g, encodeURIComponent),
    method: request.method,
    headers: { ...token, ...type, ...lowerCase(request.headers ?? {}) },
    ...(body !== undefined && { body }),
  };
}

async function send({ url, method, headers, body }: Prepared): Promise<Answer> {
  // Bytes: fetch adds a content type of its own to a text.
  const bytes = body === undefined ? null : new TextEncoder().encode(body);
  const answer = await fetch(url, { method, headers, redirect: "manual", body: bytes });
  const text = await answer.text();
  const contentType = (answer.headers.get("content-type") ?? "").split(";")[0] ?? "";
  return { status: answer.status, contentType, text, json: parse(text) };
}

function compare(run: Run, step: Step, answer: Answer): string[] {
  const { response } = step;
  if (step.loose) return answer.status < 400 ? [`status ${answer.status}, wanted a refusal`] : [];
  if (answer.status !== response.status)
    return [`status ${answer.status}, wanted ${response.status}: ${answer.text.slice(0, 300)}`];
  return [...compareBody(run, step, answer), ...compareLists(run, step, answer.json)];
}

function compareBody(run: Run, step: Step, answer: Answer): string[] {
  const { response, request } = step;
  if (response.body !== undefined) {
    if (answer.contentType !== response.contentType) return [`content type ${answer.contentType}`];
    return match(run, step, response.body, answer.json, []);
  }
  if (response.text !== undefined)
    return response.status < 400 ? matchText(run, response.text, answer.text) : [];
  return answer.text !== "" && request.method !== "HEAD" ? [`wanted no body, got ${answer.text}`] : [];
}

function compareLists(run: Run, step: Step, json: unknown): string[] {
  const problems: string[] = [];
  for (const [rows, key, direction] of step.sorted ?? []) {
    const found = valuesAt(json, `${rows}.*.${key}`).map(String);
    const ordered = found.every((value, place) => {
      const before = found[place - 1];
      return before === undefined || (direction === "asc" ? before <= value : before >= value);
    });
    if (!ordered) problems.push(`${rows} not in ${direction} order of ${key}`);
  }
  for (const [a, b] of step.asserts ?? [])
    if (JSON.stringify(valuesAt(json, a)) !== JSON.stringify(valuesAt(json, b)))
      problems.push(`${a} differs from ${b}`);
  for (const [path, name] of step.collect ?? [])
    run.sets.set(name, [...(run.sets.get(name) ?? []), ...valuesAt(json, path)]);
  for (const [name, path] of Object.entries(step.capture ?? {}))
    run.values.set(name, String(valuesAt(json, path)[0]));
  for (const [a, b] of step.same ?? []) {
    const [x, y] = [a, b].map((name) => (run.sets.get(name) ?? []).toSorted());
    if (new Set(x).size !== x?.length) problems.push(`${a} holds a value twice`);
    if (JSON.stringify(x) !== JSON.stringify(y)) problems.push(`${a} and ${b} hold different values`);
  }
  return problems;
}

function match(run: Run, step: Step, want: unknown, got: unknown, path: readonly string[]): string[] {
  if (hits(step.ignore, path)) return [];
  const where = path.join(".") || "(body)";
  if (typeof want === "string") return matchText(run, want, got).map((problem) => `${where}: ${problem}`);
  if (Array.isArray(want)) return matchRows(run, step, want, got, path);
  if (!isObject(want)) return want === got ? [] : [`${where}: wanted ${want}, got ${JSON.stringify(got)}`];
  if (!isObject(got)) return [`${where}: wanted an object, got ${JSON.stringify(got)}`];
  return Object.entries(want).flatMap(([key, value]) =>
    key in got ? match(run, step, value, got[key], [...path, key]) : [`${where}: key ${key} is missing`],
  );
}

function matchRows(run: Run, step: Step, want: unknown[], got: unknown, path: readonly string[]): string[] {
  const where = path.join(".") || "(body)";
  if (!Array.isArray(got)) return [`${where}: wanted a list, got ${JSON.stringify(got)}`];
  if (got.length !== want.length) return [`${where}: wanted ${want.length} rows, got ${got.length}`];
  if (!hits(step.unordered, path))
    return want.flatMap((row, place) => match(run, step, row, got[place], [...path, String(place)]));
  const left = [...got.entries()];
  for (const row of want) {
    const found = left.findIndex(([place, candidate]) => {
      const [ids, used] = [new Map(run.ids), new Map(run.used)];
      if (match(run, step, row, candidate, [...path, String(place)]).length === 0) return true;
      [run.ids, run.used] = [ids, used];
      return false;
    });
    if (found < 0) return [`${where}: no row like ${JSON.stringify(row).slice(0, 160)}`];
    left.splice(found, 1);
  }
  return [];
}

function matchText(run: Run, want: string, got: unknown): string[] {
  if (want === "{{any}}") return [];
  if (typeof got !== "string") return [`wanted ${want}, got ${JSON.stringify(got)}`];
  if (want === "{{message}}") return got === "" ? ["empty message"] : [];
  const bound: string[] = [];
  const source = want.split(/(\{\{[\w:]+\}\})/).map((part) => pattern(run, part, bound));
  const found = new RegExp(`^${source.join("")}$`).exec(got);
  if (found === null) return [`wanted ${want}, got ${JSON.stringify(got)}`];
  for (const [place, name] of bound.entries()) {
    const id = found[place + 1] ?? "";
    const other = run.used.get(id);
    if (other !== undefined && other !== name) return [`${name} has the same value as ${other}`];
    run.ids.set(name, id);
    run.used.set(id, name);
  }
  return [];
}

/** The expression for a part of a text; ids seen for the first time are added to `bound`. */
function pattern(run: Run, part: string, bound: string[]): string {
  const name = /^\{\{([\w:]+)\}\}$/.exec(part)?.[1];
  if (name === undefined) return escapePattern(part);
  if (name === "uuid") return `(?:${UUID})`;
  if (name === "timestamp") return TIMESTAMP;
  const known = name.startsWith("id:") ? run.ids.get(name) : run.values.get(name);
  if (known !== undefined) return escapePattern(known);
  if (!name.startsWith("id:")) return "[\\s\\S]*";
  bound.push(name);
  return `(${UUID})`;
}

/** All values at a path such as `jobs.*.id` or `jobs.-1.id`. */
function valuesAt(value: unknown, path: string): unknown[] {
  let found: unknown[] = [value];
  for (const key of path.split("."))
    found = found.flatMap((one): unknown[] => {
      if (key === "*") return isObject(one) || Array.isArray(one) ? Object.values(one) : [];
      if (Array.isArray(one)) return [one.at(Number(key))].filter((item) => item !== undefined);
      return isObject(one) && key in one ? [one[key]] : [];
    });
  return found;
}

function hits(paths: readonly string[] | undefined, path: readonly string[]): boolean {
  return (paths ?? []).some((text) => {
    const parts = text.split(".");
    return parts.length === path.length && parts.every((part, place) => part === "*" || part === path[place]);
  });
}

function fill(run: Run, text: string): string {
  return text.replace(/\{\{([\w:]+)\}\}/g, (placeholder, name: string) => {
    return (name.startsWith("id:") ? run.ids.get(name) : run.values.get(name)) ?? placeholder;
  });
}

function fillAll(run: Run, value: unknown): unknown {
  if (typeof value === "string") return fill(run, value);
  if (Array.isArray(value)) return value.map((item) => fillAll(run, item));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [fill(run, key), fillAll(run, item)]));
}

/** A public object left behind would be seen by the scenarios that follow. */
async function hidePublic(run: Run): Promise<void> {
  for (const project of [run.project, run.project2])
    for (const [path, key, method] of [
      ["jobs", "jobs", "PATCH"],
      ["job-executions", "job_executions", "PATCH"],
      ["job-binary-internals", "binaries", "PATCH"],
    ] as const) {
      const url = `${run.target.base}/v1.1/${project}/${path}`;
      const headers = { "x-auth-token": run.target.tokenOf(project), "content-type": "application/json" };
      const { json } = await send({ url: `${url}?is_public=true`, method: "GET", headers });
      for (const id of valuesAt(json, `${key}.*.id`))
        await send({
          url: `${url}/${id}`,
          method,
          headers,
          body: JSON.stringify({
            is_public: false,
            ...(path !== "job-executions" && { is_protected: false }),
          }),
        });
    }
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
