import { defineConfig } from "vitest/config";

/** Tests that start real Spark, Hadoop and Flink: one file at a time, since each engine wants the machine for itself. */
export default defineConfig({
  test: {
    include: ["test/engines/**/*.test.ts"],
    globalSetup: ["test/setup/global.ts"],
    setupFiles: ["test/setup/each-file.ts"],
    pool: "forks",
    maxWorkers: 1,
    execArgv: ["--throw-deprecation"],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
