// Tools of a server of the Model Context Protocol as a toolkit. The official SDK is loaded when it is asked for: without it
// everything else works.
import type { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { StdioServerParameters } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { CallToolResult, Tool as McpTool } from "@modelcontextprotocol/sdk/types.js";
import type * as api from "../../index.js";
import { type Check, isArrayOf, isEnvironment, isNumber, isObject, isShape, isString, wrongType } from "../check.js";
import { AgentOsError } from "../errors.js";
import { defined } from "../options.js";
import { DEFAULT_TIMEOUT_MS } from "./call.js";
import { commandName, isToolName, isToolkitName } from "./names.js";
import { argumentSchema } from "./schema.js";
import { type Backing, type Tool, Toolkit } from "./toolkit.js";

/** Most pages of a list of tools. */
const MAX_PAGES = 100;

const isCommand = isShape({ command: isString, args: isArrayOf(isString), env: isEnvironment, cwd: isString }, ["command"]);
const isUrl = isShape({ url: isString, headers: isObject }, ["url"]);
const isOptions = isShape({ name: isToolkitName, timeoutMs: isNumber });

const isServer: Check = (name, value) => {
  isObject(name, value);
  if (isClient(value)) return;
  if ("command" in (value as object)) isCommand(name, value);
  else if ("url" in (value as object)) isUrl(name, value);
  else throw wrongType(name, "a connected Client of @modelcontextprotocol/sdk, { command } or { url }", value);
};

/** By what it does: a user's SDK may be another copy than ours. */
function isClient(value: unknown): value is Client {
  const client = value as { callTool?: unknown; listTools?: unknown };
  return typeof client.callTool === "function" && typeof client.listTools === "function";
}

export async function toolkitFromMcp(server: api.McpSource, options: { name?: string; timeoutMs?: number } = {}): Promise<Toolkit> {
  isServer("server", server);
  isOptions("options", options);
  const given = isClient(server);
  const client = given ? server : await connect(server as Exclude<api.McpSource, api.McpClient>);
  // A client that was handed in belongs to who made it.
  const backing: Backing = { close: given ? async () => {} : () => client.close() };
  try {
    const name = options.name ?? toolkitName(client.getServerVersion()?.name ?? "mcp");
    const tools = (await listTools(client)).map((tool) => wrapped(name, client, tool, options.timeoutMs));
    return new Toolkit(name, firstLine(client.getInstructions() ?? ""), tools, backing);
  } catch (error) {
    await backing.close();
    throw error;
  }
}

type Sdk = typeof import("@modelcontextprotocol/sdk/client/index.js");

async function connect(server: Exclude<api.McpSource, api.McpClient>): Promise<Client> {
  const { Client: SdkClient } = await sdk(() => import("@modelcontextprotocol/sdk/client/index.js") as Promise<Sdk>);
  const client = new SdkClient({ name: "agentos", version: "0.1.0" });
  await client.connect(await transport(server));
  return client;
}

async function transport(server: Exclude<api.McpSource, api.McpClient>) {
  if ("url" in server) {
    const { StreamableHTTPClientTransport } = await sdk(() => import("@modelcontextprotocol/sdk/client/streamableHttp.js"));
    return new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: { ...server.headers } } });
  }
  const { StdioClientTransport, getDefaultEnvironment } = await sdk(() => import("@modelcontextprotocol/sdk/client/stdio.js"));
  const { command, args = [], env, cwd } = server;
  const parameters: StdioServerParameters = { command, args: [...args], env: { ...getDefaultEnvironment(), ...defined(env) }, ...(cwd !== undefined && { cwd }) };
  return new StdioClientTransport(parameters);
}

async function sdk<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new AgentOsError({
      code: "ERR_AGENTOS_MISSING_PACKAGE",
      message: "this needs the package @modelcontextprotocol/sdk, which is not installed: npm install @modelcontextprotocol/sdk",
    });
  }
}

async function listTools(client: Client): Promise<McpTool[]> {
  const tools: McpTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const answer = await client.listTools(cursor === undefined ? {} : { cursor });
    tools.push(...answer.tools);
    if (answer.nextCursor === undefined) return tools;
    cursor = answer.nextCursor;
  }
  throw new AgentOsError({ code: "ERR_AGENTOS_MCP", message: `the server's list of tools has more than ${MAX_PAGES} pages` });
}

function wrapped(toolkit: string, client: Client, { name, description, inputSchema, outputSchema, title }: McpTool, timeoutMs: number | undefined): Tool {
  const key = toolName(name);
  isToolName("server.tools", key);
  const at = (field: string) => `toolkit "${toolkit}": tool "${name}": ${field}`;
  return {
    name: key,
    command: commandName(key),
    description: description ?? title ?? name,
    args: argumentSchema(at("inputSchema"), inputSchema),
    returns: outputSchema === undefined ? undefined : argumentSchema(at("outputSchema"), outputSchema),
    timeoutMs,
    run: async ({ signal }, args) => {
      // The SDK has a time limit of its own; ours ends the call by the signal, which also tells the server.
      const timeout = 2 * (timeoutMs ?? DEFAULT_TIMEOUT_MS);
      return resultOf((await client.callTool({ name, arguments: args as Record<string, unknown> }, undefined, { signal, timeout })) as CallToolResult);
    },
  };
}

/** Structured content as it is; text as text; one picture, sound or file as its bytes; anything else as the list that it is. */
function resultOf({ content = [], structuredContent, isError }: CallToolResult): unknown {
  const text = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  if (isError === true) throw new Error(text.join("\n") || "the tool failed");
  if (structuredContent !== undefined) return structuredContent;
  if (text.length === content.length) return text.length === 0 ? undefined : text.join("\n");
  const [only] = content;
  if (content.length === 1 && only !== undefined) return single(only);
  return content;
}

function single(part: CallToolResult["content"][number]): unknown {
  if (part.type === "image" || part.type === "audio") return Buffer.from(part.data, "base64");
  if (part.type !== "resource") return part;
  return "blob" in part.resource ? Buffer.from(part.resource.blob, "base64") : part.resource.text;
}

/** A server's name as a toolkit's: `GitHub MCP Server` is `github-mcp-server`. */
function toolkitName(server: string): string {
  const words = server.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  const name = words.join("-").replace(/^[^a-z]+/, "");
  return name === "" ? "mcp" : name;
}

/** Names of tools may have dots and slashes in MCP. */
function toolName(name: string): string {
  return (name.match(/[A-Za-z0-9]+([-_][A-Za-z0-9]+)*/g) ?? [name]).join("-");
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0] ?? "";
}
