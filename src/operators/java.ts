/** `Java`: a main class of the attempt's files (Sahara's job type; sahara-v1.1, `edp.java.main_class`). */
import { splitArguments } from "./arguments.ts";
import type { ClusterAdapters } from "./cluster-adapters.ts";
import {
  type NodeCommand,
  placeFiles,
  refuse,
  refuseCommand,
  requireProperty,
  runCommand,
  settleAttempt,
} from "./command.ts";
import { commandLane, isElsewhere, runElsewhere } from "./command-elsewhere.ts";
import type { Operator, Work } from "./operator.ts";
import type { ProcessRunner } from "./process.ts";
import { runPlaced } from "./work-places.ts";

export const NO_JAVA =
  "Java is not installed on this server: install a Java runtime 17 or newer (package default-jre-headless)";

export function createJavaOperator(runner: ProcessRunner, clusters: ClusterAdapters): Operator {
  return {
    types: ["Java"],
    lane: commandLane,
    hasCluster: true,
    run: (work, context) =>
      settleAttempt(context.signal, async () => {
        requireProperty(work, "mainClass");
        if (isElsewhere(work))
          return await runElsewhere(clusters, { command: javaCommand(work) }, work, context);
        const refusal = refuseCommand(work);
        if (refusal !== undefined) return refusal;
        return await runner.withFolder(work.projectId, async (folder) => {
          await placeFiles(work, folder, context);
          return await runPlaced(work, folder, context, async (placed) => {
            const { end, outcome } = await runCommand(runner, folder, javaCommand(placed), context);
            return end.refusal === "ENOENT" ? refuse(NO_JAVA) : outcome;
          });
        });
      }),
  };
}

function javaCommand(work: Work): NodeCommand {
  return { command: "java", args: javaArguments(work), environment: work.environment };
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
