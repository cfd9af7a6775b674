/** The short form of `npm run schema-fuzz`. */
import { expect, onTestFinished, test } from "vitest";
import { fuzzSchema } from "./schema-fuzz/rounds.ts";
import { startService } from "./setup/service.ts";

test("requests made from the OpenAPI page get answers that it promises", { timeout: 300_000 }, async () => {
  const service = await startService({ env: { AZALAI_LOCAL_COMMANDS: "false" } });
  onTestFinished(() => service.remove());
  const { requests, findings } = await fuzzSchema(service, { requests: 300, seed: 1, short: true });
  expect(requests).toBeGreaterThanOrEqual(300);
  expect(findings).toEqual([]);
});
