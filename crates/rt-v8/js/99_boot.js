// The boot file: what deno_runtime's 01_errors, 90_deno_ns, 98_* and 99_main do for a Node program, and no more.
import { core, internals, primordials } from "ext:core/mod.js";
import {
  op_agentos_boot,
  op_agentos_console_size,
  op_agentos_fatal,
  op_runtime_cpu_usage,
  op_runtime_memory_usage,
  op_set_format_exception_callback,
} from "ext:core/ops";
import { loadToolkit } from "ext:runtime/tools.js";
import { windowOrWorkerGlobalScope } from "ext:runtime/98_global_scope_shared.js";

const { Error, Float64Array, ObjectAssign, ObjectDefineProperties, ObjectDefineProperty, ObjectGetOwnPropertyDescriptors, ObjectKeys, ObjectSetPrototypeOf, Symbol } = primordials;
const load = (specifier) => core.loadExtScript(specifier);
const event = load("ext:deno_web/02_event.js");
const performance = load("ext:deno_web/15_performance.js");
const { DOMException, QuotaExceededError } = load("ext:deno_web/01_dom_exception.js");
const { inspectArgs, quoteString, setNoColorFns, inspect } = load("ext:deno_web/01_console.js");
const os = load("ext:deno_os/30_os.js");
const signals = load("ext:deno_os/40_signals.js");
const fs = load("ext:deno_fs/30_fs.js");
const io = load("ext:deno_io/12_io.js");

// Error classes that operations throw by name.
const errors = { BadResource: core.BadResource, Interrupted: core.Interrupted, NotCapable: core.NotCapable };
for (
  const name of [
    "NotFound", "ConnectionRefused", "ConnectionReset", "ConnectionAborted", "NotConnected", "AddrInUse", "AddrNotAvailable", "BrokenPipe",
    "PermissionDenied", "AlreadyExists", "InvalidData", "TimedOut", "WouldBlock", "WriteZero", "UnexpectedEof", "Http", "Busy", "NotSupported",
    "FilesystemLoop", "IsADirectory", "NetworkUnreachable", "NotADirectory",
  ]
) {
  errors[name] = {
    [name]: class extends Error {
      constructor(message, options) {
        super(message, options);
        this.name = name;
      }
    },
  }[name];
  core.registerErrorClass(name, errors[name]);
}
for (
  const name of [
    "OperationError", "NotSupportedError", "NetworkError", "AbortError", "InvalidCharacterError", "DataError", "InvalidStateError", "SyntaxError",
    "IndexSizeError", "TypeMismatchError", "InvalidAccessError",
  ]
) {
  core.registerErrorBuilder("DOMException" + name, (message) => new DOMException(message, name));
}
core.registerErrorBuilder("DOMExceptionQuotaExceededError", (message) => new QuotaExceededError(message));

// The part of the Deno namespace that the polyfills use. Guests never see it: each polyfill has its own binding.
let boot;
const usage = new Float64Array(4);
const consoleSize = () => {
  const size = op_agentos_console_size();
  return size ? { columns: size[0], rows: size[1] } : { columns: 80, rows: 24 };
};
const Deno = {
  ...fs, errors, inspect, build: core.build, env: os.env, exit: os.exit, execPath: os.execPath, stdin: io.stdin, stdout: io.stdout,
  stderr: io.stderr, SeekMode: io.SeekMode, loadavg: os.loadavg, osRelease: os.osRelease, osUptime: os.osUptime, hostname: os.hostname,
  systemMemoryInfo: os.systemMemoryInfo, networkInterfaces: os.networkInterfaces, gid: os.gid, uid: os.uid,
  addSignalListener: signals.addSignalListener, removeSignalListener: signals.removeSignalListener, consoleSize, noColor: true, version: {},
  cpuUsage() {
    op_runtime_cpu_usage(usage);
    return { system: usage[0], user: usage[1] };
  },
  memoryUsage() {
    op_runtime_memory_usage(usage);
    return { rss: usage[0], heapTotal: usage[1], heapUsed: usage[2], external: usage[3] };
  },
  get args() { return boot.args; },
  get pid() { return boot.pid; },
  get ppid() { return boot.ppid; },
  get mainModule() { return boot.main; },
  get exitCode() { return os.getExitCode(); },
  set exitCode(value) { os.setExitCode(value); },
  internal: Symbol("internal"),
};
Deno[Deno.internal] = internals;
// deno_core finds its op table through globalThis.Deno.core when it opens a snapshot; it stays until boot.
Deno.core = globalThis.Deno?.core;
globalThis.Deno = ObjectDefineProperties(internals.Deno, ObjectGetOwnPropertyDescriptors(Deno));

// What the report of an uncaught exception shows of it.
function keepFatal(error) {
  try {
    const { inspect } = load("ext:deno_node/internal/util/inspect.mjs");
    if (core.isNativeError(error)) return op_agentos_fatal(inspect(error));
    const text = typeof error === "string" ? error : inspect(error);
    op_agentos_fatal(`${text}\n(Use \`node --trace-uncaught ...\` to show where the exception was thrown)`);
  } catch {
    // A getter of the error threw: the report has its stack.
  }
}
function reportException(error) {
  keepFatal(error);
  event.reportException(error);
}

setNoColorFns(() => true, () => true);
core.setUnhandledPromiseRejectionHandler((promise, reason) => {
  const rejection = new event.PromiseRejectionEvent("unhandledrejection", { cancelable: true, promise, reason });
  globalThis.dispatchEvent(rejection);
  if (!rejection.defaultPrevented) internals.nodeProcessUnhandledRejectionCallback?.(rejection);
  if (!rejection.defaultPrevented) keepFatal(reason);
  return rejection.defaultPrevented;
});
core.setHandledPromiseRejectionHandler((promise, reason) => {
  const handled = new event.PromiseRejectionEvent("rejectionhandled", { promise, reason });
  globalThis.dispatchEvent(handled);
  internals.nodeProcessRejectionHandledCallback?.(handled);
});
core.defineGlobalProperties(globalThis, windowOrWorkerGlobalScope);
// globalThis inherits EventTarget, else the first unhandled rejection fails in `globalThis.dispatchEvent`.
const GlobalScope = { Window: class extends event.EventTarget {} }.Window;
ObjectSetPrototypeOf(globalThis, GlobalScope.prototype);
event.setEventTargetData(globalThis);
event.saveGlobalThisReference(globalThis);
event.defineEventHandler(globalThis, "unhandledrejection");

// Operations that upstream reads from `core.ops` after the boot.
const KEPT_OPS = { __proto__: null, op_set_exit_code: true, op_napi_open: true };

function bootProcess() {
  boot = op_agentos_boot();
  performance.setTimeOrigin();
  core.setReportExceptionCallback(reportException);
  op_set_format_exception_callback((error) =>
    core.isNativeError(error) ? null : "Uncaught " + (typeof error === "string" ? inspectArgs([quoteString(error, {})]) : inspectArgs([error]))
  );
  event.defineEventHandler(globalThis, "error");
  const ops = core.ops;
  for (const name of ObjectKeys(ops)) if (!KEPT_OPS[name]) delete ops[name];
  delete internals.Deno.core;
  delete globalThis.Deno;
  delete globalThis.__bootstrap;
  delete globalThis.bootstrap;
  internals.nodeBootstrap({ usesLocalNodeModulesDir: true, runningOnMainThread: true, argv0: boot.argv0, nodeDebug: "" });
  const { process } = globalThis;
  requireToolkits(internals.Module);
  if (boot.main) process.argv[1] = boot.main;
  else process.argv.splice(1, 1);
  process.execArgv = boot.execArgv;
  delete process.versions.deno;
  useNodeConsole(process);
}

// require("agentos:NAME")
function requireToolkits(Module) {
  const { _load } = Module;
  Module._load = function (request, parent, isMain) {
    if (typeof request === "string" && request.startsWith("agentos:")) {
      const tools = loadToolkit(request.slice("agentos:".length));
      if (tools !== null) return tools;
      const error = new Error(`Cannot find module '${request}': no such toolkit`);
      error.code = "MODULE_NOT_FOUND";
      throw error;
    }
    return _load.call(this, request, parent, isMain);
  };
}

// Node's console formats with node:util and writes through process.stdout, which programs replace.
function useNodeConsole(process) {
  const { Console } = load("ext:deno_node/console.ts");
  const lazily = (name) => ({
    write: (...args) => process[name].write(...args),
    on: (...args) => process[name].on(...args),
    once: (...args) => process[name].once(...args),
    removeListener: (...args) => process[name].removeListener(...args),
    listenerCount: (...args) => process[name].listenerCount(...args),
    get isTTY() { return process[name].isTTY; },
    get columns() { return process[name].columns; },
    getColorDepth: (...args) => process[name].getColorDepth?.(...args) ?? 1,
  });
  const ours = new Console({ stdout: lazily("stdout"), stderr: lazily("stderr") });
  for (const name of ObjectKeys(ours)) if (typeof ours[name] === "function") globalThis.console[name] = ours[name];
  globalThis.console.Console = Console;
}

// `require` and friends as globals, for code that is in no file.
function prepareEval(name) {
  const { Module } = internals;
  const { process } = globalThis;
  const module = new Module(name);
  module.filename = process.cwd() + "/" + name;
  module.paths = Module._nodeModulePaths(process.cwd());
  const scope = { module, exports: module.exports, require: Module.createRequire(module.filename), __filename: name, __dirname: "." };
  ObjectAssign(globalThis, scope);
  for (const builtin of Module.builtinModules) {
    if (builtin.includes("/") || builtin.startsWith("_") || builtin.includes(":") || builtin in globalThis) continue;
    ObjectDefineProperty(globalThis, builtin, {
      __proto__: null, configurable: true, enumerable: false,
      get: () => scope.require(builtin),
      set(value) { ObjectDefineProperty(globalThis, builtin, { __proto__: null, value, writable: true, configurable: true, enumerable: true }); },
    });
  }
}

globalThis.__agentosHooks = {
  boot: bootProcess,
  prepareEval,
  printResult: (value) => globalThis.console.log(value),
  runMain() {
    try {
      internals.Module.runMain();
    } catch (error) {
      keepFatal(error);
      throw error;
    }
  },
  beforeExit: () => internals.dispatchProcessBeforeExitEvent?.() ?? false,
  exit(code) {
    const { process } = globalThis;
    if (code !== undefined && process.exitCode === undefined) process.exitCode = code;
    internals.dispatchProcessExitEvent?.();
  },
};
