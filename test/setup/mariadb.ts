/** A real MariaDB server for tests, from the programs that Debian's package mariadb-server-core brings. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Connection, createConnection } from "mysql2/promise";
import { makeCertificates } from "./certificates.ts";
import { findProgram, freePort, missingOf } from "./programs.ts";

const START_MAX_MS = 60_000;
const NOBODY = 65_534;

export interface MariadbServer {
  /** What a connection of type `RDS` says to reach it, as a user who may do all. */
  readonly config: Readonly<Record<string, string | number>>;
  /** Signs the server's certificate. */
  readonly ca: string;
  /** Rows of one statement, by a session of the test's own. */
  readonly query: (sql: string) => Promise<readonly (readonly unknown[])[]>;
  /** Ends it as a machine ends that loses its power. */
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Why no server can run here; undefined when one can. */
export async function mariadbMissing(): Promise<string | undefined> {
  if ((await findProgram("mariadbd")) === undefined) return "mariadb-server-core is not installed";
  return await missingOf({ openssl: "version" });
}

/** On a free port of the loopback, with a database `shop` and TLS for those who ask for it. */
export async function startMariadb(): Promise<MariadbServer> {
  const folder = await mkdtemp(join(tmpdir(), "azalai-mariadb-"));
  const port = await freePort();
  const { ca, cert, key } = await makeCertificates();
  const tls = { "server.crt": cert, "server.key": key };
  for (const [name, text] of Object.entries(tls)) await writeFile(join(folder, name), text);
  // It refuses to run as root.
  const asRoot = process.getuid?.() === 0;
  const user = asRoot ? ["--user=nobody"] : [];
  if (asRoot) for (const name of ["", ...Object.keys(tls)]) await chown(join(folder, name), NOBODY, NOBODY);
  const data = join(folder, "data");
  await mkdir(data);
  if (asRoot) await chown(data, NOBODY, NOBODY);
  const small = ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M"];
  const base = ["--no-defaults", `--datadir=${data}`, ...user, ...small];
  const program = (await findProgram("mariadbd")) ?? "mariadbd";
  await makeSystemTables(program, base);
  const init = join(folder, "init.sql");
  await writeFile(
    init,
    // A statement a line: it reads no other.
    [
      "create database shop;",
      "create user ann@'127.0.0.1' identified by 'secret-of-ann';",
      "grant all on *.* to ann@'127.0.0.1';\n",
    ].join("\n"),
  );
  if (asRoot) await chown(init, NOBODY, NOBODY);
  const server = spawn(
    program,
    [
      ...base,
      ...["--bind-address=127.0.0.1", `--port=${port}`, `--socket=${join(folder, "socket")}`],
      ...[`--pid-file=${join(folder, "pid")}`, `--init-file=${init}`, "--skip-name-resolve"],
      ...[`--ssl-cert=${join(folder, "server.crt")}`, `--ssl-key=${join(folder, "server.key")}`],
      ...["--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"],
    ],
    { stdio: "ignore" },
  );
  const kill = async () => {
    const ended = server.exitCode === null && server.signalCode === null ? once(server, "exit") : undefined;
    server.kill("SIGKILL");
    await ended;
  };
  const login = { host: "127.0.0.1", port, user: "ann", password: "secret-of-ann", database: "shop" };
  try {
    await untilUp(() => createConnection(login));
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    config: {
      ip: "127.0.0.1",
      port,
      userName: "ann",
      password: login.password,
      database: "shop",
      driverName: "mariadb",
    },
    ca,
    query: async (sql) => {
      const connection = await createConnection({ ...login, rowsAsArray: true });
      try {
        const [rows] = await connection.query(sql);
        return Array.isArray(rows) ? (rows as unknown[][]) : [];
      } finally {
        await connection.end();
      }
    },
    kill,
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What mariadb-install-db does, which wants programs of further packages. */
async function makeSystemTables(program: string, options: readonly string[]): Promise<void> {
  const files = ["mysql_system_tables", "mysql_performance_tables", "mysql_system_tables_data"];
  const texts = files.map((name) => readFile(`/usr/share/mysql/${name}.sql`, "utf8"));
  const made = spawn(program, [...options, "--bootstrap"], { stdio: ["pipe", "ignore", "ignore"] });
  made.stdin.end(["create database mysql;", "use mysql;", ...(await Promise.all(texts))].join("\n"));
  const [code] = await once(made, "exit");
  if (code !== 0) throw new RangeError(`mariadbd --bootstrap ended with ${code}`);
}

async function untilUp(dial: () => Promise<Connection>): Promise<void> {
  const end = Date.now() + START_MAX_MS;
  for (;;) {
    try {
      await (await dial()).end();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await delay(100);
    }
  }
}
