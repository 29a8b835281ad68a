// The only file that touches the addon: finds it, types it, and translates its errors.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { AgentDescription, AuditRecord, DirEntry, FileStat, ProcessExit, ProcessInfo, PromptResult, SignalName, Stats, VmPermissionRequest } from "../index.js";
import { AgentOsError, translate } from "./errors.js";

/** What to start: a line of shell, or a file with arguments. */
export interface NativeSpawn {
  line?: string;
  program?: string;
  args?: string[];
  argv0?: string;
  cwd?: string;
  env?: Record<string, string>;
  /** JSON of what it may not do although the VM may. */
  permissions?: string;
}

export interface NativeRunOptions {
  stdin?: Uint8Array;
  timeoutMs?: number;
  maxOutputBytes?: number;
  /** Answer text, not bytes. */
  text?: boolean;
}

export interface NativeExecResult extends ProcessExit {
  /** Text or bytes, as was asked for. */
  stdout: string | Uint8Array;
  stderr: string | Uint8Array;
  truncated: boolean;
  timedOut: boolean;
}

/** Standard output or standard error. */
export type Descriptor = 1 | 2;

export interface NativeProcess {
  readonly pid: number;
  writeStdin(content: Uint8Array): Promise<void>;
  closeStdin(): void;
  read(descriptor: Descriptor, maxBytes: number): Promise<Uint8Array>;
  wait(): Promise<ProcessExit>;
  kill(signal: SignalName, group: boolean): boolean;
}

export interface NativeTerminal {
  readonly pid: number;
  write(content: Uint8Array): Promise<void>;
  read(maxBytes: number): Promise<Uint8Array>;
  resize(cols: number, rows: number): void;
  hangUp(): void;
  kill(signal: SignalName): boolean;
  wait(): Promise<ProcessExit>;
}

/** A call of a host tool. */
export interface NativeToolCall {
  /** Number of the call, for the answers. */
  readonly id: number;
  readonly toolkit: string;
  readonly tool: string;
  /** JSON that fits the tool's JSON Schema. */
  readonly args: string;
  readonly pid: number;
  readonly cwd: string;
  /** `NAME=value` strings, each ended by a zero byte. */
  readonly environ: string;
}

export type NativeToolEnd = "text" | "json" | "bytes" | "nothing" | "failed" | "badArguments" | "timedOut" | "aborted";

/** Ends a program that may not have started yet. */
export interface NativeStop {
  stop(): void;
}

export interface NativeSession {
  readonly id: string;
  describe(): AgentDescription;
  prompt(blocks: string): Promise<PromptResult>;
  cancel(): Promise<void>;
  setMode(mode: string): Promise<void>;
  setModel(model: string): Promise<void>;
  respondPermission(id: string, reply: string): void;
  events(since: number, max: number): string[];
  transcript(): Promise<string>;
  subscribe(callback: () => void): void;
  close(): Promise<void>;
}

export interface NativeVm {
  readonly disposed: boolean;
  dispose(): Promise<void>;
  run(
    request: NativeSpawn,
    options: NativeRunOptions,
    onChunk?: (descriptor: Descriptor, chunk: Uint8Array) => void,
    stop?: NativeStop,
  ): Promise<NativeExecResult>;
  spawn(request: NativeSpawn): Promise<NativeProcess>;
  openTerminal(request: NativeSpawn, cols: number, rows: number): Promise<NativeTerminal>;
  setToolHost(onCall: (call: NativeToolCall) => void, onCancel: (id: number) => void): void;
  toolChunk(id: number, chunk: Uint8Array): Promise<boolean>;
  toolEnd(id: number, kind: NativeToolEnd, text?: string, bytes?: Uint8Array): boolean;
  createSession(agent: string, options: string): Promise<NativeSession>;
  processes(): ProcessInfo[];
  kill(pid: number, signal: SignalName): void;
  stats(): Stats;
  respondPermission(id: string, reply: string): void;
  permissionRequests(): VmPermissionRequest[];
  audit(limit: number): AuditRecord[];
  events(since: number, max: number): string[];
  subscribe(callback: () => void): void;
  readFile(path: string): Promise<Uint8Array>;
  writeFile(path: string, content: Uint8Array, mode?: number): Promise<void>;
  mkdir(path: string, recursive: boolean): Promise<void>;
  readdir(path: string): Promise<DirEntry[]>;
  stat(path: string): Promise<FileStat>;
  lstat(path: string): Promise<FileStat>;
  exists(path: string): Promise<boolean>;
  remove(path: string, recursive: boolean): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  copy(from: string, to: string, recursive: boolean): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  readlink(path: string): Promise<string>;
  chmod(path: string, mode: number): Promise<void>;
}

interface Addon {
  NativeVm: { create(options: string, moduleCache?: string, snapshot?: string): Promise<NativeVm> };
  NativeStop: new () => NativeStop;
}

/** The platforms that there is an addon for, by Node's names. */
const ADDONS: Readonly<Record<string, string>> = { "linux-x64": "agentos.linux-x64-gnu.node" };

let addon: Addon | undefined;

/** Loaded with the first VM, so that importing the package costs nothing. */
function load(): Addon {
  if (addon !== undefined) return addon;
  const platform = `${process.platform}-${process.arch}`;
  const file = ADDONS[platform];
  if (file === undefined) {
    throw new AgentOsError({ code: "ERR_AGENTOS_PLATFORM", message: `there is no build for ${platform}; there is one for ${Object.keys(ADDONS).join(", ")}` });
  }
  const path = built(`../${file}`);
  if (path === undefined) throw new AgentOsError({ code: "ERR_AGENTOS_PLATFORM", message: `${file} is missing; \`npm run build\` makes it` });
  addon = createRequire(import.meta.url)(path) as Addon;
  return addon;
}

/** The path of something that the build made; undefined when it did not. */
function built(relative: string): string | undefined {
  const path = fileURLToPath(new URL(relative, import.meta.url));
  return existsSync(path) ? path : undefined;
}

/** Boots a machine; `options` is the JSON of `AgentOsOptions`. */
export function createVm(options: string): Promise<NativeVm> {
  return settled(() => load().NativeVm.create(options, built("./modules"), built("./v8-snapshot.bin")));
}

/** For one call of {@link NativeVm.run}. */
export function newStop(): NativeStop {
  return new (load().NativeStop)();
}

/** Calls the addon. */
export function called<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw translate(error);
  }
}

/** Calls the addon and waits for its promise. */
export async function settled<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw translate(error);
  }
}
