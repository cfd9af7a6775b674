/** House rules that no other tool holds: how files open, how long and how they are named, what may stand where. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { expect, test } from "vitest";

interface Rule {
  readonly name: string;
  /** Which of the repository's files it is about. */
  readonly about: (path: string) => boolean;
  readonly allows: (file: TextFile) => boolean;
  /** A file that the rule must refuse: a rule that refuses nothing holds nothing. */
  readonly refused: TextFile;
}

interface TextFile {
  readonly path: string;
  readonly text: string;
}

const ROOT = dirname(import.meta.dirname);
const LINES_MAX = 500;

const isCode = (path: string) => /\.(ts|tsx|mjs)$/.test(path);
const isOurs = (path: string) => isCode(path) && /^(src|test|tools|bench|bin|console)\//.test(path);
const isSource = (path: string) =>
  path.startsWith("src/") && path.endsWith(".ts") && !path.endsWith(".test.ts");
const sourceBut =
  (...exempt: string[]) =>
  (path: string) =>
    isSource(path) && !exempt.some((start) => path.startsWith(start));

const VAGUE = ["util", "utils", "helper", "helpers", "common", "misc", "manager", "shared", "types", "index"];

const SQL = new RegExp(
  /["'`]\s*/.source +
    /(select\s[^"'`]*\sfrom\s|insert into\s|update \w+ set\s|delete from\s|(create|alter|drop) (table|database|role|index)\s)/
      .source,
);

/** Written apart, so that this file does not hold what it looks for. */
const MACHINE_PATH = new RegExp(`(^|[^\\w.~-])/(${["work", "root"].join("|")})/`, "m");
const REGISTRY = new RegExp(
  [
    ["registry", "npmjs", "org"],
    ["registry", "yarnpkg", "com"],
    ["pypi", "org"],
    ["pythonhosted", "org"],
    ["maven", "apache", "org"],
    ["repo1", "maven"],
    ["crates", "io"],
    ["proxy", "golang", "org"],
    ["deb", "debian", "org"],
  ]
    .map((parts) => parts.join("\\."))
    .join("|"),
);

const RULES: readonly Rule[] = [
  {
    name: "a source file opens with a sentence about what it is for",
    about: (path) => isOurs(path) && !path.endsWith(".test.ts"),
    allows: ({ text }) => /^(#!.*\n)?\/\*\*(?:(?!\*\/)[\s\S])*[.:]\s*\*\//.test(text),
    refused: { path: "src/a.ts", text: 'import { b } from "./b.ts";\n' },
  },
  {
    name: `a file has at most ${LINES_MAX} lines`,
    about: isOurs,
    allows: ({ text }) => text.split("\n").length <= LINES_MAX + 1,
    refused: { path: "src/a.ts", text: "\n".repeat(LINES_MAX + 1) },
  },
  {
    name: "a file's name says what it holds",
    about: isOurs,
    allows: ({ path }) => !VAGUE.includes(basename(path, extname(path)).replace(".test", "")),
    refused: { path: "src/store/helpers.ts", text: "" },
  },
  {
    name: "SQL stands in store and operators only",
    about: sourceBut("src/store/", "src/operators/"),
    allows: ({ text }) => !SQL.test(text),
    refused: { path: "src/api/a.ts", text: 'query(db, "select id from job where id = $1")' },
  },
  {
    name: "the environment is read in config.ts only",
    about: sourceBut("src/config.ts"),
    allows: ({ text }) => !withoutComments(text).includes("process.env"),
    refused: { path: "src/api/a.ts", text: "const home = process.env.HOME;" },
  },
  {
    name: "the clock is read in main.ts only",
    about: sourceBut("src/main.ts"),
    allows: ({ text }) => !/\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()/.test(withoutComments(text)),
    refused: { path: "src/api/a.ts", text: "const now = new Date();" },
  },
  {
    name: "no file names a folder of one machine",
    about: isKept,
    allows: ({ text }) => !MACHINE_PATH.test(text),
    refused: { path: "README.md", text: `see ${["", "root", "notes"].join("/")}` },
  },
  {
    name: "no file names a registry's host",
    about: isKept,
    allows: ({ text }) => !REGISTRY.test(text),
    refused: {
      path: "package-lock.json",
      text: `"resolved": "https://${["registry", "npmjs", "org"].join(".")}/a"`,
    },
  },
];

const files = repositoryFiles();

test.each(RULES)("$name", ({ about, allows, refused }) => {
  const looked = files.filter(about);
  expect(looked, "the rule looked at nothing").not.toEqual([]);
  expect(allows(refused), "the rule refuses nothing").toBe(false);
  expect(looked.filter((path) => !allows(readText(path)))).toEqual([]);
});

/** What is committed, or would be. */
function repositoryFiles(): string[] {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const paths = execFileSync("git", list, { cwd: ROOT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 }).split(
    "\0",
  );
  return paths.filter((path) => path !== "" && existsSync(join(ROOT, path)));
}

function readText(path: string): TextFile {
  return { path, text: readFileSync(join(ROOT, path), "utf8") };
}

/** Pictures and other data that is not text hold no words of ours. */
function isKept(path: string): boolean {
  return !/\.(png|jpg|gif|ico|woff2|parquet|jar|zip|gz)$/.test(path);
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
}
