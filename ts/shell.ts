// A program on a terminal, and the terminal of this process as its screen.
import { EventEmitter } from "node:events";
import { ReadableStream } from "node:stream/web";
import type * as api from "../index.js";
import type { ProcessExit, ShellOptions, SignalName } from "../index.js";
import { type NativeTerminal, type NativeVm, called, settled } from "./binding.js";
import { type Check, isArrayOf, isBytesOrText, isEnvironment, isFunction, isInteger, isOneOf, isShape, isString, wrongValue } from "./check.js";
import { defined } from "./options.js";
import { bytes } from "./run.js";
import { isSignal } from "./signals.js";

/** Most bytes of one chunk. */
const CHUNK_BYTES = 64 * 1024;
/** How long a program may go on after its terminal was taken away. */
const HANGUP_GRACE_MS = 2000;
const DEFAULT_SIZE = { cols: 80, rows: 24 };

/** The kernel counts columns and rows with 16 bits. */
const isCount: Check = (name, value) => {
  isInteger(name, value);
  if ((value as number) < 1 || (value as number) > 0xffff) throw wrongValue(name, "1 to 65535", value);
};

const fields = { command: isString, args: isArrayOf(isString), cols: isCount, rows: isCount, cwd: isString, env: isEnvironment };
export const isShellOptions = isShape(fields);

export class Shell implements api.Shell {
  readonly id: string;
  readonly pid: number;
  readonly data: ReadableStream<Uint8Array>;
  readonly #native: NativeTerminal;
  readonly #emitter = new EventEmitter();
  #exited: Promise<ProcessExit> | undefined;
  #told = false;
  #closed: Promise<void> | undefined;

  /** For a program that was just started. */
  constructor(id: string, native: NativeTerminal) {
    this.id = id;
    this.pid = native.pid;
    this.#native = native;
    this.data = output(native);
  }

  // Only who asks waits: a pending promise would keep the process alive.
  get exited(): Promise<ProcessExit> {
    this.#exited ??= settled(() => this.#native.wait());
    return this.#exited;
  }

  async write(content: string | Uint8Array): Promise<void> {
    isBytesOrText("content", content);
    await settled(() => this.#native.write(bytes(content)));
  }

  resize(cols: number, rows: number): void {
    isCount("cols", cols);
    isCount("rows", rows);
    called(() => this.#native.resize(cols, rows));
  }

  kill(signal: SignalName = "SIGTERM"): boolean {
    isSignal("signal", signal);
    return called(() => this.#native.kill(signal));
  }

  on(event: "data" | "exit", listener: ((chunk: Uint8Array) => void) | ((exit: ProcessExit) => void)): this {
    isOneOf("data", "exit")("event", event);
    isFunction("listener", listener);
    this.#emitter.on(event, listener);
    if (event === "data") void this.#tellData();
    else void this.exited.then((exit) => this.#emitter.emit("exit", exit)).catch(() => {});
    return this;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    called(() => this.#native.hangUp());
    const timer = setTimeout(() => called(() => this.#native.kill("SIGKILL")), HANGUP_GRACE_MS);
    timer.unref();
    try {
      await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  async #tellData(): Promise<void> {
    if (this.#told) return;
    this.#told = true;
    // A listener that throws is an uncaught exception, as of any event.
    for await (const chunk of this.data) setImmediate(() => this.#emitter.emit("data", chunk));
  }
}

/** Starts a program on a terminal; `name` is how the caller calls it later. */
export async function openShell(native: NativeVm, id: string, options: ShellOptions): Promise<Shell> {
  isShellOptions("options", options);
  const { command, args, cwd, env, cols = DEFAULT_SIZE.cols, rows = DEFAULT_SIZE.rows } = options;
  const request = {
    program: command ?? "/bin/bash",
    // A login shell reads /etc/profile, which sets the prompt.
    args: [...(args ?? (command === undefined ? ["-l"] : []))],
    ...(command === undefined && { argv0: "bash" }),
    ...(cwd !== undefined && { cwd }),
    env: defined(env),
  };
  return new Shell(id, await settled(() => native.openTerminal(request, cols, rows)));
}

function output(native: NativeTerminal): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const chunk = await settled(() => native.read(CHUNK_BYTES));
        if (chunk.length === 0) controller.close();
        else controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
}
