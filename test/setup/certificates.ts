/** Certificates for servers of tests: an authority of their own, which nobody else trusts. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Certificates {
  /** The authority's own certificate. */
  readonly ca: string;
  /** For `127.0.0.1` and `localhost`. */
  readonly cert: string;
  readonly key: string;
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-certificates-"));
  const openssl = (...args: readonly string[]) => promisify(execFile)("openssl", args, { cwd: folder });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"];
  const days = ["-days", "2"];
  try {
    await openssl(
      "req",
      "-x509",
      ...newKey,
      ...days,
      "-subj",
      "/CN=tests",
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
    );
    await openssl("req", ...newKey, "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr");
    await writeFile(join(folder, "names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    const signedBy = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
    await openssl("x509", "-req", "-in", "server.csr", ...signedBy, ...days, "-out", "server.crt");
    const read = (name: string) => readFile(join(folder, name), "utf8");
    return { ca: await read("ca.crt"), cert: await read("server.crt"), key: await read("server.key") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
