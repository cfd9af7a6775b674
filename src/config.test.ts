/** Settings: flags before environment before defaults, and every problem at once. */
import { expect, test } from "vitest";
import { type Flags, packageClientEnvironment, readConfig } from "./config.ts";

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
        packageBytesMax: 2 ** 28,
        historyPeriodDays: 7,
        fakePlugin: false,
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
    AZALAI_PACKAGE_BYTES_MAX: "4294967297",
  };
  const read = readConfig({}, wrong);
  const problems = "problems" in read ? read.problems.join("\n") : "";
  const named = [
    "AZALAI_PORT",
    "roles",
    "AZALAI_PROJECT_ID",
    "Mars/Base",
    "AZALAI_SECRET_KEY",
    "AZALAI_LOCAL_COMMANDS",
  ];
  for (const name of [
    ...named,
    "AZALAI_FACTORY_PAGE_MAX",
    "AZALAI_UPLOAD_BYTES_MAX",
    "AZALAI_PACKAGE_BYTES_MAX",
  ])
    expect(problems).toContain(name);
});

test("a wrong flag is told by its own name", () => {
  check({ port: "x" }, {}, { problems: ['--port must be a whole number from 0 to 65535, not "x"'] });
});

test("a server's lease, beat and grace time have defaults that fit together", () => {
  const defaults = { leaseSeconds: 30, beatSeconds: 10, drainSeconds: 10, requestsMax: 256 };
  check({}, {}, { config: defaults });
  expect(readConfig({}, {})).not.toHaveProperty("config.databasePooled");
  const given = { AZALAI_LEASE_SECONDS: "6", AZALAI_DRAIN_SECONDS: "0", AZALAI_DATABASE_POOLED: "false" };
  check({}, given, {
    config: { leaseSeconds: 6, beatSeconds: 2, drainSeconds: 0, databasePooled: false },
  });
  const wrong = { AZALAI_LEASE_SECONDS: "2", AZALAI_BEAT_SECONDS: "20", AZALAI_REQUESTS_MAX: "0" };
  check({}, wrong, {
    problems: [
      'AZALAI_LEASE_SECONDS must be a whole number from 3 to 300, not "2"',
      "AZALAI_BEAT_SECONDS must be at most half of AZALAI_LEASE_SECONDS",
      'AZALAI_REQUESTS_MAX must be a whole number from 1 to 100000, not "0"',
    ],
  });
});

test("mail is sent through the server that is named, over TLS where a password is", () => {
  const mail = (url: string) => {
    const read = readConfig({}, { AZALAI_SMTP_URL: url, AZALAI_MAIL_FROM: "azalai@example.com" });
    return "config" in read ? read.config.mail : read.problems;
  };
  const from = "azalai@example.com";
  const login = { user: "me@here", password: "p:w" };
  expect(mail("smtp://mail.example")).toEqual({ host: "mail.example", port: 587, tls: "offered", from });
  expect(mail("smtp://me%40here:p%3Aw@mail.example:25")).toEqual({
    host: "mail.example",
    port: 25,
    tls: "required",
    login,
    from,
  });
  expect(mail("smtps://me%40here:p%3Aw@[::1]")).toEqual({
    host: "::1",
    port: 465,
    tls: "at-once",
    login,
    from,
  });
  expect(mail("smtp://127.0.0.1:1025?starttls=never")).toMatchObject({ port: 1025, tls: "never" });
  for (const url of [
    "mail.example",
    "http://mail.example",
    "smtp://",
    "smtp://x?starttls=maybe",
    "smtp://me:PLANTED@",
  ])
    expect(mail(url), url).toEqual([expect.not.stringContaining("PLANTED")]);
  expect(readConfig({}, {})).not.toHaveProperty("config.mail");
  check({}, { AZALAI_SMTP_URL: "smtp://x" }, { problems: [expect.stringContaining("together")] });
  check(
    {},
    { AZALAI_SMTP_URL: "smtp://x", AZALAI_MAIL_FROM: "Azalai <azalai@example.com>" },
    { problems: [expect.stringContaining("AZALAI_MAIL_FROM")] },
  );
});

test("software of engines may not lie where nodes do not see it", () => {
  const hidden = "AZALAI_ENGINES_DIR must not lie in the data folder, which is hidden from nodes";
  check({ dataDir: "/d" }, { AZALAI_ENGINES_DIR: "/d/engines" }, { problems: [hidden] });
  check({ dataDir: "/d" }, { AZALAI_ENGINES_DIR: "/d" }, { problems: [hidden] });
  check(
    { dataDir: "/d" },
    { AZALAI_ENGINES_DIR: "/d-engines" },
    { config: { localEngines: { softwareDir: "/d-engines" } } },
  );
});

test("the clients of package indexes are given what they know, and no secret of ours", () => {
  const known = { PATH: "/bin", PIP_INDEX_URL: "x", https_proxy: "y", MAVEN_OPTS: "z" };
  const other = { AZALAI_MASTER_KEY: "m", AWS_SECRET_ACCESS_KEY: "s", NODE_OPTIONS: "n", MY_PATH: "p" };
  expect(packageClientEnvironment({ ...known, ...other, HOME: undefined })).toEqual(known);
});
