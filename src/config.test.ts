import { expect, test } from "vitest";
import { readConfig } from "./config.ts";

function read(environment: Record<string, string>) {
  const answer = readConfig({}, environment);
  return "problems" in answer ? answer.problems : answer.config;
}

test("a server's lease, beat and grace time have defaults that fit together", () => {
  expect(read({})).toMatchObject({ leaseSeconds: 30, beatSeconds: 10, drainSeconds: 10, requestsMax: 256 });
  expect(read({})).not.toHaveProperty("databasePooled");
  expect(
    read({ AZALAI_LEASE_SECONDS: "6", AZALAI_DRAIN_SECONDS: "0", AZALAI_DATABASE_POOLED: "false" }),
  ).toMatchObject({ leaseSeconds: 6, beatSeconds: 2, drainSeconds: 0, databasePooled: false });
});

test("all that is wrong is told at once", () => {
  const wrong = {
    AZALAI_LEASE_SECONDS: "2",
    AZALAI_BEAT_SECONDS: "20",
    AZALAI_DRAIN_SECONDS: "long",
    AZALAI_REQUESTS_MAX: "0",
    AZALAI_DATABASE_POOLED: "maybe",
  };
  expect(read(wrong)).toEqual([
    'AZALAI_LEASE_SECONDS must be a whole number from 3 to 300, not "2"',
    "AZALAI_BEAT_SECONDS must be at most half of AZALAI_LEASE_SECONDS",
    'AZALAI_DRAIN_SECONDS must be a whole number from 0 to 3600, not "long"',
    'AZALAI_REQUESTS_MAX must be a whole number from 1 to 100000, not "0"',
    'AZALAI_DATABASE_POOLED must be true or false, not "maybe"',
  ]);
});
