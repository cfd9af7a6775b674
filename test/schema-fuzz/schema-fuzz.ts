/**
 * `npm run schema-fuzz -- --requests 20000 [--seed 7]`: sends that many requests made from the service's OpenAPI page, half of
 * them without a log-in; fails when an answer is not what the page promises.
 */
import { parseArgs } from "node:util";
import { startService } from "../setup/service.ts";
import { fuzzSchema } from "./rounds.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "20000" }, seed: { type: "string", default: "1" } },
});
const requests = Number(values.requests);
const seed = Number(values.seed);
if (!(requests >= 1 && requests <= 10_000_000) || !Number.isSafeInteger(seed))
  throw new RangeError("--requests takes a number up to 10000000, --seed a whole number");

const METRICS_TOKEN = "metrics-of-the-fuzz";
const service = await startService({
  env: { AZALAI_LOCAL_COMMANDS: "false", AZALAI_METRICS_TOKEN: METRICS_TOKEN },
});
try {
  const result = await fuzzSchema(service, { requests, seed });
  console.log(await statusesOf(service.url));
  for (const finding of result.findings) console.log(finding);
  console.log(
    `${result.requests} requests from seed ${seed}: ` +
      (result.findings.length === 0
        ? "each answer is as the page says"
        : "some answers are not as the page says"),
  );
  process.exitCode = result.findings.length === 0 ? 0 : 1;
} finally {
  await service.remove();
}

/** How often each status was answered, for whoever doubts that the requests reached anything. */
async function statusesOf(url: string): Promise<string> {
  const counted = (
    await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })).text()
  ).matchAll(/^azalai_http_request_seconds_count{face="factory",method="(\w+)",status="(\d+)"} (\d+)$/gm);
  return [...counted].map(([, method, status, count]) => `${method} ${status}: ${count}`).join(", ");
}
