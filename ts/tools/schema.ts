// From a schema of any library to a JSON Schema, which the kernel parses arguments by, and a check of the host after it.
import { inspect } from "node:util";
import { AgentOsError } from "../errors.js";
import { type Issue, issuesText, revived } from "./issues.js";
import { zod3JsonSchema, zod4JsonSchema } from "./zod.js";

/** The arguments as the handler gets them, or what is wrong with them. */
export type Checked = { value: unknown } | { problem: string };

/** A schema of a tool's arguments. */
export interface ArgumentSchema {
  readonly json: JsonSchemaObject;
  /** What JSON Schema cannot say: refinements, transforms, defaults that are computed. */
  check(value: unknown): Promise<Checked>;
}

export type JsonSchemaObject = Readonly<Record<string, unknown>>;

type Parsed = { success: true; data: unknown } | { success: false; error: { issues: readonly Issue[] } };

/** As much as is known of a value that may be a schema. */
interface Candidate {
  readonly _zod?: unknown;
  readonly _def?: { readonly typeName?: unknown };
  readonly safeParseAsync?: (value: unknown) => Promise<Parsed>;
  readonly "~standard"?: StandardProps;
}

interface StandardProps {
  readonly vendor: string;
  readonly validate: (value: unknown) => StandardResult | Promise<StandardResult>;
  readonly jsonSchema?: { readonly input: (options: { target: string }) => JsonSchemaObject };
}

type StandardResult = { value: unknown; issues?: undefined } | { issues: readonly Issue[] };

const TARGET = "draft-2020-12";
const NO_ARGUMENTS: JsonSchemaObject = { type: "object", properties: {}, additionalProperties: false };

/**
 * @param at where the schema was given, for messages
 * @throws `ERR_AGENTOS_SCHEMA` when JSON Schema cannot express it
 */
export function argumentSchema(at: string, schema: unknown): ArgumentSchema {
  if (schema === undefined) return { json: NO_ARGUMENTS, check: async (value) => ({ value }) };
  if ((typeof schema !== "object" && typeof schema !== "function") || schema === null) throw refused(at, "", `${inspect(schema)} is no schema`);
  const candidate = schema as Candidate;
  const refuse = (path: string, why: string): AgentOsError => refused(at, path, why);
  if (candidate._zod !== undefined) return { json: zod4JsonSchema(schema, refuse), check: (value) => check(candidate, value) };
  if (candidate._def?.typeName !== undefined) return { json: zod3JsonSchema(schema, refuse), check: (value) => check(candidate, value) };
  if (candidate["~standard"] !== undefined) return { json: standardJsonSchema(candidate["~standard"], refuse), check: (value) => check(candidate, value) };
  // A JSON Schema has been checked in full before the host is called.
  return { json: plainJson(schema, refuse), check: async (value) => ({ value }) };
}

/** Names the place in the schema as a JSON Pointer. */
function refused(at: string, path: string, why: string): AgentOsError {
  return new AgentOsError({ code: "ERR_AGENTOS_SCHEMA", message: `${at}${path === "" ? "" : ` at ${path}`}: ${why}` });
}

export type Refuse = (path: string, why: string) => AgentOsError;

function standardJsonSchema({ vendor, jsonSchema }: StandardProps, refuse: Refuse): JsonSchemaObject {
  if (jsonSchema === undefined) throw refuse("", `the schema of ${vendor} has no JSON Schema; Standard JSON Schema (\`~standard.jsonSchema\`) is needed`);
  try {
    return plainJson(jsonSchema.input({ target: TARGET }), refuse);
  } catch (error) {
    throw error instanceof AgentOsError ? error : refuse("", (error as Error).message);
  }
}

/** A copy of `value`, which must be JSON: what JSON.stringify would silently drop is refused. */
function plainJson(value: object, refuse: Refuse): JsonSchemaObject {
  const above = new Set<object>();
  const copy = (path: string, part: unknown): unknown => {
    if (part === null || typeof part === "string" || typeof part === "boolean" || Number.isFinite(part)) return part;
    if (typeof part !== "object") throw refuse(path, `${inspect(part)} is not JSON`);
    if (above.has(part)) throw refuse(path, "the schema contains itself; use $ref");
    above.add(part);
    const copied = Array.isArray(part) ? part.map((item, index) => copy(`${path}/${index}`, item)) : copyFields(path, part);
    above.delete(part);
    return copied;
  };
  const copyFields = (path: string, part: object): object => {
    const prototype: unknown = Object.getPrototypeOf(part);
    if (prototype !== null && prototype !== Object.prototype) throw refuse(path, `${inspect(part, { depth: 0 })} is not a plain object`);
    const fields = Object.entries(part).filter(([, field]) => field !== undefined);
    return Object.fromEntries(fields.map(([key, field]) => [key, copy(`${path}/${pointerToken(key)}`, field)]));
  };
  if (Array.isArray(value)) throw refuse("", "a list is no schema");
  return copy("", value) as JsonSchemaObject;
}

/** RFC 6901. */
export function pointerToken(key: string | number): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}

async function check(schema: Candidate, value: unknown): Promise<Checked> {
  const parse = parser(schema);
  const first = await parse(value);
  if ("value" in first) return first;
  // A date is text in JSON, and a date again when the schema asks for one.
  const again = revived(value, first.issues);
  const second = again === undefined ? first : await parse(again.value);
  return "value" in second ? second : { problem: issuesText(second.issues) };
}

function parser(schema: Candidate): (value: unknown) => Promise<{ value: unknown } | { issues: readonly Issue[] }> {
  const { safeParseAsync } = schema;
  if (typeof safeParseAsync === "function") {
    return async (value) => {
      const parsed = await safeParseAsync.call(schema, value);
      return parsed.success ? { value: parsed.data } : { issues: parsed.error.issues };
    };
  }
  return async (value) => {
    const result = await (schema["~standard"] as StandardProps).validate(value);
    return result.issues === undefined ? { value: result.value } : { issues: result.issues };
  };
}
