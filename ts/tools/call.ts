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
 * @param context has the signal of `ending`
 */
export async function callTool(tool: Tool, context: ToolContext, args: unknown, write: Write, ending: Ending): Promise<Outcome> {
  try {
    return await ending.race(answer(tool, context, args, write, ending));
  } catch (thrown) {
    return { kind: "failed", message: failureText(thrown) };
  } finally {
    ending.close();
  }
}

async function answer(tool: Tool, context: ToolContext, args: unknown, write: Write, ending: Ending): Promise<Outcome> {
  const checked = await tool.args.check(args);
  if ("problem" in checked) return { kind: "badArguments", message: checked.problem };
  const output = outputOf(await tool.run(context, checked.value));
  if (output.kind !== "stream") return { kind: "done", output };
  await stream(output.items, ending, write);
  return { kind: "done", output: { kind: "nothing" } };
}

/** Asks for the next item when the last one has been taken. */
async function stream(items: AsyncIterator<unknown>, ending: Ending, write: Write): Promise<void> {
  try {
    for (let step = await items.next(); !step.done && !ending.over; step = await items.next()) await write(chunkOf(step.value));
  } finally {
    // A generator that waits for something else must not hold up the end of the call.
    void Promise.resolve(items.return?.()).catch(() => {});
  }
}

/** Ends a call when its time is up or its process has gone, whatever the handler does. */
export class Ending {
  readonly #timer: NodeJS.Timeout;
  readonly #ended: Promise<Outcome>;
  #end!: (outcome: Outcome) => void;
  /** Most handlers never look at it, and it costs more than the rest of a call. */
  #controller: AbortController | undefined;
  #reason: DOMException | undefined;

  constructor(timeoutMs = DEFAULT_TIMEOUT_MS) {
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    // A timer of Node holds 31 bits.
    this.#timer = setTimeout(() => this.#stop("timedOut", `no answer within ${timeoutMs} ms`, "TimeoutError"), Math.min(timeoutMs, 0x7fff_ffff));
    this.#timer.unref();
  }

  /** For the handler. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Whether nobody waits for an answer any more. */
  get over(): boolean {
    return this.#reason !== undefined;
  }

  /** The process was killed, or the VM ends. */
  abort(): void {
    this.#stop("aborted", "the call was ended", "AbortError");
  }

  race(work: Promise<Outcome>): Promise<Outcome> {
    // What loses must not be an unhandled rejection.
    work.catch(() => {});
    return Promise.race([work, this.#ended]);
  }

  /** The call was answered. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #stop(kind: "timedOut" | "aborted", message: string, name: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = new DOMException(message, name);
    this.#end({ kind, message });
    this.#controller?.abort(this.#reason);
  }
}
