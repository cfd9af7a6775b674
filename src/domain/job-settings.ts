/** What a job is told beyond the vendor's words: the `azalai.…` keys of its custom fields, each with its rule. */

/** A rule for the text of one key. */
interface Setting<Value> {
  /** Undefined for a text against the rule. */
  readonly read: (text: string) => Value | undefined;
  /** Ends the sentence "it must be …". */
  readonly rule: string;
}

const NAME_MAX = 128;
const DAY_SECONDS = 86_400;
const CATCH_UP_SECONDS_MAX = 366 * DAY_SECONDS;

/** Every key, without its prefix. */
const SETTINGS = {
  /** A fixed time of day that the clock skips runs when the gap ends, or not on that day (docs/schedules.md). */
  missingHour: oneOf("shift", "skip"),
  /** A fixed time of day that the clock shows twice runs in the first pass, in the last one, or in both. */
  repeatedHour: oneOf("first", "last", "both"),
  /** Which of the times that came while no scheduler ran are made up for. */
  catchUp: oneOf("none", "last", "all"),
  /** How old a time may be, in seconds, to be made up for. */
  catchUpSeconds: wholeNumber(1, CATCH_UP_SECONDS_MAX),
  /** How many instances of the schedule run at a time. */
  overlap: wholeNumber(1, 128),
  /** Whether an instance beyond them waits for its turn or its time is skipped. */
  overlapPolicy: oneOf("wait", "skip"),
  /** How many of its node runs run at a time, all its instances together (docs/limits.md). */
  slots: wholeNumber(1, 100_000),
  /** The calendar on whose workdays alone the schedule runs, and which the job's expressions ask. */
  calendar: nonEmpty(NAME_MAX),
  /** Name or id of the cluster on which nodes run that may run on one (docs/clusters.md). */
  cluster: nonEmpty(NAME_MAX),
  /** Whether each attempt has a process or session of its own, or one that serves others of the same user too. */
  session: oneOf("clean", "warm"),
  /** Python modules that a warm interpreter has loaded before the first program, parted by commas. */
  preload: moduleNames(16),
  /** What a node leaves: what expressions read, or a table with its columns (docs/operators.md). */
  output: oneOf("rows", "table"),
  /** How long an instance may wait for others, in minutes, before it fails (docs/failure-policies.md). */
  waitMinutes: wholeNumber(1, 366 * 1440),
  /** How long a real-time node has to live, in seconds, until it counts as up and those behind it begin. */
  upSeconds: wholeNumber(0, 3600),
  /** Whether a real-time node that ended without fault is begun again. */
  restart: oneOf("always", "on-failure"),
  /** Restarts of a real-time node within a window, beyond which it is held until somebody acts. */
  restartsMax: wholeNumber(0, 10_000),
  restartWindowSeconds: wholeNumber(1, DAY_SECONDS),
  /** How long a real-time node that is to stop may take, in seconds, before it is killed. */
  stopGraceSeconds: wholeNumber(0, 3600),
  /** Whether a real-time node goes on from the newest savepoint or checkpoint of its work on a cluster. */
  resume: oneOf("newest", "none"),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

/** The settings that a node may have for itself, as properties; they go before those of its job. */
const NODE_KEYS = [
  "cluster",
  "session",
  "preload",
  "output",
  "upSeconds",
  "restart",
  "restartsMax",
  "restartWindowSeconds",
  "stopGraceSeconds",
  "resume",
] as const satisfies readonly (keyof typeof SETTINGS)[];

/** The settings that a job was given; those that it was not stand in `SETTING_DEFAULTS`. */
export type JobSettings = {
  readonly [Key in keyof typeof SETTINGS]?: NonNullable<ReturnType<(typeof SETTINGS)[Key]["read"]>>;
};

/** What counts where a job says nothing; a setting without a default stays absent. */
export const SETTING_DEFAULTS = {
  missingHour: "shift",
  repeatedHour: "first",
  // Missed times are not made up, as the wire says: dataarts-factory 4.8.
  catchUp: "none",
  catchUpSeconds: 86_400,
  // Source: dataarts-factory 4.8.
  overlap: 5,
  overlapPolicy: "wait",
  upSeconds: 1,
  restart: "always",
  restartsMax: 10,
  restartWindowSeconds: 600,
  stopGraceSeconds: 10,
  resume: "newest",
  session: "clean",
  output: "rows",
} as const satisfies JobSettings;

const PREFIX = "azalai.";

/** The settings among a job's custom fields, and everything that is wrong with them; other fields are the user's own. */
export function readJobSettings(fields: Readonly<Record<string, unknown>>): {
  readonly settings: JobSettings;
  readonly problems: readonly string[];
} {
  const settings: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [field, value] of Object.entries(fields)) {
    if (!field.startsWith(PREFIX)) continue;
    const key = field.slice(PREFIX.length);
    if (!isKey(key)) {
      problems.push(`${field}: is no setting; there are ${Object.keys(SETTINGS).join(", ")}`);
      continue;
    }
    const { read, rule } = SETTINGS[key];
    const given = read(typeof value === "string" ? value.trim() : String(value));
    if (given === undefined) problems.push(`${field}: must be ${rule}`);
    else settings[key] = given;
  }
  return { settings, problems };
}

/** The settings among a node's properties; other properties are not looked at. */
export function readNodeSettings(properties: Readonly<Record<string, string>>): {
  readonly settings: Pick<JobSettings, (typeof NODE_KEYS)[number]>;
  readonly problems: readonly string[];
} {
  if (!Object.keys(properties).some((name) => name.startsWith(PREFIX))) return { settings: {}, problems: [] };
  const given = NODE_KEYS.map((key) => [`${PREFIX}${key}`, properties[`${PREFIX}${key}`] ?? ""] as const);
  return readJobSettings(Object.fromEntries(given.filter(([, value]) => value !== "")));
}

function isKey(key: string): key is keyof typeof SETTINGS {
  return Object.hasOwn(SETTINGS, key);
}

function oneOf<const Word extends string>(...words: readonly Word[]): Setting<Word> {
  return { read: (text) => words.find((word) => word === text), rule: `one of ${words.join(", ")}` };
}

function wholeNumber(least: number, most: number): Setting<number> {
  return {
    read: (text) =>
      /^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined,
    rule: `a whole number from ${least} to ${most}`,
  };
}

function moduleNames(most: number): Setting<readonly string[]> {
  return {
    read: (text) => {
      const names = text.split(",").map((name) => name.trim());
      return names.length <= most && names.every((name) => /^[A-Za-z_][\w.]{0,99}$/.test(name))
        ? names
        : undefined;
    },
    rule: `names of at most ${most} Python modules, parted by commas`,
  };
}

function nonEmpty(lengthMax: number): Setting<string> {
  return {
    read: (text) => (text !== "" && text.length <= lengthMax ? text : undefined),
    rule: `a text of 1 to ${lengthMax} characters`,
  };
}
