/** A mail server in the tests' Python: aiosmtpd, which has nothing in common with what sends. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import type { Certificates } from "./certificates.ts";
import { testPython } from "./python-client.ts";

export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly encrypted: boolean;
  readonly user: string | null;
}

export interface MailServer {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** The next mail that it takes, or has taken. */
  readonly next: () => Promise<TakenMail>;
}

const SCRIPT = join(import.meta.dirname, "../clients/smtp_server.py");

/** Takes mail for all but `nobody@…`; from a user alone, by STARTTLS or TLS at once, where that is said. */
export async function startMailServer(
  settings: {
    readonly login?: { readonly user: string; readonly password: string };
    readonly tls?: { readonly certificates: Certificates; readonly begun: "starttls" | "at-once" };
  } = {},
): Promise<MailServer> {
  const { login, tls } = settings;
  const folder = await mkdtemp(join(tmpdir(), "azalai-smtp-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [cert, key] = [join(folder, "server.crt"), join(folder, "server.key")];
  if (tls !== undefined) {
    await writeFile(cert, tls.certificates.cert);
    await writeFile(key, tls.certificates.key);
  }
  const given = {
    ...login,
    ...(tls !== undefined && {
      cert,
      key,
      starttls: tls.begun === "starttls",
      at_once: tls.begun === "at-once",
    }),
  };
  const child = spawn(testPython(), [SCRIPT, JSON.stringify(given)], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.stdin.end());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new RangeError("the mail server has ended");
    return JSON.parse(value);
  };
  const { port } = await read();
  return { host: "127.0.0.1", port, next: read };
}
