/** The measured process: a whole server that tells its parent its address, and its usage when asked. */
import { readConfig } from "../src/config.ts";
import { serve } from "../src/main.ts";

const read = readConfig({}, process.env);
if ("problems" in read) throw new Error(read.problems.join("; "));
const server = await serve(read.config);
process.on("SIGTERM", () => void server.stop().then(() => process.exit(0)));
process.on("disconnect", () => void server.stop().then(() => process.exit(0)));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicroseconds: user + system, residentBytes: process.memoryUsage.rss() });
});
process.send?.({ url: server.url });
