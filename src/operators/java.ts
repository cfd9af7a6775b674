/** `Java`: a main class of the attempt's files (Sahara's job type; sahara-v1.1, `edp.java.main_class`). */
import { splitArguments } from "./arguments.ts";
import { placeFiles, refuse, refuseCommand, requireProperty, runCommand, settleAttempt } from "./command.ts";
import type { Operator, Work } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { runPlaced } from "./work-places.ts";

export const NO_JAVA =
  "Java is not installed on this server: install a Java runtime 17 or newer (package default-jre-headless)";

export function createJavaOperator(runner: ProcessRunner): Operator {
  return {
    types: ["Java"],
    lane: "process",
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const refusal = refuseCommand(work);
        if (refusal !== undefined) return refusal;
        requireProperty(work, "mainClass");
        return await runner.withFolder(work.projectId, async (folder) => {
          await placeFiles(work, folder, context);
          return await runPlaced(work, folder, context, async (placed) => {
            const command = { command: "java", args: javaArguments(placed), environment: placed.environment };
            const { end, outcome } = await runCommand(runner, folder, command, context);
            return end.refusal === "ENOENT" ? refuse(NO_JAVA) : outcome;
          });
        });
      }),
  };
}

/** `javaOpts` are Java's own options, as Sahara's `edp.java.java_opts`. */
function javaArguments(work: Work): string[] {
  const mainClass = requireProperty(work, "mainClass");
  const classPath = [...work.files.map((file) => file.name), "."].join(":");
  const options = splitArguments(work.properties.javaOpts ?? "");
  return [
    "-XX:-UsePerfData",
    ...options,
    "-cp",
    classPath,
    mainClass,
    ...splitArguments(work.properties.arguments ?? ""),
    ...work.args,
  ];
}
