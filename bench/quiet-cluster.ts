/** A cluster that takes any job and runs none, in a process of its own so that its cost is not measured. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

const jobs: { readonly submission_id: string; readonly status: string; readonly message: string }[] = [];
let requests = 0;

function say(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

const server = createServer(async (request, response) => {
  requests += 1;
  const { method, url = "" } = request;
  const body = await buffer(request);
  if (method === "POST" && url === "/api/jobs/") {
    const { submission_id } = JSON.parse(body.toString());
    jobs.push({ submission_id, status: "RUNNING", message: "Job is currently running." });
    say(response, 200, { submission_id });
  } else if (url === "/requests") say(response, 200, requests);
  else if (url === "/api/jobs/") say(response, 200, jobs);
  else if (url.endsWith("/logs")) say(response, 200, { logs: "begun\n" });
  else if (url.startsWith("/api/packages/")) say(response, 200, {});
  else {
    const job = jobs.find(({ submission_id: id }) => url === `/api/jobs/${id}`);
    say(response, job === undefined ? 404 : 200, job ?? {});
  }
});
server.listen(0, "127.0.0.1", () => {
  process.send?.((server.address() as AddressInfo).port);
});
