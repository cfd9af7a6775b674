/** Runs a program in our place: same input and output, signals handed on, the same end. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { COMPILE_CACHE, LaunchError, say } from "./toolchain.mjs";

/** The young generation of a heap that grows at once to its largest would double the service's memory. */
const NODE_FLAGS = ["--max-semi-space-size=4"];

/** Runs one of our programs, its TypeScript stripped once and kept. */
export function runOurs(node, args, options = {}) {
  const env = { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env, ...options.env };
  return run(node, [...NODE_FLAGS, ...args], { ...options, env });
}

/** Gives the exit code (128 and the signal's number where a signal ended it, as shells do). */
export function run(program, args, options = {}) {
  const child = spawn(program, args, { stdio: "inherit", ...options });
  const handOn = (signal) => child.kill(signal);
  // A terminal sends its interrupt to the whole group, this child included; twice would mean "at once".
  const onInterrupt = () => process.stdin.isTTY || child.kill("SIGINT");
  process.on("SIGINT", onInterrupt);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, handOn);
  return new Promise((settle, fail) => {
    child.once("error", fail);
    child.once("exit", (code, signal) => {
      process.off("SIGINT", onInterrupt);
      for (const name of ["SIGTERM", "SIGHUP"]) process.off(name, handOn);
      settle(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** Ends this process with the code that `work` gives; a launch that cannot go on says why, without a stack. */
export async function exitWith(work) {
  try {
    process.exitCode = await work();
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
