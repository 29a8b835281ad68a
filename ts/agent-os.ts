// A virtual machine.
import { randomUUID } from "node:crypto";
import type * as api from "../index.js";
import type {
  AgentOsOptions,
  ConnectTerminalOptions,
  AuditRecord,
  DirEntry,
  ExecBufferOptions,
  ExecOptions,
  ExecResult,
  FileContent,
  FileStat,
  McpServer,
  ProcessExit,
  ProcessInfo,
  SessionOptions,
  ShellOptions,
  SignalName,
  SpawnOptions,
  Stats,
  TextEncoding,
  TreeEntry,
  VmEvents,
  VmPermissionRequest,
} from "../index.js";
import { type NativeSpawn, type NativeVm, called, createVm, settled } from "./binding.js";
import { isArrayOf, isBoolean, isBytesOrText, isInteger, isMode, isOneOf, isShape, isString, optional, wrongType, wrongValue } from "./check.js";
import { connectTerminal } from "./connect-terminal.js";
import { AgentOsError } from "./errors.js";
import { defined, isAgentOsOptions, isExecOptions, isSessionOptions, isSpawnOptions } from "./options.js";
import { Process } from "./process.js";
import { type AnyExecOptions, bytes, run } from "./run.js";
import { Session } from "./session.js";
import { type Shell, openShell } from "./shell.js";
import { isSignal } from "./signals.js";
import { SESSION_VARIABLE, ToolHost, describeToolkit } from "./tools/host.js";
import { Toolkit } from "./tools/toolkit.js";
import { VmEventSource } from "./vm-events.js";

const isEncoding = isOneOf("utf8", "utf-8", "latin1", "ascii", "base64", "base64url", "hex", "utf16le");
const isRecursive = isShape({ recursive: isBoolean });
const isModeOption = isShape({ mode: isMode });
const isReaddirOptions = isShape({ withFileTypes: isBoolean });
const isDepthOption = isShape({ maxDepth: isInteger });
const isReply = isOneOf("once", "always", "reject");
const isAuditOptions = isShape({ limit: isInteger });
const isFileContent = isShape({ path: isString, content: isBytesOrText, mode: isMode }, ["path", "content"]);

export class AgentOs implements api.AgentOs {
  readonly #native: NativeVm;
  readonly #sessions = new Set<Session>();
  #tools: ToolHost | undefined;
  /** The sessions by the mark that their agents' environment has. */
  readonly #tagged = new Map<string, WeakRef<Session>>();
  /** How many shells were opened. */
  #shells = 0;
  readonly #events: VmEventSource;

  private constructor(native: NativeVm, tools: ToolHost | undefined) {
    this.#native = native;
    this.#tools = tools;
    // By a weak reference: the tools must not keep the VM.
    const sessions = this.#tagged;
    tools?.serve(this, (tag) => (tag === undefined ? undefined : sessions.get(tag))?.deref()?.sessionId ?? null);
    this.#events = new VmEventSource(native);
  }

  static async create(options: AgentOsOptions = {}): Promise<AgentOs> {
    isAgentOsOptions("options", options);
    const { env, toolkits = [], ...rest } = options;
    const described = toolkits.length === 0 ? {} : { toolkits: (toolkits as readonly Toolkit[]).map(describeToolkit) };
    const native = await createVm(JSON.stringify({ ...rest, ...described, env: defined(env) }));
    return new AgentOs(native, toolkits.length === 0 ? undefined : new ToolHost(native, toolkits as readonly Toolkit[]));
  }

  // Processes.

  exec(line: string, options?: ExecOptions): Promise<ExecResult>;
  exec(line: string, options: ExecBufferOptions): Promise<ExecResult<Uint8Array>>;
  async exec(line: string, options: AnyExecOptions = {}): Promise<ExecResult<never>> {
    isString("line", line);
    isExecOptions("options", options);
    return (await run(this.#native, { line, ...place(options) }, options)) as ExecResult<never>;
  }

  execFile(file: string, args?: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  execFile(file: string, args: readonly string[], options: ExecBufferOptions): Promise<ExecResult<Uint8Array>>;
  async execFile(file: string, args: readonly string[] = [], options: AnyExecOptions = {}): Promise<ExecResult<never>> {
    isExecOptions("options", options);
    return (await run(this.#native, { ...program(file, args), ...place(options) }, options)) as ExecResult<never>;
  }

  async spawn(file: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Process> {
    isSpawnOptions("options", options);
    options.signal?.throwIfAborted();
    return new Process(await settled(() => this.#native.spawn({ ...program(file, args), ...place(options) })), options);
  }

  processes(): ProcessInfo[] {
    return called(() => this.#native.processes());
  }

  kill(pid: number, signal: SignalName = "SIGTERM"): void {
    isInteger("pid", pid);
    isSignal("signal", signal);
    called(() => this.#native.kill(pid, signal));
  }

  // Terminals.

  async openShell(options: ShellOptions = {}): Promise<Shell> {
    return openShell(this.#native, `shell-${++this.#shells}`, options);
  }

  connectTerminal(options: ConnectTerminalOptions = {}): Promise<ProcessExit> {
    return connectTerminal((size) => {
      const { stdin: _stdin, stdout: _stdout, ...rest } = options;
      return this.openShell({ ...size, ...rest });
    }, options);
  }

  // Files.

  readFile(path: string): Promise<Uint8Array>;
  readFile(path: string, encoding: TextEncoding): Promise<string>;
  async readFile(path: string, encoding?: TextEncoding): Promise<never> {
    isString("path", path);
    optional("encoding", encoding, isEncoding);
    const content = await settled(() => this.#native.readFile(path));
    if (encoding === undefined) return content as never;
    return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString(encoding) as never;
  }

  async writeFile(path: string, content: string | Uint8Array, options: { mode?: number } = {}): Promise<void> {
    isString("path", path);
    isBytesOrText("content", content);
    isModeOption("options", options);
    await settled(() => this.#native.writeFile(path, bytes(content), options.mode));
  }

  async readFiles(paths: readonly string[]): Promise<Array<{ path: string; content: Uint8Array } | { path: string; error: AgentOsError }>> {
    isArrayOf(isString)("paths", paths);
    const read = async (path: string) => ({ path, content: await this.readFile(path) });
    return Promise.all(paths.map((path) => read(path).catch((error: unknown) => ({ path, error: expected(error) }))));
  }

  async writeFiles(files: readonly FileContent[]): Promise<Array<{ path: string; error?: AgentOsError }>> {
    isArrayOf(isFileContent)("files", files);
    const results = [];
    for (const { path, content, mode } of files) {
      const written = this.writeFile(path, content, mode === undefined ? {} : { mode });
      results.push(await written.then(() => ({ path })).catch((error: unknown) => ({ path, error: expected(error) })));
    }
    return results;
  }

  async mkdir(path: string, options: { recursive?: boolean } = {}): Promise<void> {
    isString("path", path);
    isRecursive("options", options);
    await settled(() => this.#native.mkdir(path, options.recursive ?? false));
  }

  readdir(path: string): Promise<string[]>;
  readdir(path: string, options: { withFileTypes: true }): Promise<DirEntry[]>;
  async readdir(path: string, options: { withFileTypes?: boolean } = {}): Promise<never> {
    isString("path", path);
    isReaddirOptions("options", options);
    const entries = await settled(() => this.#native.readdir(path));
    return (options.withFileTypes ? entries : entries.map(({ name }) => name)) as never;
  }

  async readdirRecursive(path: string, options: { maxDepth?: number } = {}): Promise<TreeEntry[]> {
    isString("path", path);
    isDepthOption("options", options);
    return this.#tree(path.replace(/\/+$/, ""), options.maxDepth ?? Infinity);
  }

  async #tree(path: string, depth: number): Promise<TreeEntry[]> {
    if (depth <= 0) return [];
    const entries: TreeEntry[] = [];
    for (const { name, type } of await settled(() => this.#native.readdir(path || "/"))) {
      const below = `${path}/${name}`;
      entries.push({ path: below, type });
      if (type === "directory") for (const entry of await this.#tree(below, depth - 1)) entries.push(entry);
    }
    return entries;
  }

  async stat(path: string): Promise<FileStat> {
    isString("path", path);
    return settled(() => this.#native.stat(path));
  }

  async lstat(path: string): Promise<FileStat> {
    isString("path", path);
    return settled(() => this.#native.lstat(path));
  }

  async exists(path: string): Promise<boolean> {
    isString("path", path);
    return settled(() => this.#native.exists(path));
  }

  async move(from: string, to: string): Promise<void> {
    isString("from", from);
    isString("to", to);
    await settled(() => this.#native.rename(from, to));
  }

  async copy(from: string, to: string, options: { recursive?: boolean } = {}): Promise<void> {
    isString("from", from);
    isString("to", to);
    isRecursive("options", options);
    await settled(() => this.#native.copy(from, to, options.recursive ?? false));
  }

  async delete(path: string, options: { recursive?: boolean } = {}): Promise<void> {
    isString("path", path);
    isRecursive("options", options);
    await settled(() => this.#native.remove(path, options.recursive ?? false));
  }

  async symlink(target: string, path: string): Promise<void> {
    isString("target", target);
    isString("path", path);
    await settled(() => this.#native.symlink(target, path));
  }

  async readlink(path: string): Promise<string> {
    isString("path", path);
    return settled(() => this.#native.readlink(path));
  }

  async chmod(path: string, mode: number): Promise<void> {
    isString("path", path);
    isMode("mode", mode);
    await settled(() => this.#native.chmod(path, mode));
  }

  // Sessions.

  async createSession(agent: string, options: SessionOptions = {}): Promise<Session> {
    isString("agent", agent);
    isSessionOptions("options", options);
    const { env, mcpServers = [], ...rest } = options;
    const servers = mcpServers.map((server) => (server instanceof Toolkit ? this.#served(server) : server));
    const tag = randomUUID();
    const marked = { ...defined(env), ...(this.#tools !== undefined && { [SESSION_VARIABLE]: tag }) };
    const native = await settled(() => this.#native.createSession(agent, JSON.stringify({ ...rest, mcpServers: servers, env: marked })));
    const session = new Session(agent, native, options.permissions === "ask", (ended) => {
      this.#sessions.delete(ended);
      this.#tagged.delete(tag);
    });
    this.#sessions.add(session);
    this.#tagged.set(tag, new WeakRef(session));
    this.#events.relay(session);
    return session;
  }

  /** The program of the VM that offers a toolkit as an MCP server. */
  #served(toolkit: Toolkit): McpServer {
    if (this.#tools?.has(toolkit) !== true) throw wrongValue("options.mcpServers", "servers, or toolkits of this VM", toolkit);
    return { name: toolkit.name, command: "/usr/bin/agentos", args: ["mcp", toolkit.name] };
  }

  sessions(): Session[] {
    return [...this.#sessions];
  }

  // Permissions.

  on<Name extends keyof VmEvents>(event: Name, listener: (event: VmEvents[Name]) => void): this {
    this.#events.on(event, listener);
    return this;
  }

  off<Name extends keyof VmEvents>(event: Name, listener: (event: VmEvents[Name]) => void): this {
    this.#events.off(event, listener);
    return this;
  }

  permissionRequests(): VmPermissionRequest[] {
    return called(() => this.#native.permissionRequests());
  }

  respondPermission(id: string, reply: "once" | "always" | "reject"): void {
    isString("id", id);
    isReply("reply", reply);
    const asked = VmEventSource.ofSession(id);
    const session = asked && this.sessions().find(({ sessionId }) => sessionId === asked[0]);
    if (asked !== undefined && session !== undefined) session.respondPermission(asked[1], reply);
    else called(() => this.#native.respondPermission(id, reply));
  }

  audit(options: { limit?: number } = {}): AuditRecord[] {
    isAuditOptions("options", options);
    return called(() => this.#native.audit(options.limit ?? 100));
  }

  // Life.

  stats(): Stats {
    return called(() => this.#native.stats());
  }

  async dispose(): Promise<void> {
    await settled(() => this.#native.dispose());
    this.#events.flush();
    this.#sessions.clear();
    const tools = this.#tools;
    this.#tools = undefined;
    await tools?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

export function agentOs(options?: AgentOsOptions): Promise<AgentOs> {
  return AgentOs.create(options);
}

function program(file: string, args: readonly string[]): NativeSpawn {
  isString("file", file);
  if (file === "") throw wrongValue("file", "a program", file);
  // Without arguments but with options, as Node's execFile takes it, would be two ways to say one thing.
  if (!Array.isArray(args)) throw wrongType("args", "an instance of Array", args);
  isArrayOf(isString)("args", args);
  return { program: file, args: [...args] };
}

function place({ cwd, env, permissions }: Pick<SpawnOptions, "cwd" | "env" | "permissions">): NativeSpawn {
  return { ...(cwd !== undefined && { cwd }), env: defined(env), ...(permissions !== undefined && { permissions: JSON.stringify(permissions) }) };
}

/** Errors of the VM are results of a batch; anything else is not. */
function expected(error: unknown): AgentOsError {
  if (error instanceof AgentOsError) return error;
  throw error;
}
