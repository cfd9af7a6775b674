/** `RESTAPI` and its other names: one HTTP call whose answer is the node's output (dataarts-factory 4.2). */
import { Fault } from "../domain/fault.ts";
import { type AddressGuard, createAddressGuard } from "./address-guard.ts";
import { refuse, requireProperty, settleAttempt } from "./command.ts";
import { type Answer, type Call, callGuarded } from "./guarded-call.ts";
import type { Operator, Outcome, Work, WorkContext } from "./operator.ts";
import type { OperatorSettings } from "./settings.ts";

type RestSettings = Pick<OperatorSettings, "allowedAddresses" | "rest">;

const METHODS = ["GET", "POST", "PUT", "DELETE"];
const REDIRECTS = [301, 302, 303, 307, 308];
/** Headers that say who calls: they stay with the host that they were written for. */
const PERSONAL_HEADERS = ["authorization", "cookie", "proxy-authorization", "x-auth-token"];
/** What describes the message rather than the caller is written by node. */
const OWN_HEADERS = ["host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"];
const MESSAGE_LENGTH_MAX = 300;

export function createRestOperator(settings: RestSettings): Operator {
  const guard = createAddressGuard(settings.allowedAddresses);
  return {
    types: ["RESTAPI", "RestClient", "RESTClient"],
    lane: "process",
    run: (work, context) => settleAttempt(context.signal, () => callAndJudge(settings, guard, work, context)),
  };
}

async function callAndJudge(
  settings: RestSettings,
  guard: AddressGuard,
  work: Work,
  context: WorkContext,
): Promise<Outcome> {
  if (work.properties.securityAuthentication?.toUpperCase() === "IAM")
    return refuse(
      "The node asks for IAM authentication, which is not served: put the token into its headers.",
    );
  const call = readCall(settings, work);
  try {
    const answer = await follow(settings, guard, call, context);
    context.log(`${answer.text}\n`);
    if (answer.status === 200) return { state: "succeeded", output: answer.text };
    const start = answer.text.slice(0, MESSAGE_LENGTH_MAX);
    return {
      state: "failed",
      message: `HTTP status ${answer.status} where 200 is expected${start === "" ? "" : `: ${start}`}`,
    };
  } catch (error) {
    if (context.signal.aborted || error instanceof Fault || !(error instanceof Error)) throw error;
    return { state: "failed", message: `${call.method} ${call.url.origin} failed: ${error.message}` };
  }
}

function readCall(settings: RestSettings, work: Work): Call {
  const method = (work.properties.method ?? "GET").toUpperCase();
  if (!METHODS.includes(method))
    throw new Fault("invalid", "reference-invalid", `The method ${method} is none of ${METHODS.join(", ")}.`);
  const body = method === "GET" ? "" : (work.properties.body ?? "");
  if (Buffer.byteLength(body) > settings.rest.requestBytesMax)
    throw new Fault(
      "too-large",
      "body-too-large",
      `The body is longer than ${settings.rest.requestBytesMax} bytes.`,
    );
  return {
    url: readUrl(requireProperty(work, "url").trim()),
    method,
    headers: readHeaders(work.properties.headers ?? ""),
    body,
  };
}

function readUrl(text: string, base?: string): URL {
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new Fault("invalid", "reference-invalid", `"${text}" is no http or https address.`);
  return url;
}

/** `Name=value` lines; `Name: value` is taken too when no `=` comes before the colon. */
function readHeaders(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const pairs = lines.map((line) => {
    const [, name, value] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*[=:](.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw new Fault(
        "invalid",
        "reference-invalid",
        `The header line "${line}" is not of the form Name=value.`,
      );
    return [name, value.trim()] as const;
  });
  return Object.fromEntries(pairs.filter(([name]) => !OWN_HEADERS.includes(name.toLowerCase())));
}

/** Makes the call and goes where its answers lead, each time through the guard. */
async function follow(
  settings: RestSettings,
  guard: AddressGuard,
  first: Call,
  context: WorkContext,
): Promise<Answer> {
  let call = first;
  for (let redirects = 0; ; redirects += 1) {
    const bounds = { signal: context.signal, responseBytesMax: settings.rest.responseBytesMax };
    const answer = await callGuarded(guard, call, bounds);
    context.log(`${call.method} ${call.url.origin}${call.url.pathname}: ${answer.status}\n`);
    const { location } = answer.headers;
    if (location === undefined || !REDIRECTS.includes(answer.status)) return answer;
    if (redirects === settings.rest.redirectsMax)
      throw new Fault("invalid", "reference-invalid", `More than ${settings.rest.redirectsMax} redirects.`);
    call = redirected(call, answer.status, readUrl(location, call.url.href));
  }
}

function redirected(call: Call, status: number, url: URL): Call {
  const keepsMethod = status === 307 || status === 308 || call.method === "GET";
  const personal = (name: string) => PERSONAL_HEADERS.includes(name.toLowerCase());
  const sameHost = url.origin === call.url.origin;
  const headers = Object.entries(call.headers).filter(([name]) => sameHost || !personal(name));
  return {
    url,
    method: keepsMethod ? call.method : "GET",
    headers: Object.fromEntries(headers),
    body: keepsMethod ? call.body : "",
  };
}
