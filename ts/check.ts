// Checks of arguments, with Node's messages: which argument, what it takes, what it got.
import { inspect } from "node:util";
import { AgentOsError } from "./errors.js";

/** Throws when `value` is not what it should be; `name` is its path, `"options.cwd"`. */
export type Check = (name: string, value: unknown) => void;

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "function") return `function ${value.name}`.trimEnd();
  if (typeof value === "object") {
    const name = (value as { constructor?: { name?: string } }).constructor?.name;
    return name ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  const text = inspect(value);
  return `type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
}

function kindOf(name: string): string {
  return name.includes(".") || name.includes("[") ? "property" : "argument";
}

/** `The "path" argument must be of type string. Received undefined`. */
export function wrongType(name: string, expected: string, value: unknown): AgentOsError {
  return new AgentOsError({ code: "ERR_INVALID_ARG_TYPE", message: `The "${name}" ${kindOf(name)} must be ${expected}. Received ${describe(value)}` });
}

/** `The "path" argument must be an absolute path. Received 'x'`. */
export function wrongValue(name: string, expected: string, value: unknown): AgentOsError {
  return new AgentOsError({ code: "ERR_INVALID_ARG_VALUE", message: `The "${name}" ${kindOf(name)} must be ${expected}. Received ${inspect(value)}` });
}

/** Text that a system call can take. */
export const isString: Check = (name, value) => {
  if (typeof value !== "string") throw wrongType(name, "of type string", value);
  if (value.includes("\0")) throw wrongValue(name, "a string without null bytes", value);
};

/** Any text. */
export const isText: Check = (name, value) => {
  if (typeof value !== "string") throw wrongType(name, "of type string", value);
};

export const isBoolean: Check = (name, value) => {
  if (typeof value !== "boolean") throw wrongType(name, "of type boolean", value);
};

/** A number from 0 on. */
export const isNumber: Check = (name, value) => {
  if (typeof value !== "number") throw wrongType(name, "of type number", value);
  if (!(value >= 0)) throw wrongValue(name, "a number >= 0", value);
};

/** A whole number from 0 on. */
export const isInteger: Check = (name, value) => {
  isNumber(name, value);
  if (!Number.isSafeInteger(value)) throw wrongValue(name, "an integer", value);
};

/** Permission bits. */
export const isMode: Check = (name, value) => {
  isInteger(name, value);
  if ((value as number) > 0o7777) throw wrongValue(name, "permission bits, 0 to 0o7777", value);
};

export const isFunction: Check = (name, value) => {
  if (typeof value !== "function") throw wrongType(name, "of type function", value);
};

export const isBytesOrText: Check = (name, value) => {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) throw wrongType(name, "of type string or an instance of Uint8Array", value);
};

export const isAbortSignal: Check = (name, value) => {
  if (!(value instanceof AbortSignal)) throw wrongType(name, "an instance of AbortSignal", value);
};

/** Values of `undefined` count as absent. */
export const isEnvironment: Check = (name, value) => {
  isObject(name, value);
  for (const [key, text] of Object.entries(value as object)) {
    if (text !== undefined) isString(`${name}.${key}`, text);
  }
};

export const isObject: Check = (name, value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(name, "of type object", value);
};

/** One of some words. */
export function isOneOf(...words: readonly string[]): Check {
  return (name, value) => {
    if (typeof value !== "string") throw wrongType(name, "of type string", value);
    if (!words.includes(value)) throw wrongValue(name, `one of ${words.map((word) => `'${word}'`).join(", ")}`, value);
  };
}

/** A list. */
export function isArrayOf(check: Check): Check {
  return (name, value) => {
    if (!Array.isArray(value)) throw wrongType(name, "an instance of Array", value);
    value.forEach((item, index) => check(`${name}[${index}]`, item));
  };
}

/** An object with these fields, all optional but those named, and no others: a misspelt option must not go unnoticed. */
export function isShape(fields: Readonly<Record<string, Check>>, required: readonly string[] = []): Check {
  return (name, value) => {
    isObject(name, value);
    const given = value as Record<string, unknown>;
    for (const key of required) fields[key]?.(`${name}.${key}`, given[key]);
    for (const [key, field] of Object.entries(given)) {
      const check = Object.hasOwn(fields, key) ? fields[key] : undefined;
      if (check === undefined) throw wrongValue(name, `an object with the fields ${Object.keys(fields).join(", ")}`, { [key]: field });
      if (field !== undefined) check(`${name}.${key}`, field);
    }
  };
}

/** Checks an argument that may be absent. */
export function optional(name: string, value: unknown, check: Check): void {
  if (value !== undefined) check(name, value);
}
