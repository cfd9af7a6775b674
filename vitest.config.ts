import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Those have a configuration of their own: vitest.engines.config.ts.
    exclude: ["test/engines/**"],
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "tools/**/*.test.ts"],
    globalSetup: ["test/setup/global.ts"],
    setupFiles: ["test/setup/each-file.ts"],
    pool: "forks",
    maxWorkers: 2,
    // What a package is about to take away fails the test that uses it.
    execArgv: ["--throw-deprecation"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A busy machine takes its time; what is waited for comes at once on a quiet one.
    expect: { poll: { timeout: 10_000 } },
  },
});
