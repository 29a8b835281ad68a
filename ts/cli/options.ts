// What the command `agentos` takes.
import { parseArgs } from "node:util";

/** Bad usage: exit status 2. */
export class UsageError extends Error {}

const HELP = `Usage: agentos COMMAND [OPTION]...

Commands:
  shell     an interactive virtual machine in this terminal
  help      this text, or that of a command: agentos help shell

Options:
  -h, --help     this text
  -V, --version  the version of agentOS`;

const SHELL_HELP = `Usage: agentos shell [OPTION]... [--] [PROGRAM [ARGUMENT]...]

Boots a virtual machine and runs PROGRAM (bash when absent) on this terminal. The
machine is gone when PROGRAM ends, and its exit status is this command's.

Options:
  -s, --software PACKAGE      an npm package with programs, instead of those that
                              are installed of @agentos/common and @agentos/git;
                              may be repeated
  -m, --mount HOST:PATH[:ro]  a directory of this computer, read-only with :ro; may
                              be repeated
  -a, --allow HOST:PORT       an address that the machine may reach, such as
                              api.example.com:443 or '*:443'; may be repeated
  -e, --env NAME[=VALUE]      an environment variable, by default with this
                              process's value; may be repeated
  -C, --cwd PATH              the working directory in the machine
      --memory MIB            the most memory of all programs (default: 512)
  -h, --help                  this text

Examples:
  agentos shell
  agentos shell --mount .:/work:ro --cwd /work
  agentos shell -- ls -la /`;

/** The help of a command; without one, of all. */
export function help(command?: string): string {
  return command === "shell" ? SHELL_HELP : HELP;
}

export interface ShellArguments {
  help: boolean;
  software: string[] | undefined;
  mounts: Array<{ host: string; path: string; readOnly: boolean }>;
  allow: string[];
  env: Record<string, string>;
  cwd: string | undefined;
  memory: number | undefined;
  program: string[];
}

const list = { type: "string", multiple: true } as const;
const OPTIONS = {
  software: { ...list, short: "s" },
  mount: { ...list, short: "m" },
  allow: { ...list, short: "a" },
  env: { ...list, short: "e" },
  cwd: { type: "string", short: "C" },
  memory: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws UsageError */
export function shellArguments(args: readonly string[]): ShellArguments {
  const { own, program } = split(args);
  const { values } = parsed(own);
  return {
    help: values.help ?? false,
    software: values.software,
    mounts: (values.mount ?? []).map(mount),
    allow: values.allow ?? [],
    env: Object.fromEntries((values.env ?? []).map(variable)),
    cwd: values.cwd,
    memory: values.memory === undefined ? undefined : mebibytes(values.memory),
    program,
  };
}

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: false });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Options end at the program's name: what follows is the program's. */
function split(args: readonly string[]): { own: string[]; program: string[] } {
  const takesValue = (word: string): boolean => {
    const option = Object.entries(OPTIONS).find(([name, { ...kind }]) => word === `--${name}` || ("short" in kind && word === `-${kind.short}`));
    return option?.[1].type === "string";
  };
  let at = 0;
  while (at < args.length && (args[at] as string).startsWith("-") && args[at] !== "--") at += takesValue(args[at] as string) ? 2 : 1;
  return { own: args.slice(0, at), program: args.slice(args[at] === "--" ? at + 1 : at) };
}

function mount(text: string): { host: string; path: string; readOnly: boolean } {
  const match = /^(?<host>.+?):(?<path>\/[^:]*)(?<mode>:ro|:rw)?$/.exec(text);
  if (match?.groups === undefined) throw new UsageError(`--mount takes HOST:PATH or HOST:PATH:ro, and got '${text}'`);
  const { host, path, mode } = match.groups as { host: string; path: string; mode?: string };
  return { host, path, readOnly: mode === ":ro" };
}

function variable(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  const value = process.env[text];
  if (at === 0 || value === undefined) throw new UsageError(`--env takes NAME=VALUE, or the NAME of a variable that is set, and got '${text}'`);
  return [text, value];
}

function mebibytes(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError(`--memory takes a number of MiB, and got '${text}'`);
  return Number(text);
}
