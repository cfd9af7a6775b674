/** A real S3 server for tests: Versity's gateway over a folder, built by Go once for all tests. */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { access, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Certificates } from "./certificates.ts";
import { freePort, missingOf } from "./programs.ts";

const VERSION = "1.8.0";
const CACHE = join(import.meta.dirname, "../../.cache");
const START_MAX_MS = 30_000;
const KEYS = { accessKey: "ann", secretKey: "secret-of-ann" } as const;

export interface S3Server {
  /** What a connection of type `S3` says to reach it. */
  readonly config: Readonly<Record<string, string>>;
  readonly createBucket: (bucket: string) => Promise<void>;
  /** Uploads by another client's signature, so that two of them have to agree. */
  readonly put: (bucket: string, key: string, content: string) => Promise<void>;
  readonly remove: (bucket: string, key: string) => Promise<void>;
  /** The folder whose files are the bucket's objects: what is written there is listed too. */
  readonly folderOf: (bucket: string) => string;
  readonly stop: () => Promise<void>;
}

/** Why no server can run here; undefined when one can. */
export async function s3Missing(): Promise<string | undefined> {
  return await missingOf({ go: "version", curl: "--version", openssl: "version" });
}

/** On a free port of the loopback; over TLS where certificates are given. */
export async function startS3(certificates?: Certificates): Promise<S3Server> {
  const program = await buildGateway();
  const folder = await mkdtemp(join(tmpdir(), "azalai-s3-"));
  const [files, notes] = [join(folder, "files"), join(folder, "notes")];
  await Promise.all([mkdir(files), mkdir(notes)]);
  const address = `127.0.0.1:${await freePort()}`;
  const endpoint = `${certificates === undefined ? "http" : "https"}://${address}`;
  const tls = certificates === undefined ? [] : await writeCertificates(folder, certificates);
  const gateway = spawn(program, ["--port", address, ...tls, "posix", "--sidecar", notes, files], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ROOT_ACCESS_KEY: KEYS.accessKey, ROOT_SECRET_KEY: KEYS.secretKey },
  });
  const send = async (method: string, path: string, content = "") => {
    const body = join(folder, "body");
    await writeFile(body, content);
    const hash = createHash("sha256").update(content).digest("hex");
    await promisify(execFile)("curl", [
      ...["--silent", "--show-error", "--fail", "--insecure", "--request", method],
      ...["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", `${KEYS.accessKey}:${KEYS.secretKey}`],
      ...["--header", `x-amz-content-sha256: ${hash}`],
      ...(content === "" ? [] : ["--upload-file", body]),
      `${endpoint}/${path.split("/").map(encodeURIComponent).join("/")}`,
    ]);
  };
  const server: S3Server = {
    config: { endpoint, ...KEYS },
    createBucket: (bucket) => send("PUT", bucket),
    put: (bucket, key, content) => send("PUT", `${bucket}/${key}`, content),
    remove: (bucket, key) => send("DELETE", `${bucket}/${key}`),
    folderOf: (bucket) => join(files, bucket),
    stop: async () => {
      const ended = gateway.exitCode === null ? once(gateway, "exit") : undefined;
      gateway.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await startOf(gateway.stdout, once(gateway, "exit"));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** Resolves when the gateway says that it listens. */
async function startOf(output: NodeJS.ReadableStream, ended: Promise<unknown[]>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new RangeError("the gateway has not started")), START_MAX_MS);
  output.on("data", (chunk) => {
    if (String(chunk).includes("listening on")) resolve();
  });
  void ended.then(([code]) => reject(new RangeError(`the gateway ended with ${code}`)));
  await promise.finally(() => clearTimeout(timer));
}

async function writeCertificates(folder: string, { cert, key }: Certificates): Promise<string[]> {
  const [certFile, keyFile] = [join(folder, "server.crt"), join(folder, "server.key")];
  await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key)]);
  return ["--cert", certFile, "--key", keyFile];
}

/** The gateway's program. */
async function buildGateway(): Promise<string> {
  const folder = join(CACHE, `versitygw-${VERSION}`);
  const program = join(folder, "versitygw");
  const there = await access(program).then(
    () => true,
    () => false,
  );
  if (there) return program;
  await mkdir(CACHE, { recursive: true });
  const unfinished = await mkdtemp(join(CACHE, "versitygw-unfinished-"));
  await promisify(execFile)("go", ["install", `github.com/versity/versitygw/cmd/versitygw@v${VERSION}`], {
    env: { ...process.env, GOBIN: unfinished },
    maxBuffer: 64 * 1024 * 1024,
  });
  await rename(unfinished, folder).catch(() => access(program));
  await rm(unfinished, { recursive: true, force: true });
  return program;
}
