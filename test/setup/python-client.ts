/** A real client of the API, driven call by call from a test: a script of `test/clients` in the tests' Python. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

export interface PythonClient {
  /** Makes one call and gives what the client made of the answer; rejects when the client itself broke. */
  // biome-ignore lint/suspicious/noExplicitAny: a client's answers have whatever shape the assertions then hold them to.
  readonly call: (name: string, args?: Readonly<Record<string, unknown>>) => Promise<any>;
  /** As `call`, for one that the server must refuse: what the client's exception says. */
  readonly refusal: (name: string, args?: Readonly<Record<string, unknown>>) => Promise<Refusal>;
  readonly end: () => Promise<void>;
}

export interface Refusal {
  readonly status: number;
  readonly message: string;
  /** Sahara's. */
  readonly name?: string;
  /** Factory's. */
  readonly code?: string;
}

interface Answer {
  readonly result?: unknown;
  readonly error?: Refusal;
}

const FOLDER = join(import.meta.dirname, "../clients");

/** The Python that has the clients of test/requirements.txt; the launcher makes it. */
export function testPython(): string {
  const python = process.env.AZALAI_TEST_PYTHON;
  if (python !== undefined) return python;
  throw new RangeError(
    "AZALAI_TEST_PYTHON names no Python with the clients: run npm test -- test/, which makes it",
  );
}

/** Starts `test/clients/<script>.py` with a log-in. */
export function startPythonClient(script: string, login: unknown): PythonClient {
  const child = spawn(testPython(), [join(FOLDER, `${script}.py`), JSON.stringify(login)], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: `${dirname(testPython())}:/usr/bin:/bin`,
      HOME: tmpdir(), // a user without an account has none
      PYTHONDONTWRITEBYTECODE: "1",
      no_proxy: "*",
    },
  });
  const ended = once(child, "close");
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    complaints += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  const ask = async (call: string, args: object): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify({ call, arguments: args })}\n`);
    const line = await lines.next();
    if (!line.done) return JSON.parse(line.value);
    await ended;
    throw new RangeError(`the client broke in ${call}:\n${complaints}`);
  };
  return {
    call: async (name, args = {}) => {
      const { result, error } = await ask(name, args);
      if (error !== undefined) throw new RangeError(`${name} was refused: ${JSON.stringify(error)}`);
      return result;
    },
    refusal: async (name, args = {}) => {
      const { result, error } = await ask(name, args);
      if (error === undefined) throw new RangeError(`${name} was not refused: ${JSON.stringify(result)}`);
      return error;
    },
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
