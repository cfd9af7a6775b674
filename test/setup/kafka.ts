/** A real Kafka broker for tests: Apache Kafka in KRaft mode, its jars resolved by Maven once for all tests. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Admin, Producer, stringSerializers } from "@platformatic/kafka";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { freePort, missingOf } from "./programs.ts";

const VERSION = "4.1.0";
const CACHE = join(import.meta.dirname, "../../.cache");
const START_MAX_MS = 120_000;
const STARTED = /Kafka Server started|Transition from STARTING to STARTED/;

export interface KafkaBroker {
  /** `127.0.0.1:…` */
  readonly address: string;
  /** As `address`, for user `ann` with password `secret`, by PLAIN and SCRAM-SHA-256. */
  readonly securedAddress: string;
  /** As `securedAddress`, over TLS with a certificate for its address, signed by `ca`. */
  readonly tlsAddress: string;
  readonly ca: string;
  readonly createTopic: (topic: string, partitions?: number) => Promise<void>;
  /** In one request to one partition, 0 unless said otherwise. */
  readonly send: (topic: string, values: readonly string[], partition?: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Why no broker can run here; undefined when one can. */
export async function kafkaMissing(): Promise<string | undefined> {
  return await missingOf({ java: "-version", mvn: "-version", openssl: "version" });
}

/** On free ports of the loopback; it advertises the host that is given. */
export async function startKafka(advertisedHost = "127.0.0.1"): Promise<KafkaBroker> {
  const jars = join(await resolveJars(), "*");
  const folder = await mkdtemp(join(tmpdir(), "azalai-kafka-"));
  const [port, secured, tls, controller] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const certificates = await makeCertificates();
  const keystore = await writeKeystore(folder, certificates);
  const properties = join(folder, "server.properties");
  await writeFile(properties, settings({ port, secured, tls, controller, folder, keystore, advertisedHost }));
  const log = join(folder, "log4j2.properties");
  await writeFile(log, LOG);
  const java = ["-Xmx256m", "-XX:TieredStopAtLevel=1", `-Dlog4j2.configurationFile=${log}`, "-cp", jars];
  const cluster = Buffer.alloc(16, 7).toString("base64url");
  await promisify(execFile)("java", [
    ...java,
    "kafka.tools.StorageTool",
    "format",
    "-t",
    cluster,
    "-c",
    properties,
    "--add-scram",
    "SCRAM-SHA-256=[name=ann,password=secret]",
  ]);
  const broker = spawn("java", [...java, "kafka.Kafka", properties], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    await startOf(broker.stdout, once(broker, "exit"));
  } catch (error) {
    broker.kill("SIGKILL");
    throw error;
  }
  const client = { clientId: "test", bootstrapBrokers: [`127.0.0.1:${port}`], retries: 20, retryDelay: 100 };
  const admin = new Admin(client);
  const producer = new Producer({ ...client, serializers: stringSerializers });
  return {
    address: `127.0.0.1:${port}`,
    securedAddress: `127.0.0.1:${secured}`,
    tlsAddress: `127.0.0.1:${tls}`,
    ca: certificates.ca,
    createTopic: async (topic, partitions = 1) =>
      void (await admin.createTopics({ topics: [topic], partitions, replicas: 1 })),
    send: async (topic, values, partition = 0) =>
      void (await producer.send({ messages: values.map((value) => ({ topic, value, partition })) })),
    stop: async () => {
      await Promise.allSettled([admin.close(), producer.close()]);
      const ended = broker.exitCode === null ? once(broker, "exit") : undefined;
      broker.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As the broker reads it: the key in PKCS #8, behind it the certificate. */
async function writeKeystore(folder: string, { key, cert }: Certificates): Promise<string> {
  const keystore = join(folder, "keystore.pem");
  await writeFile(keystore, `${key}${cert}`);
  return keystore;
}

interface BrokerSettings {
  readonly port: number;
  readonly secured: number;
  readonly tls: number;
  readonly controller: number;
  readonly folder: string;
  readonly keystore: string;
  readonly advertisedHost: string;
}

function settings(broker: BrokerSettings): string {
  const { port, secured, tls, controller, folder, keystore, advertisedHost } = broker;
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://127.0.0.1:${secured},SASL_SSL://127.0.0.1:${tls},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://${advertisedHost}:${port},SASL_PLAINTEXT://${advertisedHost}:${secured},SASL_SSL://${advertisedHost}:${tls}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location=${keystore}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
${logins("sasl_plaintext")}
${logins("sasl_ssl")}
controller.listener.names=CONTROLLER
log.dirs=${folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
`;
}

function logins(listener: string): string {
  const security = "org.apache.kafka.common.security";
  return `listener.name.${listener}.plain.sasl.jaas.config=${security}.plain.PlainLoginModule required user_ann="secret";
listener.name.${listener}.scram-sha-256.sasl.jaas.config=${security}.scram.ScramLoginModule required;`;
}

const LOG = `rootLogger.level=info
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%m%n
`;

/** Resolves when the broker says that it has started. */
function startOf(output: NodeJS.ReadableStream, ended: Promise<unknown[]>): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (why: string) => reject(new RangeError(`the broker ${why}:\n${text.slice(-5000)}`));
    const timer = setTimeout(fail, START_MAX_MS, "has not started");
    output.on("data", (chunk) => {
      text += chunk;
      if (!STARTED.test(text)) return;
      clearTimeout(timer);
      resolve();
    });
    void ended.then(([code]) => fail(`ended with ${code}`));
  });
}

/** The folder of Kafka's jars. */
async function resolveJars(): Promise<string> {
  const jars = join(CACHE, `kafka-${VERSION}`);
  const there = await access(jars).then(
    () => true,
    () => false,
  );
  if (there) return jars;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, "kafka-unfinished-"));
  await writeFile(join(folder, "pom.xml"), POM);
  await promisify(execFile)("mvn", ["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"], {
    cwd: folder,
  });
  await rename(join(folder, "jars"), jars).catch(() => access(jars));
  await rm(folder, { recursive: true, force: true });
  return jars;
}

const dependency = (group: string, artifact: string, version: string) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;

const POM = `<project><modelVersion>4.0.0</modelVersion>
<groupId>azalai.test</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>${dependency("org.apache.kafka", "kafka_2.13", VERSION)}
${dependency("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3")}</dependencies></project>`;
