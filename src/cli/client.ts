/** The command line's way to a server: address, log-in, requests, and refusals turned into exit codes. */
import type { ClientConfig } from "../config.ts";
import { findAddress } from "./address.ts";
import { type Credentials, codeOf, credentialsFile, findCredentials } from "./credentials.ts";
import { CommandFailure, EXIT, type ExitCode } from "./failure.ts";

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as they are; instead of `body`. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

/** Requests as one user within one project. Every method raises CommandFailure for a refusal. */
export interface Client {
  readonly url: string;
  readonly projectId: string;
  readonly userId: string;
  readonly token: string;
  /** The JSON of the answer; undefined when it has no body. */
  readonly send: (method: string, path: string, options?: RequestOptions) => Promise<unknown>;
  /** The answer as it comes. */
  readonly fetch: (method: string, path: string, options?: RequestOptions) => Promise<Response>;
}

interface Login {
  readonly token: string;
  readonly projectId: string;
  readonly userId: string;
}

/** Logs in. The address and the user come from flags and environment, else from the data folder's credentials. */
export async function connect(config: ClientConfig): Promise<Client> {
  const stored = await findCredentials(config.dataDir);
  const url = config.url ?? (await findAddress(config.dataDir)) ?? config.localUrl;
  let login = await logIn(url, config, stored);
  const attempt = (method: string, path: string, options: RequestOptions): Promise<Response> =>
    sendRequest(url, method, path, options, {
      "x-auth-token": login.token,
      ...(config.workspace !== undefined && { workspace: config.workspace }),
    });
  const fetch: Client["fetch"] = async (method, path, options = {}) => {
    let response = await attempt(method, path, options);
    if (response.status === 401 && config.token === undefined) {
      await response.body?.cancel();
      login = await logIn(url, config, stored); // a command that follows a run may outlive its token
      response = await attempt(method, path, options);
    }
    if (!response.ok) throw await refusalOf(response);
    return response;
  };
  return {
    url,
    projectId: login.projectId,
    userId: login.userId,
    token: login.token,
    fetch,
    send: async (method, path, options) => readBody(await fetch(method, path, options)),
  };
}

async function logIn(url: string, config: ClientConfig, stored: Credentials | undefined): Promise<Login> {
  if (config.token !== undefined) return inspectToken(url, config.token);
  const name = config.username ?? stored?.userName;
  const password = config.password ?? (config.username === undefined ? stored?.password : undefined);
  if (name === undefined || password === undefined) throw noCredentials(config);
  const response = await sendRequest(
    url,
    "POST",
    "/v3/auth/tokens",
    {
      body: {
        auth: {
          identity: {
            methods: ["password"],
            password: { user: { name, domain: { id: "default" }, password } },
          },
          ...scopeOf(config.project ?? stored?.projectId),
        },
      },
    },
    {},
  );
  if (!response.ok) throw await refusalOf(response);
  const token = response.headers.get("x-subject-token");
  return readLogin(await readBody(response), token ?? "");
}

async function inspectToken(url: string, token: string): Promise<Login> {
  const headers = { "x-auth-token": token, "x-subject-token": token };
  const response = await sendRequest(url, "GET", "/v3/auth/tokens?nocatalog", {}, headers);
  if (response.status === 404)
    throw new CommandFailure(EXIT.unauthenticated, "the token is unknown or has expired");
  if (!response.ok) throw await refusalOf(response);
  return readLogin(await readBody(response), token);
}

function scopeOf(project: string | undefined): { scope?: unknown } {
  if (project === undefined) return {};
  const id = project.replaceAll("-", "").toLowerCase();
  if (/^[0-9a-f]{32}$/.test(id)) return { scope: { project: { id } } };
  return { scope: { project: { name: project, domain: { id: "default" } } } };
}

function readLogin(body: unknown, token: string): Login {
  const { token: about } = body as { token: { user: { id: string }; project?: { id: string } } };
  if (about.project === undefined)
    throw new CommandFailure(EXIT.unauthenticated, "the log-in is for no project; name one with --project");
  return { token, projectId: about.project.id, userId: about.user.id };
}

function noCredentials({ username, dataDir }: ClientConfig): CommandFailure {
  const message =
    username === undefined
      ? "no log-in: give AZALAI_USERNAME and AZALAI_PASSWORD (or AZALAI_TOKEN), or --data-dir for a folder that has " +
        `a credentials.json; there is no ${credentialsFile(dataDir)}`
      : `no password for ${username}: give AZALAI_PASSWORD`;
  return new CommandFailure(EXIT.unauthenticated, message);
}

async function sendRequest(
  url: string,
  method: string,
  path: string,
  { query = {}, body, bytes }: RequestOptions,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const target = new URL(url + path);
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) target.searchParams.set(name, String(value));
  try {
    return await fetch(target, {
      method,
      headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(bytes !== undefined && { body: bytes }),
    });
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const why = codeOf(cause) ?? (cause instanceof Error ? cause.message : String(error));
    throw new CommandFailure(EXIT.unreachable, `no server answers at ${url} (${why})`, error);
  }
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    const shown = text.slice(0, 80);
    throw new CommandFailure(EXIT.failed, `${response.url} is no Azalai: it answered "${shown}"`, error);
  }
}

/** Codes by which the Factory face says, with status 400, that something is not there. */
const FACTORY_MISSING = [
  "DLF.0100",
  "DLF.0137",
  "DLF.0815",
  "DLF.0819",
  "DLF.20810",
  "DLF.6201",
  "DLF.6205",
  "DLF.6241",
  "DLF.6322",
];

/** A refusal of any face, in its own words. Source: product 6, "Errors". */
async function refusalOf(response: Response): Promise<CommandFailure> {
  const text = await response.text();
  const body = parseObject(text);
  const keystone = typeof body.error === "object" && body.error !== null ? body.error : undefined;
  const message =
    textOf(body.error_msg) ??
    textOf(body.error_message) ??
    (keystone && "message" in keystone ? textOf(keystone.message) : undefined) ??
    textOf(body.detail) ??
    textOf(body.title) ??
    `${response.status} ${response.statusText}`;
  const code = textOf(body.error_code);
  return new CommandFailure(
    exitCodeOf(response.status, code),
    code?.includes(".") === true ? `${message} (${code})` : message,
  );
}

function exitCodeOf(status: number, code: string | undefined): ExitCode {
  if (status === 401) return EXIT.unauthenticated;
  if (status === 404 || (code !== undefined && FACTORY_MISSING.includes(code))) return EXIT.notFound;
  return EXIT.failed;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // a proxy's page, say: the status alone must do
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
