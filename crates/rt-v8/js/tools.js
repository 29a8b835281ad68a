// Host tools as objects: `import project from "agentos:project"`, `require("agentos:project")`.
import { primordials } from "ext:core/mod.js";
import { op_agentos_tool_call, op_agentos_tool_close, op_agentos_tool_keys, op_agentos_tool_next } from "ext:core/ops";

const { Error, JSONParse, JSONStringify, ObjectCreate, ObjectFreeze, SymbolAsyncIterator, TypeError } = primordials;

// The functions of a toolkit by key, or null when there is no such toolkit.
export function loadToolkit(name) {
  const keys = op_agentos_tool_keys(name);
  if (keys === null) return null;
  const tools = ObjectCreate(null);
  for (let i = 0; i < keys.length; i++) tools[keys[i]] = (args) => call(name, keys[i], args);
  return ObjectFreeze(tools);
}

async function call(toolkit, tool, args) {
  if (args !== undefined && (typeof args !== "object" || args === null)) {
    throw new TypeError(`${toolkit}.${tool}: the arguments are one object; got ${args === null ? "null" : typeof args}`);
  }
  const piece = await op_agentos_tool_call(toolkit, tool, args === undefined ? "{}" : JSONStringify(args));
  if (piece.rid !== null && piece.rid !== undefined) return new ToolStream(piece);
  return value(piece);
}

function value(piece) {
  if (piece.kind === "failed") throw new Error(piece.text);
  if (piece.kind === "json") return JSONParse(piece.text);
  if (piece.kind === "nothing") return undefined;
  return piece.kind === "text" ? piece.text : piece.bytes;
}

// What a tool that answers piece by piece gives: bytes, to be read with `for await`.
class ToolStream {
  #first;
  #rid;

  constructor(first) {
    this.#first = first;
    this.#rid = first.rid;
  }

  async next() {
    if (this.#rid === undefined) return { done: true, value: undefined };
    const piece = this.#first ?? await op_agentos_tool_next(this.#rid);
    this.#first = undefined;
    if (piece.kind === "chunk") return { done: false, value: piece.bytes };
    this.#close();
    value(piece);
    return { done: true, value: undefined };
  }

  async return(result) {
    this.#close();
    return { done: true, value: result };
  }

  [SymbolAsyncIterator]() {
    return this;
  }

  #close() {
    if (this.#rid !== undefined) op_agentos_tool_close(this.#rid);
    this.#rid = undefined;
  }
}
