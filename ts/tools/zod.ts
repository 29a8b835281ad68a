// JSON Schemas of zod's schemas. zod belongs to the user: nothing here needs it to be installed beside this package.
import { createRequire } from "node:module";
import type { AgentOsError } from "../errors.js";
import { type JsonSchemaObject, type Refuse, pointerToken } from "./schema.js";

type Path = ReadonlyArray<string | number>;

/** Kinds of zod schemas that no JSON value matches. Dates and big integers are revived on the host. */
const UNREPRESENTABLE = new Set(["custom", "file", "function", "map", "nan", "promise", "set", "symbol", "undefined", "void"]);

interface Zod4Context {
  readonly zodSchema: { readonly _zod: { readonly def: { readonly type: string } } };
  readonly jsonSchema: Record<string, unknown>;
  readonly path: Path;
}

interface Zod4Options {
  io: "input";
  target: "draft-2020-12";
  unrepresentable: "any";
  override: (context: Zod4Context) => void;
}

type Convert = (schema: unknown, options: Zod4Options) => JsonSchemaObject;

/** For a schema of zod 4, of `zod/mini` too. */
export function zod4JsonSchema(schema: object, refuse: Refuse): JsonSchemaObject {
  const refused: AgentOsError[] = [];
  const override = ({ zodSchema, jsonSchema, path }: Zod4Context): void => {
    const { type } = zodSchema._zod.def;
    if (type === "date") Object.assign(jsonSchema, { type: "string", format: "date-time" });
    if (type === "bigint") jsonSchema["type"] = "integer";
    if (UNREPRESENTABLE.has(type)) refused.push(refuse(pointer(path), `${article(type)} has no JSON form`));
  };
  const json = converter(schema, refuse)(schema, { io: "input", target: "draft-2020-12", unrepresentable: "any", override });
  if (refused[0] !== undefined) throw refused[0];
  // A copy without the validators that zod hangs on it.
  return JSON.parse(JSON.stringify(json)) as JsonSchemaObject;
}

/** The converter of the very zod that made the schema, where it has one (from 4.2 on); else that of the zod that is installed. */
function converter(schema: object, refuse: Refuse): Convert {
  const own = (schema as { toJSONSchema?: (options: Zod4Options) => JsonSchemaObject }).toJSONSchema;
  if (typeof own === "function") return (_, options) => own.call(schema, options);
  return (required("zod/v4/core", refuse, "zod 4 before 4.2") as { toJSONSchema: Convert }).toJSONSchema;
}

interface Zod3References {
  readonly currentPath: readonly string[];
}

interface Zod3Options {
  target: "jsonSchema2019-09";
  effectStrategy: "input";
  pipeStrategy: "input";
  override: (definition: { typeName: string }, references: Zod3References) => unknown;
}

interface Zod3Converter {
  zodToJsonSchema(schema: object, options: Zod3Options): JsonSchemaObject;
  readonly ignoreOverride: symbol;
}

/** For a schema of zod 3, by the package `zod-to-json-schema`. */
export function zod3JsonSchema(schema: object, refuse: Refuse): JsonSchemaObject {
  const { zodToJsonSchema, ignoreOverride } = required("zod-to-json-schema", refuse, "zod 3") as Zod3Converter;
  const refused: AgentOsError[] = [];
  const override = ({ typeName }: { typeName: string }, { currentPath }: Zod3References): unknown => {
    const kind = typeName.replace(/^Zod/, "").toLowerCase();
    if (UNREPRESENTABLE.has(kind)) refused.push(refuse(pointer(currentPath.slice(1)), `${article(kind)} has no JSON form`));
    return ignoreOverride;
  };
  const json = zodToJsonSchema(schema, { target: "jsonSchema2019-09", effectStrategy: "input", pipeStrategy: "input", override });
  if (refused[0] !== undefined) throw refused[0];
  return modern(json) as JsonSchemaObject;
}

/** Keywords whose value holds schemas by name, and those whose value is none. */
const NAMED = new Set(["properties", "patternProperties", "definitions", "$defs"]);
const DATA = new Set(["default", "enum", "const", "examples"]);

type Fields = Readonly<Record<string, unknown>>;

/** zod-to-json-schema writes tuples in the form of draft 7 whatever its target is; 2020-12 has `prefixItems`. */
function modern(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(modern);
  if (typeof part !== "object" || part === null) return part;
  const { $schema: _, items, additionalItems, ...rest } = part as Fields;
  const fields = mapFields(rest, (keyword, value) => {
    if (DATA.has(keyword)) return value;
    return NAMED.has(keyword) ? mapFields(value as Fields, (_name, schema) => modern(schema)) : modern(value);
  });
  if (!Array.isArray(items)) return items === undefined ? fields : { ...fields, items: modern(items) };
  return { ...fields, prefixItems: items.map(modern), ...(additionalItems !== undefined && { items: modern(additionalItems) }) };
}

function mapFields(fields: Fields, change: (key: string, value: unknown) => unknown): Fields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, change(key, value)]));
}

/** Loads a package of the user's: from beside this one, or from where the program runs. */
function required(name: string, refuse: Refuse, what: string): unknown {
  for (const base of [import.meta.url, `${process.cwd()}/package.json`]) {
    try {
      return createRequire(base)(name);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  const [owner] = name.split("/") as [string];
  throw refuse("", `schemas of ${what} need the package ${owner}, which is not installed: npm install ${owner}`);
}

function pointer(path: Path): string {
  return path.map((key) => `/${pointerToken(key)}`).join("");
}

function article(kind: string): string {
  const word = kind === "custom" ? "custom type" : kind;
  return /^[aeiou]/.test(word) ? `an ${word}` : `a ${word}`;
}
