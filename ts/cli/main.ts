// The command `agentos`.
import { readFileSync } from "node:fs";
import { AgentOsError } from "../errors.js";
import { UsageError, help } from "./options.js";
import { shell } from "./shell.js";

/** Runs the command; answers its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  try {
    switch (command) {
      case "shell":
        return await shell(rest);
      case "--version":
      case "-V":
        return say(version());
      case "--help":
      case "-h":
      case "help":
        return say(help(rest[0]));
      case undefined:
        throw new UsageError("a command is missing");
      default:
        throw new UsageError(`there is no command '${command}'`);
    }
  } catch (error) {
    return failed(error);
  }
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

/** What the user can do something about is one line; anything else is a fault, with its stack. */
function failed(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`agentos: ${error.message}\nTry 'agentos --help'.\n`);
    return 2;
  }
  if (!(error instanceof AgentOsError)) throw error;
  process.stderr.write(`agentos: ${error.message}\n`);
  return 1;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  return manifest.version;
}
