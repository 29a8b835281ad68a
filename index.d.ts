/**
 * agentOS: virtual machines for AI agents inside this Node.js process.
 *
 * Paths are absolute paths of the VM. Every function that fails throws or rejects with an {@link AgentOsError}.
 */

// ---------------------------------------------------------------------------------------------------------------- software

/** What a software package puts into a VM: a plain object, the default export of `@agentos/common` and the like. */
export interface SoftwareManifest {
  /** Package name, unique in a VM. */
  readonly name: string;
  /** Package version. */
  readonly version: string;
  /** Absolute directory of the host that every `source` is relative to. */
  readonly root: string;
  /** Single files; `mode` is 0o644 when absent. */
  readonly files?: ReadonlyArray<{ readonly path: string; readonly source: string; readonly mode?: number; readonly sha256?: string }>;
  /** Hard links to files of the package. */
  readonly links?: ReadonlyArray<{ readonly path: string; readonly to: string; readonly hard?: boolean }>;
  /** Symbolic links. */
  readonly symlinks?: ReadonlyArray<{ readonly path: string; readonly target: string }>;
  /** Directories of the host whose files are put into the VM; links in them are left out. */
  readonly directories?: ReadonlyArray<{ readonly path: string; readonly source: string }>;
  /** Directories of the host that appear read-only in the VM. */
  readonly trees?: ReadonlyArray<{ readonly path: string; readonly source: string; readonly readOnly?: boolean }>;
  /** Programs that speak the Agent Client Protocol, by the name that {@link AgentOs.createSession} takes. */
  readonly agents?: Readonly<Record<string, { readonly command: string; readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> }>>;
  /** Environment of every process of the VM, below the VM's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names of packages that must be in the same VM. */
  readonly dependencies?: readonly string[];
}

// ------------------------------------------------------------------------------------------------------------------ drivers

/** A directory of the host, made by {@link hostDir}. */
export interface HostDirDriver {
  readonly type: "hostDir";
  /** Absolute path on the host. */
  readonly path: string;
}

/** An empty tree in memory, made by {@link memory}. */
export interface MemoryDriver {
  readonly type: "memory";
}

/** What can be mounted. */
export type Driver = HostDirDriver | MemoryDriver;

/** A directory of the host; a relative path starts at the process's working directory. Symbolic links never lead out of it. */
export declare function hostDir(path: string): HostDirDriver;

/** An empty tree in memory; it counts towards `limits.maxFsBytes`. */
export declare function memory(): MemoryDriver;

/** A mount. */
export interface MountOptions {
  /** Where; made when missing. */
  path: string;
  /** What. */
  driver: Driver;
  /** Refuse writes with EROFS. Default: false. */
  readOnly?: boolean;
}

// --------------------------------------------------------------------------------------------------------------- host tools

/** A JSON Schema, as a plain object. The types of the arguments follow from a constant that is declared `as const`, and in {@link hostTool} from one in place. */
export type JsonSchema = Readonly<{ [keyword: string]: unknown }>;

/** A schema of zod 4, of zod from 3.24 on, or of another library that speaks Standard Schema. It must have a JSON Schema too. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": { readonly version: 1; readonly vendor: string; readonly types?: { readonly input: unknown; readonly output: Output } | undefined };
}

/** A schema of zod 3. */
export interface Zod3Schema<Output = unknown> {
  readonly _output: Output;
  readonly _def: object;
}

/**
 * What a tool's arguments are described by. Dates and big integers are text and numbers in JSON, and what the schema says in the
 * handler. Refinements and transforms run on the host, after the JSON Schema was checked.
 */
export type ToolSchema = StandardSchema | Zod3Schema | JsonSchema;

/** What a handler gets for a schema; without one, no arguments. */
export type ToolArguments<Schema> = unknown extends Schema ? Readonly<Record<string, never>>
  : Schema extends { readonly "~standard": { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output } ? Output : unknown
  : Schema extends { readonly _output: infer Output } ? Output
  : FromJsonSchema<Schema>;

/** The type that a JSON Schema describes; `unknown` where the schema says it in another way than by the common keywords. */
export type FromJsonSchema<Schema> =
  Schema extends { readonly const: infer Value } ? Value
  : Schema extends { readonly enum: readonly (infer Value)[] } ? Value
  : Schema extends { readonly anyOf: readonly (infer Member)[] } ? FromJsonSchema<Member>
  : Schema extends { readonly oneOf: readonly (infer Member)[] } ? FromJsonSchema<Member>
  : Schema extends { readonly type: infer Type } ? (Type extends readonly (infer One)[] ? FromJsonType<One, Schema> : FromJsonType<Type, Schema>)
  : unknown;

type FromJsonType<Type, Schema> =
  Type extends "string" ? string
  : Type extends "number" | "integer" ? number
  : Type extends "boolean" ? boolean
  : Type extends "null" ? null
  : Type extends "array" ? (Schema extends { readonly items: infer Items } ? FromJsonSchema<Items>[] : unknown[])
  : Type extends "object" ? FromJsonObject<Schema>
  : unknown;

/** What is required or has a default is there. */
type FromJsonObject<Schema> = Schema extends { readonly properties: infer Properties }
  ? Simplified<
      { -readonly [Key in keyof Properties as IsThere<Schema, Properties, Key> extends true ? Key : never]: FromJsonSchema<Properties[Key]> } & {
        -readonly [Key in keyof Properties as IsThere<Schema, Properties, Key> extends true ? never : Key]?: FromJsonSchema<Properties[Key]>;
      }
    >
  : Schema extends { readonly additionalProperties: infer Values extends JsonSchema } ? Record<string, FromJsonSchema<Values>>
  : Record<string, unknown>;

type IsThere<Schema, Properties, Key extends keyof Properties> = Properties[Key] extends { readonly default: unknown } ? true
  : Schema extends { readonly required: readonly (infer Required)[] } ? (Key extends Required ? true : false)
  : false;

type Simplified<Type> = { [Key in keyof Type]: Type[Key] };

/** Where a call of a tool came from. */
export interface ToolContext {
  /** The VM; a handler may call back into it. */
  readonly vm: AgentOs;
  /** The session whose agent called, or null. */
  readonly sessionId: string | null;
  /** The process that is the call. */
  readonly pid: number;
  /** Its working directory. */
  readonly cwd: string;
  /** Its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Aborted when the process is killed, the time is up, or the VM ends. */
  readonly signal: AbortSignal;
}

/**
 * What a handler answers, at once or in a promise. Text and bytes are printed as they are, nothing for `undefined`, and anything
 * else as JSON. An iterator or async iterable is streamed, no faster than it is read: text and JSON line by line, bytes as they
 * are. What is thrown is the tool's failure: its message is printed on standard error, and the exit status is 1.
 */
export type ToolResult = unknown;

/** A tool in the words of {@link hostToolkit}. */
export interface ToolDefinition<Schema = unknown> {
  /** For who calls it; the first line is the summary. */
  description: string;
  /** What it takes. Default: nothing. */
  args?: Schema extends ToolSchema ? Schema : ToolSchema;
  /** What it answers, for the types of code mode and of MCP. It is not checked. */
  returns?: ToolSchema;
  /** Time for one call, in milliseconds; beyond: exit status 124. Default: 30000. */
  timeoutMs?: number;
  /** Runs in this Node.js process. */
  handler: (c: ToolContext, args: ToolArguments<Schema>) => ToolResult;
}

/** A tool in the words of {@link hostTool}. */
export interface HostToolDefinition<Schema = unknown> {
  /** For who calls it; the first line is the summary. */
  description: string;
  /** What it takes. Default: nothing. */
  inputSchema?: Schema extends ToolSchema ? Schema : ToolSchema;
  /** What it answers, for the types of code mode and of MCP. It is not checked. */
  outputSchema?: ToolSchema;
  /** Time for one call, in milliseconds; beyond: exit status 124. Default: 30000. */
  timeoutMs?: number;
  /** Runs in this Node.js process. */
  execute: (args: ToolArguments<Schema>, c: ToolContext) => ToolResult;
}

/** A tool for {@link toolKit}, made by {@link hostTool}. */
export declare class HostTool {
  private constructor();
  readonly description: string;
}

/** Tools that a VM has as commands `agentos-NAME`, and in JavaScript as `import NAME from "agentos:NAME"`. One toolkit may serve several VMs. */
export declare class Toolkit {
  private constructor();
  readonly name: string;
  readonly description: string;
  /** The names of its tools. */
  readonly tools: readonly string[];
}

/**
 * A toolkit. `listIssues` of the toolkit `project` becomes the command `agentos-project list-issues`.
 *
 * Throws `ERR_AGENTOS_SCHEMA` for a schema that JSON Schema cannot express, naming the place in it, and `ERR_AGENTOS_TOOL_CLASH`
 * for two tools that would be one command.
 */
export declare function hostToolkit<const Schemas extends Readonly<Record<string, unknown>>>(
  name: string,
  tools: { readonly [Key in keyof Schemas]: ToolDefinition<Schemas[Key]> },
  options?: { description?: string },
): Toolkit;

/** A tool whose arguments come first. */
export declare function hostTool<const Schema>(definition: HostToolDefinition<Schema>): HostTool;

/** A toolkit of tools that were made by {@link hostTool}. Throws as {@link hostToolkit}. */
export declare function toolKit(options: { name: string; description?: string; tools: Readonly<Record<string, HostTool>> }): Toolkit;

/** A connected `Client` of `@modelcontextprotocol/sdk`, by what is used of it. */
export interface McpClient {
  listTools(params?: { cursor?: string }): Promise<unknown>;
  callTool(params: { name: string; arguments?: Record<string, unknown> }, resultSchema?: undefined, options?: { signal?: AbortSignal; timeout?: number }): Promise<unknown>;
  getServerVersion(): { name: string; version: string } | undefined;
  getInstructions(): string | undefined;
  close(): Promise<void>;
}

/** A server of the Model Context Protocol that this process talks to: a client, a program of the host to start, or an address. */
export type McpSource =
  | McpClient
  | { readonly command: string; readonly args?: readonly string[]; readonly env?: Environment; readonly cwd?: string }
  | { readonly url: string; readonly headers?: Readonly<Record<string, string>> };

/**
 * The tools of an MCP server as a toolkit. Needs `@modelcontextprotocol/sdk`. A connection that was opened here is closed with
 * the last VM that has the toolkit; a client stays the caller's. The server lives on the host: the VM sees commands only.
 * @param options.name the toolkit's name; the server's own when absent
 * @param options.timeoutMs time for one call; 30000 when absent
 */
export declare function toolkitFromMcp(server: McpSource, options?: { name?: string; timeoutMs?: number }): Promise<Toolkit>;

// ------------------------------------------------------------------------------------------------------------------ options

/** Environment variables. `undefined` counts as absent, so that `process.env` values can be passed on. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Let through, refuse with EACCES, or let the program wait while somebody is asked ({@link AgentOs.respondPermission}). */
export type PermissionMode = "allow" | "deny" | "ask";

/** A rule; the last one that speaks of an operation and an object decides. */
export interface PermissionRule<Operation extends string> {
  mode: PermissionMode;
  /** What the rule is about. Default: every operation of the class. */
  operations?: readonly Operation[];
}

/** Rules by path: `"/work"` (it and all below), `"/work/**"` (all below), or a glob such as `"**\/.env"`. Default: all. */
export type PathRule<Operation extends string> = PermissionRule<Operation> & { paths?: readonly string[] };

/** Rules by name. Default: all. */
export type PatternRule<Operation extends string> = PermissionRule<Operation> & { patterns?: readonly string[] };

/** One mode for everything, or rules and what holds where none speaks. */
export type ClassPermissions<Rule> = PermissionMode | { default?: PermissionMode; rules?: readonly Rule[] };

/** What programs may do; docs/permissions.md has the semantics. Process 1, which acts for you, may do everything. */
export interface Permissions {
  /** Files, by their path after symbolic links. Default: `"allow"`: the VM's files are its own, and no host file is in it unless mounted. */
  fs?: ClassPermissions<PathRule<"read" | "write" | "create" | "delete" | "stat">>;
  /**
   * Outward connections and names: `"api.example.com:443"`, `"*.example.com:*"`, `"127.0.0.1:8080"`, `"10.0.0.0/8:*"`.
   * The VM's own loopback is always allowed. Default: `"deny"`.
   */
  network?: ClassPermissions<PatternRule<"resolve" | "connect">>;
  /** Programs, by the path of their file or their name (`"git"`, `"python*"`). Default: `"allow"`: only installed and own files can run. */
  process?: ClassPermissions<PatternRule<"exec"> & PathRule<"exec">>;
  /** Variables that `env` options give, by name (`"AWS_*"`); a refused one does not enter. Default: `"allow"`. */
  env?: ClassPermissions<PatternRule<"pass">>;
  /** Host tools: `"toolkit"`, `"toolkit.tool"` or a glob. Default: `"allow"`: only registered tools exist. */
  tool?: ClassPermissions<PatternRule<"call">>;
}

/** Bounds of a VM; docs/limits.md has what happens beyond each. */
export interface Limits {
  /** WebAssembly memories, V8 heaps and buffers, files in memory, pipe and socket buffers, together, in MiB. Default: 1024. */
  maxMemoryMb?: number;
  /** CPU time of all programs over wall time, in percent of one CPU; they pause beyond. Default: no bound. */
  maxCpuPercent?: number;
  /** Processes at once. Beyond: EAGAIN. Default: 256. */
  maxProcesses?: number;
  /** Open files of all processes. Beyond: ENFILE. Default: 65536. */
  maxOpenFiles?: number;
  /** Bytes in writable file systems in memory. Beyond: ENOSPC. Default: 1 GiB. */
  maxFsBytes?: number;
  /** Files in writable file systems in memory. Beyond: ENOSPC. Default: one per 4 KiB of `maxFsBytes`. */
  maxInodes?: number;
  /** Pipes and open FIFOs. Beyond: ENFILE. Default: 4096. */
  maxPipes?: number;
  /** Pseudo-terminals. Beyond: ENOSPC. Default: 256. */
  maxPtys?: number;
  /** Sockets. Beyond: ENFILE. Default: 4096. */
  maxSockets?: number;
  /** Bytes kept of each stream of one `exec`, and the most that its own option may ask for. Default: 16 MiB. */
  maxOutputBytes?: number;
  /** Milliseconds that one `exec` may take, and the most that its own `timeoutMs` may ask for. Default: no bound. */
  maxExecMs?: number;
  /** Bytes of arguments and environment of a program. Beyond: E2BIG. Default: 2 MiB. */
  maxArgBytes?: number;
}

/** The user that programs run as. */
export interface UserOptions {
  /** Default: 1000. */
  uid?: number;
  /** Default: 1000. */
  gid?: number;
  /** Login name. Default: `"agent"`. */
  name?: string;
  /** Home directory, and where programs start. Default: `"/home/user"`. */
  home?: string;
}

/** Options of a VM. Nothing is allowed that is not listed here. */
export interface AgentOsOptions {
  /** Packages whose programs the VM has. Default: none. */
  software?: readonly SoftwareManifest[];
  /** Functions of this Node.js process that the VM has as commands. Default: none. */
  toolkits?: readonly Toolkit[];
  /** Default: none. */
  mounts?: readonly MountOptions[];
  /** Default: see {@link Permissions}. */
  permissions?: Permissions;
  /** How long a permission request stays open, in milliseconds; then the answer is no. Default: 300000. */
  permissionTimeoutMs?: number;
  /** Answer every permission request with `"once"`, for runs that nobody watches. Default: false. */
  autoApprove?: boolean;
  /** Default: see {@link Limits}. */
  limits?: Limits;
  /** Environment of every process. */
  env?: Environment;
  /** Default: see {@link UserOptions}. */
  user?: UserOptions;
  /** Default: `"agentos"`. */
  hostname?: string;
}

// ---------------------------------------------------------------------------------------------------------------- processes

/** Names of signals. */
export type SignalName =
  | "SIGHUP" | "SIGINT" | "SIGQUIT" | "SIGILL" | "SIGTRAP" | "SIGABRT" | "SIGBUS" | "SIGFPE" | "SIGKILL" | "SIGUSR1" | "SIGSEGV"
  | "SIGUSR2" | "SIGPIPE" | "SIGALRM" | "SIGTERM" | "SIGSTKFLT" | "SIGCHLD" | "SIGCONT" | "SIGSTOP" | "SIGTSTP" | "SIGTTIN"
  | "SIGTTOU" | "SIGURG" | "SIGXCPU" | "SIGXFSZ" | "SIGVTALRM" | "SIGPROF" | "SIGWINCH" | "SIGIO" | "SIGPWR" | "SIGSYS";

/** What every call that runs a program takes. */
export interface SpawnOptions {
  /** Working directory. Default: the home directory. */
  cwd?: string;
  /** Environment, above the VM's. */
  env?: Environment;
  /** Given on standard input, which then ends. */
  stdin?: string | Uint8Array;
  /** SIGTERM to the program's process group after this time, in milliseconds, and SIGKILL two seconds later. Default: no limit. */
  timeoutMs?: number;
  /** Kills the program's process group when aborted. */
  signal?: AbortSignal;
  /** Called with standard output as it arrives. */
  onStdout?: (chunk: Uint8Array) => void;
  /** Called with standard error as it arrives. */
  onStderr?: (chunk: Uint8Array) => void;
  /** Bytes kept of each stream; the rest is dropped. Default: 16 MiB for `exec` and `execFile`, no limit for `spawn`. */
  maxOutputBytes?: number;
  /** What the program and its children may not do, although the VM may: rules that only take away. Default: nothing. */
  permissions?: Permissions;
}

/** Options of {@link AgentOs.exec} and {@link AgentOs.execFile} with text output. */
export interface ExecOptions extends Omit<SpawnOptions, "onStdout" | "onStderr"> {
  /** Text in UTF-8 (the default), or bytes with `"buffer"`. */
  encoding?: "utf8";
  /** Called with standard output as it arrives; never with half a character. */
  onStdout?: (chunk: string) => void;
  /** Called with standard error as it arrives; never with half a character. */
  onStderr?: (chunk: string) => void;
}

/** Options of {@link AgentOs.exec} and {@link AgentOs.execFile} with output in bytes. */
export interface ExecBufferOptions extends SpawnOptions {
  encoding: "buffer";
}

/** How a program ended. */
export interface ProcessExit {
  /** As a shell shows it: for a program that a signal killed, 128 plus its number. */
  exitCode: number;
  /** The signal that killed it, else null. */
  signal: SignalName | null;
}

/** What a finished program left. A status other than 0 is a result, not an error. */
export interface ExecResult<Output = string> extends ProcessExit {
  stdout: Output;
  stderr: Output;
  /** More was printed than `maxOutputBytes`. */
  truncated: boolean;
  /** `timeoutMs` ended it. */
  timedOut: boolean;
}

/** A program that runs. Made by {@link AgentOs.spawn}. */
export declare class Process {
  private constructor();
  /** Its process id in the VM. */
  readonly pid: number;
  /** Its standard input; close it to end the input. Text is sent in UTF-8. */
  readonly stdin: WritableStream<Uint8Array | string>;
  /** Its standard output. The program waits when nobody reads. Empty when `onStdout` was given. */
  readonly stdout: ReadableStream<Uint8Array>;
  /** Its standard error. The program waits when nobody reads. Empty when `onStderr` was given. */
  readonly stderr: ReadableStream<Uint8Array>;
  /** Its end; rejects with the signal's reason when `signal` ended it. */
  readonly exited: Promise<ProcessExit>;
  /** Sends a signal, SIGTERM when absent. False when it has ended. */
  kill(signal?: SignalName): boolean;
  /** Calls `listener` once when it has ended. */
  on(event: "exit", listener: (exit: ProcessExit) => void): this;
}

/** Options of {@link AgentOs.openShell}. */
export interface ShellOptions {
  /** A path, or a name to look up in PATH. Default: bash, as a login shell. */
  command?: string;
  /** Arguments after the name. */
  args?: readonly string[];
  /** Width of the window, in characters. Default: 80. */
  cols?: number;
  /** Height of the window, in characters. Default: 24. */
  rows?: number;
  /** Working directory. Default: the home directory. */
  cwd?: string;
  /** Environment, above the VM's and `TERM=xterm-256color`. */
  env?: Environment;
}

/** Options of {@link AgentOs.connectTerminal}. The window's size is that of `stdout` unless given. */
export interface ConnectTerminalOptions extends ShellOptions {
  /** The keyboard. Default: `process.stdin`. */
  stdin?: NodeJS.ReadableStream;
  /** The screen. Default: `process.stdout`. */
  stdout?: NodeJS.WritableStream;
}

/** A program on a terminal of its own. Made by {@link AgentOs.openShell}. A shell that nothing refers to any more is hung up. */
export declare class Shell implements AsyncDisposable {
  private constructor();
  /** Unique in its VM. */
  readonly id: string;
  /** The program's process id, which is also its session's. */
  readonly pid: number;
  /** What the screen is to show. The program waits when nobody reads. */
  readonly data: ReadableStream<Uint8Array>;
  /** The end of the program. */
  readonly exited: Promise<ProcessExit>;
  /** Types. Resolves when the terminal has taken all of it. */
  write(content: string | Uint8Array): Promise<void>;
  /** Changes the window's size, in characters; the program in the foreground gets SIGWINCH. */
  resize(cols: number, rows: number): void;
  /** Sends a signal to the program, SIGTERM when absent. False when it has ended. */
  kill(signal?: SignalName): boolean;
  /** Calls `listener` with what the screen is to show, in place of `data`. */
  on(event: "data", listener: (chunk: Uint8Array) => void): this;
  /** Calls `listener` when the program has ended. */
  on(event: "exit", listener: (exit: ProcessExit) => void): this;
  /** Hangs up, and waits for the end: SIGHUP to the session, SIGKILL to the program two seconds later. May be called again. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A row of the process table. */
export interface ProcessInfo {
  pid: number;
  /** Parent; 0 for process 1. */
  ppid: number;
  /** Process group. */
  pgid: number;
  /** Session, as of setsid(2). */
  sid: number;
  uid: number;
  gid: number;
  /** Command name, at most 15 bytes. */
  name: string;
  /** Arguments, the program's name first. */
  args: string[];
  /** Running, sleeping, stopped, or zombie. */
  state: "R" | "S" | "T" | "Z";
  /** CPU time used, in milliseconds. */
  cpuMs: number;
  /** Memory of the program, in bytes. */
  memoryBytes: number;
}

// -------------------------------------------------------------------------------------------------------------------- files

/** Text encodings of {@link AgentOs.readFile}. */
export type TextEncoding = "utf8" | "utf-8" | "latin1" | "ascii" | "base64" | "base64url" | "hex" | "utf16le";

/** Types of files. */
export type FileType = "file" | "directory" | "symlink" | "characterDevice" | "blockDevice" | "fifo" | "socket";

/** Attributes of a file. */
export interface FileStat {
  type: FileType;
  /** Type and permission bits, as `st_mode`. */
  mode: number;
  /** In bytes. */
  size: number;
  ino: number;
  /** Hard links. */
  nlink: number;
  uid: number;
  gid: number;
  /** In milliseconds since 1970. */
  atimeMs: number;
  /** In milliseconds since 1970. */
  mtimeMs: number;
  /** In milliseconds since 1970. */
  ctimeMs: number;
  /** In milliseconds since 1970. */
  birthtimeMs: number;
}

/** One name of a directory. */
export interface DirEntry {
  name: string;
  type: FileType;
}

/** One file below a directory. */
export interface TreeEntry {
  /** Absolute path. */
  path: string;
  type: FileType;
}

/** A file of {@link AgentOs.writeFiles}. */
export interface FileContent {
  path: string;
  content: string | Uint8Array;
  /** Permission bits. Default: 0o644 for a new file, unchanged for an existing one. */
  mode?: number;
}

// ----------------------------------------------------------------------------------------------------------------- sessions

/** Who answers an agent's permission requests: everything is allowed, nothing is, or {@link Session.respondPermission}. */
export type PermissionPolicy = "auto" | "deny" | "ask";

/** A server of the Model Context Protocol that an agent shall use. */
export type McpServer =
  | { name: string; type?: "stdio"; command: string; args?: readonly string[]; env?: Readonly<Record<string, string>> }
  | { name: string; type: "http" | "sse"; url: string; headers?: Readonly<Record<string, string>> };

/** Options of {@link AgentOs.createSession}. */
export interface SessionOptions {
  /** Working directory of the agent. Default: the home directory. */
  cwd?: string;
  /** Environment of the agent, above the VM's and its package's. */
  env?: Environment;
  /** Servers of the Model Context Protocol; a toolkit of the VM is one too, for agents that have no shell. Default: none. */
  mcpServers?: ReadonlyArray<McpServer | Toolkit>;
  /** Added to the agent's own instructions. */
  additionalInstructions?: string;
  /**
   * Who answers the agent's own requests (default: `"auto"`: the VM is the boundary), or what the agent and its children may not
   * do, although the VM may.
   */
  permissions?: PermissionPolicy | Permissions;
}

/** A part of a prompt or an answer, as in the Agent Client Protocol. */
export type ContentBlock =
  | { type: "text"; text: string }
  | { type: "image"; data: string; mimeType: string; uri?: string | null }
  | { type: "audio"; data: string; mimeType: string }
  | { type: "resource_link"; uri: string; name: string; mimeType?: string | null; title?: string | null; description?: string | null; size?: number | null }
  | { type: "resource"; resource: { uri: string; mimeType?: string | null } & ({ text: string } | { blob: string }) };

/** What a tool call shows. */
export type ToolCallContent =
  | { type: "content"; content: ContentBlock }
  | { type: "diff"; path: string; oldText?: string | null; newText: string }
  | { type: "terminal"; terminalId: string };

/** A tool call; an update names only what changed. */
export interface ToolCall {
  toolCallId: string;
  title?: string;
  kind?: "read" | "edit" | "delete" | "move" | "search" | "execute" | "think" | "fetch" | "switch_mode" | "other";
  status?: "pending" | "in_progress" | "completed" | "failed";
  content?: ToolCallContent[];
  locations?: Array<{ path: string; line?: number | null }>;
  rawInput?: unknown;
  rawOutput?: unknown;
}

/** Progress of an agent, as it sent it. Newer agents may send kinds that are not listed here; they are passed on as well. */
export type SessionUpdate =
  | { sessionUpdate: "user_message_chunk" | "agent_message_chunk" | "agent_thought_chunk"; content: ContentBlock }
  | ({ sessionUpdate: "tool_call" | "tool_call_update" } & ToolCall)
  | { sessionUpdate: "plan"; entries: Array<{ content: string; priority: "high" | "medium" | "low"; status: "pending" | "in_progress" | "completed" }> }
  | { sessionUpdate: "available_commands_update"; availableCommands: Array<{ name: string; description: string }> }
  | { sessionUpdate: "current_mode_update"; currentModeId: string }
  | { sessionUpdate: "config_option_update"; configOptions: unknown[] }
  | { sessionUpdate: "usage_update"; used: number; size: number };

/** A way to answer a permission request. */
export interface PermissionOption {
  optionId: string;
  name: string;
  kind: "allow_once" | "allow_always" | "reject_once" | "reject_always";
}

/** An agent asks whether it may go on. */
export interface PermissionRequest {
  /** For {@link Session.respondPermission}. */
  id: string;
  toolCall: ToolCall;
  options: PermissionOption[];
}

/** Token counts of a prompt, as far as the agent tells them. */
export interface Usage {
  totalTokens?: number;
  inputTokens?: number;
  outputTokens?: number;
  cachedReadTokens?: number;
  cachedWriteTokens?: number;
}

/** Why an agent stopped. */
export type StopReason = "end_turn" | "max_tokens" | "max_turn_requests" | "refusal" | "cancelled";

/** What happened in a session. `seq` counts from 1; `time` is in milliseconds since 1970. */
export type SessionEvent = { seq: number; time: number } & (
  | { type: "prompt"; prompt: ContentBlock[] }
  | { type: "update"; update: SessionUpdate }
  | { type: "stop"; stopReason: StopReason; usage?: Usage }
  | ({ type: "permissionRequest" } & PermissionRequest)
  | { type: "permissionAnswer"; id: string; optionId?: string }
  | { type: "notification"; method: string; params: unknown }
  | { type: "error"; message: string; line: string }
  | { type: "exit"; exitCode: number | null; signal: SignalName | null }
);

/** What a prompt came to. */
export interface PromptResult {
  stopReason: StopReason;
  /** Everything the agent said. */
  text: string;
  /** Null when the agent does not tell. */
  usage: Usage | null;
}

/** A contribution to the conversation. */
export type TranscriptEntry =
  | { role: "user" | "agent" | "thought"; text: string }
  | { role: "tool"; toolCallId: string; title: string; kind: string; status: string };

/** What an agent says about itself, as it sent it. */
export interface AgentDescription {
  agentInfo: unknown;
  agentCapabilities: unknown;
  /** `{ currentModeId, availableModes }`, or null. */
  modes: unknown;
  /** Settings, among them the model, or null. */
  configOptions: unknown;
}

/** A conversation with an agent. Made by {@link AgentOs.createSession}. */
export declare class Session implements AsyncDisposable {
  private constructor();
  readonly sessionId: string;
  /** The agent's name. */
  readonly agent: string;
  /** Asks the agent to do something and waits until it has finished. Aborting `signal` cancels the prompt and rejects. */
  prompt(prompt: string | readonly ContentBlock[], options?: { signal?: AbortSignal }): Promise<PromptResult>;
  /** Asks the agent to stop; its prompt then resolves with `stopReason: "cancelled"`. */
  cancel(): Promise<void>;
  /** Changes the agent's mode. */
  setMode(mode: string): Promise<void>;
  /** Changes the agent's model. */
  setModel(model: string): Promise<void>;
  /** What the agent says about itself and its settings. */
  describe(): AgentDescription;
  /** Calls `listener` with every event from now on, in order. */
  on(event: "event", listener: (event: SessionEvent) => void): this;
  /** Calls `listener` when the agent asks for permission and the policy is `"ask"`. */
  on(event: "permissionRequest", listener: (request: PermissionRequest) => void): this;
  /** Calls `listener` when the agent has ended. */
  on(event: "exit", listener: (exit: { exitCode: number | null; signal: SignalName | null }) => void): this;
  /** Ends a subscription. */
  off(event: "event" | "permissionRequest" | "exit", listener: (argument: never) => void): this;
  /** The events with numbers above `since` (default 0). The last 10000 are kept, 32 MiB at most. */
  events(options?: { since?: number }): SessionEvent[];
  /** The conversation so far, as far as the events reach back. */
  transcript(): Promise<TranscriptEntry[]>;
  /** Answers a permission request. */
  respondPermission(id: string, reply: "once" | "always" | "reject"): void;
  /** Ends the conversation and the agent. May be called again. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

// ----------------------------------------------------------------------------------------------------------------------- VM

/** What a VM uses. */
export interface Stats {
  /** Processes without process 1. */
  processes: number;
  /** Open files of all processes. */
  openFiles: number;
  /** All memory that counts towards `maxMemoryMb`, in bytes. */
  memoryBytes: number;
  /** Bytes in writable file systems in memory. */
  fsBytes: number;
  /** CPU time of all programs so far, in milliseconds. */
  cpuMs: number;
  /** Time since boot, in milliseconds. */
  uptimeMs: number;
  /** Name and version of each package. */
  software: Array<{ name: string; version: string }>;
}

/** A program, or an agent, waits for an answer. */
export interface VmPermissionRequest {
  /** For {@link AgentOs.respondPermission}. */
  id: string;
  /** `"agent"`: the agent of a session asks, over its own protocol. */
  class: "fs" | "network" | "process" | "env" | "tool" | "agent";
  /** `"read"`, `"connect"`, `"exec"` and so on; for an agent the kind of its tool call. */
  operation: string;
  /** The path, destination, program, variable or tool; for an agent the title of its tool call. */
  object: string;
  /** Which rule says so: `"vm: permissions.fs.rules[0]"`. */
  why: string;
  /** The process; null for an agent's question. */
  pid: number | null;
  /** Its arguments. */
  argv: string[];
  /** The session that it belongs to. */
  sessionId: string | null;
  /** What an agent is about to do. */
  toolCall?: ToolCall;
  /** The ways to answer an agent. */
  options?: PermissionOption[];
}

/** A decision of the policy. */
export interface AuditRecord {
  /** Counts from 1. */
  decision: number;
  /** In milliseconds since 1970. */
  decidedAt: number;
  class: "fs" | "network" | "process" | "env" | "tool";
  operation: string;
  object: string;
  /** What the rules said. */
  mode: PermissionMode;
  /** What was answered, when they said `"ask"`. */
  reply: "once" | "always" | "reject" | null;
  /** Whether it was let through. */
  allowed: boolean;
  /** Which rule said so; empty where something was allowed. */
  why: string;
  pid: number;
  sessionId: string | null;
  /** How many decisions before this one were not told as events: at most 100 a second are. */
  suppressed: number;
}

/** What {@link AgentOs.on} tells. */
export interface VmEvents {
  /** Somebody has to answer; nobody does within `permissionTimeoutMs`: the answer is no. */
  permissionRequest: VmPermissionRequest;
  /** A request is over; `reply` is absent when its process has ended. */
  permissionAnswer: { id: string; reply?: "once" | "always" | "reject" };
  /** A decision was made. Classes without rules make none. */
  audit: AuditRecord;
  /** A limit is used to 80 percent; told again after the use has fallen below 70. Numbers are in the option's unit. */
  limitWarning: { limit: keyof Limits; used: number; configured: number };
  /** The VM was disposed. */
  vmShutdown: Record<string, never>;
}

/** A virtual machine. It ends when it is disposed; a VM that nothing refers to any more, or whose thread ends, is disposed too. */
export declare class AgentOs implements AsyncDisposable {
  private constructor();
  /** Boots a VM. */
  static create(options?: AgentOsOptions): Promise<AgentOs>;

  /** Runs a line of shell, as `bash -c`, and waits for its end. */
  exec(line: string, options?: ExecOptions): Promise<ExecResult>;
  exec(line: string, options: ExecBufferOptions): Promise<ExecResult<Uint8Array>>;
  /** Runs a program with arguments and waits for its end. Rejects with ENOENT when there is no such program. */
  execFile(file: string, args?: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  execFile(file: string, args: readonly string[], options: ExecBufferOptions): Promise<ExecResult<Uint8Array>>;
  /** Starts a program. Rejects with ENOENT when there is no such program. */
  spawn(file: string, args?: readonly string[], options?: SpawnOptions): Promise<Process>;
  /** Starts a shell, or another program, on a terminal. Rejects with ENOENT when there is no such program, with ENOSPC at the limit of terminals. */
  openShell(options?: ShellOptions): Promise<Shell>;
  /** Runs a shell, or another program, on the terminal that this process runs on, until it ends. The terminal is in raw mode meanwhile. */
  connectTerminal(options?: ConnectTerminalOptions): Promise<ProcessExit>;
  /** The process table. */
  processes(): ProcessInfo[];
  /** Sends a signal to a process, SIGTERM when absent. */
  kill(pid: number, signal?: SignalName): void;

  /** The bytes of a file, or with an encoding its text. */
  readFile(path: string): Promise<Uint8Array>;
  readFile(path: string, encoding: TextEncoding): Promise<string>;
  /** Writes a file; missing directories are made. */
  writeFile(path: string, content: string | Uint8Array, options?: { mode?: number }): Promise<void>;
  /** Reads several files; one that fails has `error` in place of `content`. */
  readFiles(paths: readonly string[]): Promise<Array<{ path: string; content: Uint8Array } | { path: string; error: AgentOsError }>>;
  /** Writes several files, in order; one that fails has an `error`. */
  writeFiles(files: readonly FileContent[]): Promise<Array<{ path: string; error?: AgentOsError }>>;
  /** Makes a directory; with `recursive` its parents too, and an existing one is no error. */
  mkdir(path: string, options?: { recursive?: boolean }): Promise<void>;
  /** The names in a directory, sorted. */
  readdir(path: string): Promise<string[]>;
  readdir(path: string, options: { withFileTypes: true }): Promise<DirEntry[]>;
  /** Everything below a directory, each directory before what is in it. Symbolic links are not followed. */
  readdirRecursive(path: string, options?: { maxDepth?: number }): Promise<TreeEntry[]>;
  /** Attributes of a file; symbolic links are followed. */
  stat(path: string): Promise<FileStat>;
  /** Attributes of a symbolic link itself. */
  lstat(path: string): Promise<FileStat>;
  /** Whether there is something; a symbolic link that leads nowhere is nothing. */
  exists(path: string): Promise<boolean>;
  /** Renames; what is at `to` is replaced. */
  move(from: string, to: string): Promise<void>;
  /** Copies a file, with its permission bits; with `recursive` a directory and all in it. */
  copy(from: string, to: string, options?: { recursive?: boolean }): Promise<void>;
  /** Removes a file or an empty directory; with `recursive` a directory and all in it. */
  delete(path: string, options?: { recursive?: boolean }): Promise<void>;
  /** Makes a symbolic link at `path`. */
  symlink(target: string, path: string): Promise<void>;
  /** The target of a symbolic link. */
  readlink(path: string): Promise<string>;
  /** Changes permission bits. */
  chmod(path: string, mode: number): Promise<void>;

  /** Starts an agent of the VM's software and opens a conversation with it. */
  createSession(agent: string, options?: SessionOptions): Promise<Session>;
  /** The conversations that are open. */
  sessions(): Session[];

  /** Calls `listener` with what happens from now on. */
  on<Name extends keyof VmEvents>(event: Name, listener: (event: VmEvents[Name]) => void): this;
  /** Ends a subscription. */
  off<Name extends keyof VmEvents>(event: Name, listener: (event: VmEvents[Name]) => void): this;
  /** The requests of programs that wait for an answer; 64 at most. */
  permissionRequests(): VmPermissionRequest[];
  /** Answers a request: this time, also from now on for the same operation on the same object, or no. */
  respondPermission(id: string, reply: "once" | "always" | "reject"): void;
  /** The last decisions, oldest first: 100 when `limit` is absent, 1000 are kept. */
  audit(options?: { limit?: number }): AuditRecord[];

  /** What the VM uses. */
  stats(): Stats;
  /** Ends everything in the VM and gives its memory back. May be called again. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Short for {@link AgentOs.create}. */
export declare function agentOs(options?: AgentOsOptions): Promise<AgentOs>;

// ------------------------------------------------------------------------------------------------------------------- errors

/** The one error class, with the fields of Node's system errors. */
export declare class AgentOsError extends Error {
  private constructor();
  override readonly name: "AgentOsError";
  /** An errno name (`"ENOENT"`), a code of Node (`"ERR_INVALID_ARG_TYPE"`), or a code of ours (`"ERR_AGENTOS_DISPOSED"`). */
  readonly code: string;
  /** Negative errno, for a system call that failed. */
  readonly errno?: number;
  /** The system call that failed. */
  readonly syscall?: string;
  /** The path or program it was about. */
  readonly path?: string;
  /** The limit that was hit, for example `"maxProcesses"`. */
  readonly limit?: string;
  /** The configured value of that limit. */
  readonly configured?: number;
}
