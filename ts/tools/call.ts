// One call of a tool: checks the arguments, runs the handler, and hands on what it answers.
import type { ToolContext } from "../../index.js";
import { type Output, chunkOf, failureText, outputOf } from "./result.js";
import type { Tool } from "./toolkit.js";

/** Time for one call where the tool says nothing else. */
export const DEFAULT_TIMEOUT_MS = 30_000;

/** How a call ended, but for what it wrote. */
export type Outcome =
  | { kind: "done"; output: Exclude<Output, { kind: "stream" }> }
  | { kind: "failed" | "badArguments" | "timedOut" | "aborted"; message: string };

/** Where the chunks of a stream go; settles when there is room for the next, and rejects when nobody reads any more. */
export type Write = (chunk: Uint8Array) => Promise<void>;

/**
 * Never rejects.
 * @param context with a signal that is aborted when the process is killed or the VM ends
 */
export async function callTool(tool: Tool, context: ToolContext, args: unknown, write: Write): Promise<Outcome> {
  const limit = new Deadline(tool.timeoutMs ?? DEFAULT_TIMEOUT_MS, context.signal);
  try {
    return await limit.race(answer(tool, { ...context, signal: limit.signal }, args, write));
  } catch (thrown) {
    return { kind: "failed", message: failureText(thrown) };
  } finally {
    limit.end();
  }
}

async function answer(tool: Tool, context: ToolContext, args: unknown, write: Write): Promise<Outcome> {
  const checked = await tool.args.check(args);
  if ("problem" in checked) return { kind: "badArguments", message: checked.problem };
  const output = outputOf(await tool.run(context, checked.value));
  if (output.kind !== "stream") return { kind: "done", output };
  await stream(output.items, context.signal, write);
  return { kind: "done", output: { kind: "nothing" } };
}

/** Asks for the next item when the last one has been taken. */
async function stream(items: AsyncIterator<unknown>, signal: AbortSignal, write: Write): Promise<void> {
  try {
    for (let step = await items.next(); !step.done && !signal.aborted; step = await items.next()) await write(chunkOf(step.value));
  } finally {
    // A generator that waits for something else must not hold up the end of the call.
    void Promise.resolve(items.return?.()).catch(() => {});
  }
}

/** Ends a call when its time is up or its process has gone, whatever the handler does. */
class Deadline {
  readonly #own = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #ended: Promise<Outcome>;
  #end!: (outcome: Outcome) => void;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#outer = outer;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    // A timer of Node holds 31 bits.
    this.#timer = setTimeout(() => this.#stop({ kind: "timedOut", message: `no answer within ${timeoutMs} ms` }, "TimeoutError"), Math.min(timeoutMs, 0x7fff_ffff));
    this.#timer.unref();
    if (outer.aborted) this.#abort();
    else outer.addEventListener("abort", this.#abort, { once: true });
  }

  /** For the handler. */
  get signal(): AbortSignal {
    return this.#own.signal;
  }

  race(work: Promise<Outcome>): Promise<Outcome> {
    // What loses must not be an unhandled rejection.
    work.catch(() => {});
    return Promise.race([work, this.#ended]);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (): void => this.#stop({ kind: "aborted", message: "the call was ended" }, "AbortError", this.#outer.reason);

  #stop(outcome: Outcome, name: string, reason?: unknown): void {
    this.#end(outcome);
    this.#own.abort(reason ?? new DOMException("message" in outcome ? outcome.message : "", name));
  }
}
