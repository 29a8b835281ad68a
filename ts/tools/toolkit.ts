// Toolkits: functions of this process under names, with schemas of their arguments.
import type * as api from "../../index.js";
import { type Check, isFunction, isNumber, isObject, isShape, isText, wrongType } from "../check.js";
import { commandName, isToolName, isToolkitName, refuseClashes } from "./names.js";
import { type ArgumentSchema, argumentSchema } from "./schema.js";

/** One function. */
export interface Tool {
  /** As the user wrote it, and as JavaScript in the VM has it. */
  readonly name: string;
  /** As the command line has it. */
  readonly command: string;
  readonly description: string;
  readonly args: ArgumentSchema;
  readonly returns: ArgumentSchema | undefined;
  readonly timeoutMs: number | undefined;
  readonly run: (context: api.ToolContext, args: unknown) => unknown;
}

/** What keeps a toolkit's tools working, such as a connection; it ends with the last VM that has the toolkit. */
export interface Backing {
  close(): Promise<void>;
}

export class Toolkit implements api.Toolkit {
  readonly name: string;
  readonly description: string;
  readonly tools: readonly string[];
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #backing: Backing | undefined;
  #users = 0;

  constructor(name: string, description: string, tools: readonly Tool[], backing?: Backing) {
    refuseClashes(
      name,
      tools.map((tool) => tool.name),
    );
    this.name = name;
    this.description = description;
    this.tools = tools.map((tool) => tool.name);
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
    this.#backing = backing;
  }

  /** The tool of a name; undefined when there is none. */
  static tool(toolkit: Toolkit, name: string): Tool | undefined {
    return toolkit.#tools.get(name);
  }

  /** All its tools. */
  static all(toolkit: Toolkit): Tool[] {
    return [...toolkit.#tools.values()];
  }

  /** A VM has the toolkit now. */
  static acquire(toolkit: Toolkit): void {
    toolkit.#users++;
  }

  /** A VM has it no more. */
  static async release(toolkit: Toolkit): Promise<void> {
    if (--toolkit.#users === 0) await toolkit.#backing?.close();
  }
}

export const isToolkit: Check = (name, value) => {
  if (!(value instanceof Toolkit)) throw wrongType(name, "a toolkit, made by hostToolkit(), toolKit() or toolkitFromMcp()", value);
};

const fields = { description: isText, timeoutMs: isNumber, args: isAny, returns: isAny, handler: isFunction };
const isDefinition = isShape(fields, ["description", "handler"]);
const isHostToolDefinition = isShape({ description: isText, timeoutMs: isNumber, inputSchema: isAny, outputSchema: isAny, execute: isFunction }, ["description", "execute"]);
const isToolkitOptions = isShape({ description: isText });

/** Schemas are looked at when the toolkit is made: only then is the path known. */
function isAny(): void {}

type Definitions = Readonly<Record<string, api.ToolDefinition>>;

export function hostToolkit(name: string, tools: Definitions, options: { description?: string } = {}): Toolkit {
  isToolkitName("name", name);
  isObject("tools", tools);
  isToolkitOptions("options", options);
  const made = Object.entries(tools).map(([key, definition]) => {
    isToolName("tools", key);
    isDefinition(`tools.${key}`, definition);
    return tool(name, key, definition);
  });
  return new Toolkit(name, options.description ?? "", made);
}

function tool(toolkit: string, name: string, { description, args, returns, timeoutMs, handler }: api.ToolDefinition): Tool {
  const at = (field: string) => `toolkit "${toolkit}": tool "${name}": ${field}`;
  return {
    name,
    command: commandName(name),
    description,
    args: argumentSchema(at("args"), args),
    returns: returns === undefined ? undefined : argumentSchema(at("returns"), returns),
    timeoutMs,
    run: handler as Tool["run"],
  };
}

export class HostTool implements api.HostTool {
  readonly description: string;
  readonly #definition: api.ToolDefinition;

  constructor(definition: api.ToolDefinition) {
    this.description = definition.description;
    this.#definition = definition;
  }

  static definition(tool: HostTool): api.ToolDefinition {
    return tool.#definition;
  }
}

export function hostTool(definition: api.HostToolDefinition): HostTool {
  isHostToolDefinition("definition", definition);
  const { inputSchema, outputSchema, execute, ...rest } = definition;
  const handler = (c: api.ToolContext, args: unknown): unknown => execute(args as never, c);
  return new HostTool({ ...rest, handler, ...(inputSchema !== undefined && { args: inputSchema }), ...(outputSchema !== undefined && { returns: outputSchema }) });
}

const isHostTool: Check = (name, value) => {
  if (!(value instanceof HostTool)) throw wrongType(name, "a tool made by hostTool()", value);
};
const isToolKitShape = isShape({ name: isToolkitName, description: isText, tools: isObject }, ["name", "tools"]);

export function toolKit(options: { name: string; description?: string; tools: Readonly<Record<string, HostTool>> }): Toolkit {
  isToolKitShape("options", options);
  const definitions = Object.entries(options.tools).map(([key, made]) => {
    isHostTool(`options.tools.${key}`, made);
    return [key, HostTool.definition(made)] as const;
  });
  return hostToolkit(options.name, Object.fromEntries(definitions), options.description === undefined ? {} : { description: options.description });
}
