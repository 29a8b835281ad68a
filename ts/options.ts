// The shapes of the option objects. Values are checked again in Rust, where the defaults are.
import type { Environment } from "../index.js";
import {
  type Check,
  isAbortSignal,
  isArrayOf,
  isBoolean,
  isBytesOrText,
  isEnvironment,
  isFunction,
  isInteger,
  isNumber,
  isObject,
  isOneOf,
  isShape,
  isString,
  isText,
  wrongType,
} from "./check.js";
import { isToolkit } from "./tools/toolkit.js";

/** A manifest is checked in Rust, field by field; here only that it is one and not, say, a package's name. */
const isSoftware: Check = (name, value) => {
  if (typeof value !== "object" || value === null || typeof (value as { name?: unknown }).name !== "string") {
    throw wrongType(name, "a software manifest, such as the default export of @agentos/common", value);
  }
};

const isDriver: Check = (name, value) => {
  if (typeof value !== "object" || value === null || typeof (value as { type?: unknown }).type !== "string") {
    throw wrongType(name, "a driver, such as hostDir(path) or memory()", value);
  }
};

export const isAgentOsOptions = isShape({
  software: isArrayOf(isSoftware),
  toolkits: isArrayOf(isToolkit),
  mounts: isArrayOf(isShape({ path: isString, driver: isDriver, readOnly: isBoolean }, ["path", "driver"])),
  permissions: isObject,
  permissionTimeoutMs: isInteger,
  autoApprove: isBoolean,
  limits: isShape({
    maxMemoryMb: isInteger,
    maxCpuPercent: isInteger,
    maxProcesses: isInteger,
    maxOpenFiles: isInteger,
    maxFsBytes: isInteger,
    maxInodes: isInteger,
    maxPipes: isInteger,
    maxPtys: isInteger,
    maxSockets: isInteger,
    maxOutputBytes: isInteger,
    maxExecMs: isInteger,
    maxArgBytes: isInteger,
  }),
  env: isEnvironment,
  user: isShape({ uid: isInteger, gid: isInteger, name: isString, home: isString }),
  hostname: isString,
});

const spawnFields = {
  cwd: isString,
  env: isEnvironment,
  stdin: isBytesOrText,
  timeoutMs: isNumber,
  signal: isAbortSignal,
  onStdout: isFunction,
  onStderr: isFunction,
  maxOutputBytes: isNumber,
  permissions: isObject,
};

export const isSpawnOptions = isShape(spawnFields);

export const isExecOptions = isShape({ ...spawnFields, encoding: isOneOf("utf8", "buffer") });

const isAnswerer = isOneOf("auto", "deny", "ask");

/** Who answers the agent, or rules that narrow what it may do, which are read in Rust. */
const isSessionPermissions: Check = (name, value) => {
  if (typeof value !== "object") isAnswerer(name, value);
  else isObject(name, value);
};

export const isSessionOptions = isShape({
  cwd: isString,
  env: isEnvironment,
  mcpServers: isArrayOf(isObject),
  additionalInstructions: isText,
  permissions: isSessionPermissions,
});

export const isPromptOptions = isShape({ signal: isAbortSignal });

/** An environment without absent variables. */
export function defined(env: Environment | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(env ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
