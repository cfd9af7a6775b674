/** A way to a database over TCP that can be held up without a word, as a broken network would, or act like a pooler. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { DatabaseConnection } from "../../src/store/database.ts";

export interface Proxy {
  /** For `AZALAI_DATABASE_URL`. */
  readonly url: string;
  readonly connection: DatabaseConnection;
  /** From now on nothing passes, and nobody is told. */
  readonly stall: () => void;
  /** Lets pass what was held up, and what follows. */
  readonly resume: () => void;
}

/** Ends with the test. */
export async function startProxy(
  to: DatabaseConnection,
  { pooler = false }: { readonly pooler?: boolean } = {},
): Promise<Proxy> {
  const pairs = new Set<readonly [near: Socket, far: Socket]>();
  let stalled = false;
  const server = createServer((near) => {
    const far = connect(to.host.startsWith("/") ? { path: `${to.host}/.s.PGSQL.${to.port}` } : to);
    const pair = [near, far] as const;
    pairs.add(pair);
    const rename = pooler ? renameProcess() : (chunk: Buffer) => chunk;
    near.on("data", (chunk) => far.write(chunk));
    far.on("data", (chunk) => near.write(rename(chunk)));
    for (const [one, other] of [pair, [far, near] as const]) {
      if (stalled) one.pause();
      one.on("error", () => other.destroy());
      one.on("close", () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const sockets of pairs) for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  const { user, password, database } = to;
  return {
    url: `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
    connection: { host: "127.0.0.1", port, user, password, database },
    stall: () => {
      stalled = true;
      for (const sockets of pairs) for (const socket of sockets) socket.pause();
    },
    resume: () => {
      stalled = false;
      for (const sockets of pairs) for (const socket of sockets) socket.resume();
    },
  };
}

const KEY_MESSAGE = "K".charCodeAt(0);

/** Poolers name a process of their own in the message that begins with `K`, once for each connection. */
function renameProcess(): (chunk: Buffer) => Buffer {
  let skip = 0;
  let done = false;
  return (chunk) => {
    for (let at = skip; !done && at + 9 <= chunk.length; ) {
      if (chunk[at] === KEY_MESSAGE) {
        chunk.writeInt32BE(1, at + 5);
        done = true;
      }
      at += 1 + chunk.readInt32BE(at + 1);
      skip = Math.max(0, at - chunk.length);
    }
    return chunk;
  };
}
