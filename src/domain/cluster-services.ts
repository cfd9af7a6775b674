/** The services of a cluster: what of it may be asked for work, for files or for rows, and where each is. */

export type JsonObject = { readonly [name: string]: unknown };

/** One cluster has as many of them as it has; addresses are `http` or `https` without a user's name or password. */
export interface ClusterServices {
  readonly yarn?: {
    readonly resourceManager: string;
    readonly historyServer?: string;
    readonly user?: string;
    readonly queue?: string;
  };
  readonly hdfs?: { readonly webhdfs: string; readonly defaultFs: string; readonly user?: string };
  readonly spark?: {
    /** Of the submission server. */
    readonly rest: string;
    /** `spark://host:port` */
    readonly master: string;
    readonly ui: string;
  };
  readonly hive?: {
    readonly host: string;
    readonly port: number;
    readonly auth?: HiveAuth;
    readonly user?: string;
    readonly password?: string;
    readonly tls?: boolean;
    readonly database?: string;
  };
  readonly flink?: { readonly rest: string; readonly sqlGateway?: string };
  readonly ray?: { readonly dashboard: string };
  /** Name of the connection whose buckets the cluster reads and writes by itself. */
  readonly s3?: { readonly connection: string };
}
export type ClusterService = keyof ClusterServices;

const HIVE_AUTHS = ["none", "nosasl", "ldap"] as const;
export type HiveAuth = (typeof HIVE_AUTHS)[number];

interface Member {
  readonly required: boolean;
  /** Ends the sentence "it must be …". */
  readonly rule: string;
  readonly holds: (value: unknown) => boolean;
}

const TEXT_MAX = 1024;

const SERVICES = {
  yarn: {
    resourceManager: required(webAddress()),
    historyServer: webAddress(),
    user: word(),
    queue: word(),
  },
  hdfs: { webhdfs: required(webAddress()), defaultFs: required(address("hdfs:", "viewfs:")), user: word() },
  spark: {
    rest: required(webAddress()),
    master: required(address("spark:")),
    ui: required(webAddress()),
  },
  hive: {
    host: required(word()),
    port: required({
      required: false,
      rule: "a port",
      holds: (value) => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536,
    }),
    auth: {
      required: false,
      rule: `one of ${HIVE_AUTHS.join(", ")}`,
      holds: (value) => HIVE_AUTHS.some((auth) => auth === value),
    },
    user: word(),
    password: { required: false, rule: `a text of 1 to ${TEXT_MAX} characters`, holds: isText },
    tls: { required: false, rule: "true or false", holds: (value) => typeof value === "boolean" },
    database: word(),
  },
  flink: { rest: required(webAddress()), sqlGateway: webAddress() },
  ray: { dashboard: required(webAddress()) },
  s3: { connection: required(word()) },
} as const satisfies Readonly<Record<ClusterService, Readonly<Record<string, Member>>>>;

const CLUSTER_SERVICES = Object.keys(SERVICES) as readonly ClusterService[];

/** Everything that is wrong with what somebody gives as a cluster's services; it has at least one. */
export function checkClusterServices(given: JsonObject): string[] {
  const named = Object.entries(given);
  if (named.length === 0) return [`services: at least one of ${CLUSTER_SERVICES.join(", ")}`];
  return named.flatMap(([name, members]) => checkService(name, members));
}

function checkService(name: string, given: unknown): string[] {
  if (!isService(name)) return [`services.${name}: is no service; there are ${CLUSTER_SERVICES.join(", ")}`];
  if (typeof given !== "object" || given === null) return [`services.${name}: must be an object`];
  const members: Readonly<Record<string, Member>> = SERVICES[name];
  const values = new Map<string, unknown>(Object.entries(given));
  const unknown = [...values.keys()].filter((member) => !Object.hasOwn(members, member));
  return [
    ...unknown.map((member) => `services.${name}.${member}: is no member of it`),
    ...Object.entries(members).flatMap(([member, { required: needed, rule, holds }]) => {
      const value = values.get(member);
      const good = value === undefined ? !needed : holds(value);
      return good ? [] : [`services.${name}.${member}: must be ${rule}`];
    }),
  ];
}

function isService(name: string): name is ClusterService {
  return Object.hasOwn(SERVICES, name);
}

function required(member: Member): Member {
  return { ...member, required: true };
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "" && value.length <= TEXT_MAX;
}

/** Without blanks: it stands in addresses, headers and settings. */
function word(): Member {
  return {
    required: false,
    rule: `a text of 1 to ${TEXT_MAX} characters without blanks`,
    holds: (value) => isText(value) && !/[\s\p{Cc}]/u.test(String(value)),
  };
}

function webAddress(): Member {
  return address("http:", "https:");
}

/** Whose words are no place for a password: they are shown, and stand in logs. */
function address(...protocols: readonly string[]): Member {
  return {
    required: false,
    rule: `an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}, without a user or a password`,
    holds: (value) => {
      if (!isText(value) || /[\s\p{Cc}]/u.test(String(value)) || !URL.canParse(String(value))) return false;
      const url = new URL(String(value));
      return (
        protocols.includes(url.protocol) && url.host !== "" && url.username === "" && url.password === ""
      );
    },
  };
}
