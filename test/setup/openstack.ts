/** The `openstack` command, logged in at a running service. */
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { testPython } from "./python-client.ts";
import type { Service } from "./service.ts";

/** What `openstack dataprocessing <words…>` prints; `version` is that of the data-processing API. */
export async function openstack(
  { url, credentials }: Pick<Service, "url" | "credentials">,
  version: string,
  words: readonly string[],
): Promise<string> {
  const { userName, password, projectName } = credentials;
  const program = join(dirname(testPython()), "openstack");
  const { stdout } = await promisify(execFile)(program, ["dataprocessing", ...words], {
    env: {
      PATH: "/usr/bin:/bin",
      HOME: tmpdir(), // a user without an account has none
      OS_AUTH_URL: `${url}/v3`,
      OS_USERNAME: userName,
      OS_PASSWORD: password,
      OS_PROJECT_NAME: projectName,
      OS_USER_DOMAIN_ID: "default",
      OS_PROJECT_DOMAIN_ID: "default",
      OS_DATA_PROCESSING_API_VERSION: version,
      no_proxy: "*",
    },
  });
  return stdout;
}

/** As `openstack`, the answer read. */
export async function openstackJson(...[service, version, words]: Parameters<typeof openstack>) {
  const text = await openstack(service, version, [...words, "-f", "json"]);
  return JSON.parse(text.slice(text.search(/^[[{]/m))); // some commands say a sentence first
}
