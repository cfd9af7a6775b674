/** Settings: flags before environment before defaults, and every problem at once. */
import { expect, test } from "vitest";
import { type Flags, readConfig } from "./config.ts";

function check(flags: Flags, environment: Record<string, string>, expected: object): void {
  expect(readConfig(flags, environment)).toMatchObject(expected);
}

test("nothing given means the documented defaults", () => {
  const config = { host: "127.0.0.1", port: 8790, roles: ["api", "scheduler", "worker"], timeZone: "UTC" };
  check(
    {},
    {},
    {
      config: {
        ...config,
        factoryPageMax: 100,
        tokenHours: 1,
        uploadBytesMax: 2 ** 30,
        historyPeriodDays: 7,
      },
    },
  );
});

test("a flag wins over the environment, and an empty variable counts as absent", () => {
  check({ port: "1" }, { AZALAI_PORT: "2", AZALAI_HOST: "" }, { config: { port: 1, host: "127.0.0.1" } });
  check({}, { AZALAI_ROLES: "worker,api" }, { config: { roles: ["api", "worker"] } });
  check({}, { AZALAI_PUBLIC_URL: "http://jobs.example/" }, { config: { publicUrl: "http://jobs.example" } });
});

test("every problem is told at once, by the name of its setting", () => {
  const wrong = {
    AZALAI_PORT: "eighty",
    AZALAI_ROLES: "api,cook",
    AZALAI_PROJECT_ID: "p1",
    AZALAI_TIME_ZONE: "Mars/Base",
    AZALAI_ACCESS_KEY: "AK1",
    AZALAI_LOCAL_COMMANDS: "perhaps",
    AZALAI_FACTORY_PAGE_MAX: "99",
    AZALAI_UPLOAD_BYTES_MAX: "0",
  };
  const read = readConfig({}, wrong);
  const problems = "problems" in read ? read.problems.join("\n") : "";
  const named = [
    "port",
    "roles",
    "AZALAI_PROJECT_ID",
    "Mars/Base",
    "AZALAI_SECRET_KEY",
    "AZALAI_LOCAL_COMMANDS",
  ];
  for (const name of [...named, "AZALAI_FACTORY_PAGE_MAX", "AZALAI_UPLOAD_BYTES_MAX"])
    expect(problems).toContain(name);
});
