/** A web address that notices are posted to: what came, and what it answers. */
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  /** Such as `http://127.0.0.1:40577`. */
  readonly url: string;
  readonly received: readonly Received[];
  /** Resolves when so many calls have come. */
  readonly count: (calls: number) => Promise<readonly Received[]>;
}

/** Answers 204 where `answer` does nothing else. */
export async function startReceiver(
  answer: (call: Received, response: ServerResponse) => void = (_, response) => response.writeHead(204).end(),
  { host = "127.0.0.1", port = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const looks = new Set<() => void>();
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const call = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
    received.push(call);
    for (const look of looks) look();
    answer(call, response);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    received,
    count: (calls) =>
      new Promise((resolve) => {
        const look = () => {
          if (received.length >= calls) resolve(received);
        };
        looks.add(look);
        look();
      }),
  };
}

/** Whether the call bears the signature that a receiver with `secret` expects, as docs/notices.md tells it to look. */
export function isSigned({ headers, body }: Received, secret: string): boolean {
  const header = String(headers["x-azalai-signature"]);
  const [, seconds = "", signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  return createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex") === signature;
}
