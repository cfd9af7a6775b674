/** `azalai expressions`: tries an expression in a world like a job's. */
import type { Command } from "commander";
import type { ExpressionResult } from "../api/console/expression-wire.ts";
import { connectFor, nameAndValue, wantsJson, wholeNumber } from "./commands.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { printResult } from "./terminal.ts";

export function addExpressionsCommands(program: Command): void {
  program
    .command("expressions")
    .description("what expressions give: evaluate")
    .command("evaluate")
    .argument("<text>", "such as 'sales_#{Job.getPlanTime(\"yyyyMMdd\")}'")
    .description("the text as a node would get it; refused with place and cause where it cannot be read")
    .option("--condition", "the text is a node's condition: true or false")
    .option("--job <name>", "with this job's parameters, zone and calendar")
    .option("--param <name=value>", "a parameter of the run (again for more)", nameAndValue)
    .option("--script-param <name=value>", "an argument of a script (again for more)", nameAndValue)
    .option("--plan-time <time>", "such as 2026-11-23T08:00Z; now where absent")
    .option("--zone <name>", "such as Asia/Shanghai; the job's or the server's where absent")
    .option("--output <node=text>", "what a node before it left (again for more)", nameAndValue)
    .option("--status <node=status>", "success or fail, of a node before it (again for more)", nameAndValue)
    .option("--rows <json>", "the rows of a loop")
    .option("--offset <n>", "which of them is the present one, from 0", wholeNumber(0), 0)
    .option("--event <text>", "the message that started the run")
    .action(evaluate);
}

type Named = Readonly<Record<string, string>>;

interface EvaluateOptions {
  readonly condition?: boolean;
  readonly job?: string;
  readonly param?: Named;
  readonly scriptParam?: Named;
  readonly planTime?: string;
  readonly zone?: string;
  readonly output?: Named;
  readonly status?: Named;
  readonly rows?: string;
  readonly offset: number;
  readonly event?: string;
}

async function evaluate(text: string, options: EvaluateOptions, command: Command): Promise<void> {
  const client = await connectFor(command);
  const { condition, job, param, scriptParam, planTime, zone, output, status, rows, offset, event } = options;
  const body = {
    text,
    ...(condition !== undefined && { condition }),
    ...(job !== undefined && { job }),
    ...(param !== undefined && { parameters: param }),
    ...(scriptParam !== undefined && { scriptParameters: scriptParam }),
    ...(planTime !== undefined && { planTime }),
    ...(zone !== undefined && { zone }),
    nodes: nodesOf(output, status),
    ...(rows !== undefined && { loop: { dataArray: rowsOf(rows), offset } }),
    ...(event !== undefined && { eventData: event }),
  };
  const answer = (await client.send("POST", "/api/expressions/evaluate", { body })) as ExpressionResult;
  printResult(wantsJson(command), answer, () => String(answer.result));
}

function nodesOf(
  outputs: Named = {},
  statuses: Named = {},
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const names = new Set([...Object.keys(outputs), ...Object.keys(statuses)]);
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      {
        ...(outputs[name] !== undefined && { output: outputs[name] }),
        ...(statuses[name] !== undefined && { status: statuses[name] }),
      },
    ]),
  );
}

function rowsOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailure(EXIT.usage, '--rows must be JSON: an array of rows such as [["a",1],["b",2]]');
  }
}
