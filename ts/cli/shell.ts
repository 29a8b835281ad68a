// `agentos shell`: an interactive machine.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { SoftwareManifest } from "../../index.js";
import { AgentOs } from "../agent-os.js";
import { hostDir } from "../drivers.js";
import { type ShellArguments, UsageError, help, shellArguments } from "./options.js";

/** Packages that a machine gets when they are installed. */
const USUAL = ["@agentos/common", "@agentos/git"];

/** Answers the exit status. */
export async function shell(args: readonly string[]): Promise<number> {
  const options = shellArguments(args);
  if (options.help) {
    process.stdout.write(`${help("shell")}\n`);
    return 0;
  }
  const [command, ...programArgs] = options.program;
  await using vm = await machine(options);
  const { exitCode } = await vm.connectTerminal({
    ...(command !== undefined && { command, args: programArgs }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: options.env,
  });
  return exitCode;
}

async function machine({ software, mounts, allow, memory }: ShellArguments): Promise<AgentOs> {
  return AgentOs.create({
    software: await packages(software),
    mounts: mounts.map(({ host, path, readOnly }) => ({ path, driver: hostDir(host), readOnly })),
    permissions: { network: { default: "deny", rules: allow.length === 0 ? [] : [{ mode: "allow", patterns: allow }] } },
    limits: memory === undefined ? {} : { maxMemoryMb: memory },
  });
}

async function packages(names: readonly string[] | undefined): Promise<SoftwareManifest[]> {
  const found = await Promise.all((names ?? USUAL).map(async (name) => [name, await load(name)] as const));
  const missing = found.filter(([, manifest]) => manifest === undefined).map(([name]) => name);
  const manifests = found.flatMap(([, manifest]) => (manifest === undefined ? [] : [manifest]));
  if (names !== undefined && missing.length > 0) throw new UsageError(`the package ${missing[0]} is not installed`);
  if (manifests.length === 0) throw new UsageError(`no package with programs is installed: npm install ${USUAL[0]}`);
  return manifests;
}

/** A package of the directory that the command runs in, or else one beside this package. */
async function load(name: string): Promise<SoftwareManifest | undefined> {
  for (const base of [`${process.cwd()}/package.json`, import.meta.url]) {
    try {
      const path = createRequire(base).resolve(name);
      return ((await import(pathToFileURL(path).href)) as { default: SoftwareManifest }).default;
    } catch (error) {
      if (!["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes((error as { code?: string }).code ?? "")) throw error;
    }
  }
  return undefined;
}
