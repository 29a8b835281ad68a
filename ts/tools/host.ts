// The functions behind a VM's toolkits: takes the calls that come from it, and answers them.
import type { AgentOs, ToolContext } from "../../index.js";
import { type NativeToolCall, type NativeVm, called, settled } from "../binding.js";
import { type Outcome, callTool } from "./call.js";
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

/** A VM that was collected rather than disposed gives its toolkits back too. */
const collected = new FinalizationRegistry<ToolHost>((host) => void host.close().catch(() => {}));

export class ToolHost {
  readonly #toolkits: ReadonlyMap<string, Toolkit>;
  readonly #native: WeakRef<NativeVm>;
  readonly #calls = new Map<number, AbortController>();
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
    for (const controller of this.#calls.values()) controller.abort();
    await Promise.all([...this.#toolkits.values()].map(Toolkit.release));
  }

  /** Never rejects: the addon has nobody to tell. */
  async #answer(call: NativeToolCall): Promise<void> {
    const { id } = call;
    const controller = new AbortController();
    this.#calls.set(id, controller);
    try {
      this.#end(id, await this.#run(call, controller));
    } finally {
      this.#calls.delete(id);
    }
  }

  async #run({ id, toolkit, tool, args, pid, cwd, env }: NativeToolCall, controller: AbortController): Promise<Outcome> {
    const [vm, kit] = [this.#vm?.deref(), this.#toolkits.get(toolkit)];
    const found = kit === undefined ? undefined : Toolkit.tool(kit, tool);
    if (vm === undefined || found === undefined) return { kind: "failed", message: "the host has no such tool any more" };
    const { [SESSION_VARIABLE]: tag, ...visible } = env;
    const context: ToolContext = { vm, sessionId: this.#sessionOf(tag), pid, cwd, env: visible, signal: controller.signal };
    return callTool(found, context, JSON.parse(args) as unknown, async (chunk) => {
      const native = this.#native.deref();
      if (native === undefined || !(await settled(() => native.toolChunk(id, chunk)))) controller.abort();
    });
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
