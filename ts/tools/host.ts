// The functions behind a VM's toolkits: takes the calls that come from it, and answers them.
import type { AgentOs, ToolContext } from "../../index.js";
import { type NativeToolCall, type NativeVm, called, settled } from "../binding.js";
import { Ending, type Outcome, callTool } from "./call.js";
import { Toolkit } from "./toolkit.js";

/** Tells which session a process belongs to: the environment of each session's agent has a value of its own. */
export const SESSION_VARIABLE = "AGENTOS_SESSION";

/** What the addon is told of a toolkit. */
export function describeToolkit(toolkit: Toolkit): object {
  const tools = Toolkit.all(toolkit).map(({ name, command, description, args, returns, timeoutMs }) => ({
    key: name,
    name: command,
    description,
    inputSchema: args.json,
    ...(returns !== undefined && { outputSchema: returns.json }),
    ...(timeoutMs !== undefined && { timeoutMs: Math.ceil(timeoutMs) }),
  }));
  return { name: toolkit.name, description: toolkit.description, tools };
}

/** `NAME=value` strings, each ended by a zero byte, as environ(7) has them. */
function parseEnvironment(environ: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const entry of environ.split("\0")) {
    const at = entry.indexOf("=");
    if (at > 0) variables[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return variables;
}

/** A VM that was collected rather than disposed gives its toolkits back too. */
const collected = new FinalizationRegistry<ToolHost>((host) => void host.close().catch(() => {}));

export class ToolHost {
  readonly #toolkits: ReadonlyMap<string, Toolkit>;
  readonly #native: WeakRef<NativeVm>;
  readonly #calls = new Map<number, Ending>();
  #vm: WeakRef<AgentOs> | undefined;
  #sessionOf: (tag: string | undefined) => string | null = () => null;

  constructor(native: NativeVm, toolkits: readonly Toolkit[]) {
    this.#toolkits = new Map(toolkits.map((toolkit) => [toolkit.name, toolkit]));
    // What the addon holds must not hold the VM: a VM that nothing else refers to ends.
    this.#native = new WeakRef(native);
    for (const toolkit of toolkits) Toolkit.acquire(toolkit);
    called(() => native.setToolHost((call) => void this.#answer(call), (id) => this.#calls.get(id)?.abort()));
  }

  /** Names the VM that handlers get. */
  serve(vm: AgentOs, sessionOf: (tag: string | undefined) => string | null): void {
    this.#vm = new WeakRef(vm);
    this.#sessionOf = sessionOf;
    collected.register(vm, this, this);
  }

  /** Whether the VM has this very toolkit. */
  has(toolkit: Toolkit): boolean {
    return this.#toolkits.get(toolkit.name) === toolkit;
  }

  /** Ends the calls in flight and gives the toolkits back. */
  async close(): Promise<void> {
    collected.unregister(this);
    for (const ending of this.#calls.values()) ending.abort();
    await Promise.all([...this.#toolkits.values()].map(Toolkit.release));
  }

  /** Never rejects: the addon has nobody to tell. */
  async #answer(call: NativeToolCall): Promise<void> {
    const { id, toolkit, tool } = call;
    const kit = this.#toolkits.get(toolkit);
    const found = kit === undefined ? undefined : Toolkit.tool(kit, tool);
    const vm = this.#vm?.deref();
    if (vm === undefined || found === undefined) return this.#end(id, { kind: "failed", message: "the host has no such tool any more" });
    const ending = new Ending(found.timeoutMs);
    this.#calls.set(id, ending);
    try {
      this.#end(id, await callTool(found, this.#context(vm, call, ending), JSON.parse(call.args) as unknown, (chunk) => this.#write(id, chunk, ending), ending));
    } finally {
      this.#calls.delete(id);
    }
  }

  /** What costs something to make is made when a handler looks at it. */
  #context(vm: AgentOs, { pid, cwd, environ }: NativeToolCall, ending: Ending): ToolContext {
    const sessionOf = this.#sessionOf;
    let parsed: Record<string, string> | undefined;
    let visible: Record<string, string> | undefined;
    const variables = () => (parsed ??= parseEnvironment(environ));
    return {
      vm,
      pid,
      cwd,
      get sessionId() {
        return sessionOf(variables()[SESSION_VARIABLE]);
      },
      get env() {
        return (visible ??= (({ [SESSION_VARIABLE]: _, ...rest }) => rest)(variables()));
      },
      get signal() {
        return ending.signal;
      },
    };
  }

  async #write(id: number, chunk: Uint8Array, ending: Ending): Promise<void> {
    const native = this.#native.deref();
    if (native === undefined || !(await settled(() => native.toolChunk(id, chunk)))) ending.abort();
  }

  #end(id: number, outcome: Outcome): void {
    const native = this.#native.deref();
    if (native === undefined || native.disposed) return;
    if (outcome.kind !== "done") native.toolEnd(id, outcome.kind, outcome.message);
    else if (outcome.output.kind === "bytes") native.toolEnd(id, "bytes", undefined, outcome.output.bytes);
    else if (outcome.output.kind === "text") native.toolEnd(id, "text", outcome.output.text);
    else if (outcome.output.kind === "json") native.toolEnd(id, "json", outcome.output.json);
    else native.toolEnd(id, "nothing");
  }
}
