/** The files that a Spark program is made of: which of them is the program, and what Spark is told of the others. */
import { Fault } from "../domain/fault.ts";
import { freeFileName, placedNames } from "./command.ts";
import type { Work } from "./operator.ts";
import { programText } from "./program-text.ts";
import type { SparkProgram } from "./spark-program.ts";

/** What Spark is given as the program. */
export interface SparkMain {
  /** In the attempt's folder. */
  readonly name: string;
  /** Of a script or a statement; absent for a file. */
  readonly text?: string;
  readonly isPython: boolean;
}

export interface SparkFiles {
  readonly main: SparkMain;
  /** The work with all files of its program among those that `placeFiles` places. */
  readonly work: Work;
  /** `spark.…` settings that name the others. */
  readonly confs: Readonly<Record<string, string>>;
}

/** Fault `reference-invalid` where there is nothing to run, and for names that Spark would take for several. */
export function sparkFilesOf(work: Work, program: SparkProgram): SparkFiles {
  const { resourcePath = "", files = "" } = work.properties;
  const paths = [resourcePath, files, ...program.jars, ...program.pyFiles, ...program.files];
  const listed = [...new Set(paths.filter((path) => path !== ""))].join("\n");
  const whole = { ...work, properties: { ...work.properties, files: listed } };
  const main = mainOf(whole);
  const others = placedNames(whole).filter((name) => name !== main.name);
  return { main, work: whole, confs: listsOf(others, main.isPython) };
}

/** Sahara's jar stands in the mains or, as MapReduce Service has it, in the libraries (mrs-v1.1 4). */
function mainOf(work: Work): SparkMain {
  const path = work.properties.resourcePath ?? "";
  const file = work.files.find(({ use }) => use === "main") ?? work.files[0];
  const name = path === "" ? file?.name : path.slice(path.lastIndexOf("/") + 1);
  if (name !== undefined) return { name, isPython: name.endsWith(".py") };
  const text = programText(work);
  return { name: freeFileName(work, "script.py"), ...(text !== undefined && { text }), isPython: true };
}

const MODULES = /\.(?:py|zip|egg)$/;

function listsOf(names: readonly string[], isPython: boolean): Record<string, string> {
  const strange = names.find((name) => /[,#]/.test(name));
  if (strange !== undefined)
    throw new Fault("invalid", "reference-invalid", `Spark takes no file called "${strange}".`);
  const jars = names.filter((name) => name.endsWith(".jar"));
  const modules = isPython ? names.filter((name) => MODULES.test(name)) : [];
  const rest = names.filter((name) => !jars.includes(name) && !modules.includes(name));
  const lists = { "spark.jars": jars, "spark.submit.pyFiles": modules, "spark.files": rest };
  return Object.fromEntries(
    Object.entries(lists)
      .filter(([, list]) => list.length > 0)
      .map(([conf, list]) => [conf, list.join(",")]),
  );
}
