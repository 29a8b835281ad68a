// Runs a command, with its output shown or captured.
import { spawn, spawnSync } from "node:child_process";
import { root } from "./paths.js";

/** A command that failed; what it had to say has been printed already. */
export class CommandError extends Error {}

/** Runs a command on our own streams, but for standard input: nothing here may wait for a user. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
  if (error) throw new CommandError(`${command}: ${error.message}`);
  if (status !== 0) throw new CommandError(`${[command, ...args].join(" ")}: ${signal ?? `exit status ${status}`}`);
}

/** The trimmed standard output of a command, or undefined when it is missing or fails. */
export function capture(command, args) {
  const { status, stdout } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "pipe", "ignore"], encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Runs a command and gives its output to `onOutput(text, stream)` as it comes.
 * @returns {Promise<number>} exit status; 1 for a signal
 */
export function stream(command, args, { env, onOutput }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => onOutput(text, name));
    child.on("error", (error) => reject(new CommandError(`${command}: ${error.message}`)));
    child.on("close", (status) => resolve(status ?? 1));
  });
}
