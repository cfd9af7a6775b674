/** `Java`: a main class of the attempt's files (Sahara's job type; sahara-v1.1, `edp.java.main_class`). */
import { splitArguments } from "./arguments.ts";
import { placeFiles, refuse, refuseCommand, requireProperty, runCommand, settleAttempt } from "./command.ts";
import type { Operator, Work } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";

export function createJavaOperator(runner: ProcessRunner): Operator {
  return {
    types: ["Java"],
    lane: "process",
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        const refusal = refuseCommand(work);
        if (refusal !== undefined) return refusal;
        const args = javaArguments(work);
        return await runner.withFolder(work.projectId, async (folder) => {
          await placeFiles(work, folder, context);
          const { end, outcome } = await runCommand(
            runner,
            folder,
            { command: "java", args, environment: work.environment },
            context,
          );
          if (end.refusal !== "ENOENT") return outcome;
          return refuse(
            "Java is not installed on this server: install a Java runtime 17 or newer (package default-jre-headless)",
          );
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
