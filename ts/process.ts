// A program that runs, with Web streams on its standard streams.
import { EventEmitter } from "node:events";
import { ReadableStream, WritableStream } from "node:stream/web";
import type * as api from "../index.js";
import type { ProcessExit, SignalName, SpawnOptions } from "../index.js";
import { type Descriptor, type NativeProcess, called, settled } from "./binding.js";
import { isBytesOrText, isFunction, isOneOf } from "./check.js";
import { abortable, bytes, endNow } from "./run.js";
import { isSignal } from "./signals.js";

/** Most bytes of one chunk. */
const CHUNK_BYTES = 64 * 1024;
/** How long a program may go on after the timeout's SIGTERM. */
const TERM_GRACE_MS = 2000;

export class Process implements api.Process {
  readonly pid: number;
  readonly #native: NativeProcess;
  readonly #options: SpawnOptions;
  readonly #emitter = new EventEmitter();
  #stdin: WritableStream<Uint8Array | string> | undefined;
  #stdout: ReadableStream<Uint8Array> | undefined;
  #stderr: ReadableStream<Uint8Array> | undefined;
  #exited: Promise<ProcessExit> | undefined;

  /** For a program that was just started. */
  constructor(native: NativeProcess, options: SpawnOptions) {
    this.pid = native.pid;
    this.#native = native;
    this.#options = options;
    if (options.stdin !== undefined) void this.#feed(options.stdin);
    if (options.onStdout !== undefined) this.#stdout = this.#tell(1, options.onStdout);
    if (options.onStderr !== undefined) this.#stderr = this.#tell(2, options.onStderr);
    if (options.signal !== undefined || options.timeoutMs !== undefined) this.exited.catch(() => {});
  }

  get stdin(): WritableStream<Uint8Array | string> {
    this.#stdin ??= new WritableStream({
      write: (chunk) => {
        isBytesOrText("chunk", chunk);
        return settled(() => this.#native.writeStdin(bytes(chunk)));
      },
      close: () => called(() => this.#native.closeStdin()),
      abort: () => called(() => this.#native.closeStdin()),
    });
    return this.#stdin;
  }

  get stdout(): ReadableStream<Uint8Array> {
    this.#stdout ??= this.#output(1);
    return this.#stdout;
  }

  get stderr(): ReadableStream<Uint8Array> {
    this.#stderr ??= this.#output(2);
    return this.#stderr;
  }

  // Only who asks waits: a pending promise would keep the process alive.
  get exited(): Promise<ProcessExit> {
    this.#exited ??= this.#wait();
    return this.#exited;
  }

  kill(signal: SignalName = "SIGTERM"): boolean {
    isSignal("signal", signal);
    return called(() => this.#native.kill(signal, false));
  }

  on(event: "exit", listener: (exit: ProcessExit) => void): this {
    isOneOf("exit")("event", event);
    isFunction("listener", listener);
    this.#emitter.once(event, listener);
    // When the caller's signal ended it, `exited` tells.
    this.exited.catch(() => {});
    return this;
  }

  async #wait(): Promise<ProcessExit> {
    const { signal, timeoutMs } = this.#options;
    const ended = settled(() => this.#native.wait());
    const timer = timeoutMs === undefined ? undefined : this.#endAfter(timeoutMs);
    try {
      const exit = await (signal === undefined ? ended : abortable(ended, signal, () => endNow(this.#native)));
      // After `exited` has resolved, as Node does with its own events.
      setImmediate(() => this.#emitter.emit("exit", exit));
      return exit;
    } finally {
      timer?.abort();
    }
  }

  /** SIGTERM to the process group after `timeoutMs`, then SIGKILL. */
  #endAfter(timeoutMs: number): AbortController {
    const done = new AbortController();
    const after = (ms: number, then: () => void) => {
      const timer = setTimeout(then, Math.min(ms, 0x7fff_ffff));
      timer.unref();
      done.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    };
    after(timeoutMs, () => {
      called(() => this.#native.kill("SIGTERM", true));
      after(TERM_GRACE_MS, () => endNow(this.#native));
    });
    return done;
  }

  async #feed(content: string | Uint8Array): Promise<void> {
    // A program need not read all of its input.
    await settled(() => this.#native.writeStdin(bytes(content))).catch(() => {});
    called(() => this.#native.closeStdin());
  }

  #output(descriptor: Descriptor): ReadableStream<Uint8Array> {
    const chunks = this.#chunks(descriptor);
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        // The program may go on printing; it must not wait for a reader that is gone.
        cancel: () => void drain(chunks),
      },
      { highWaterMark: 0 },
    );
  }

  /** Hands output to a callback; the stream in its place is empty. */
  #tell(descriptor: Descriptor, callback: (chunk: Uint8Array) => void): ReadableStream<Uint8Array> {
    void (async () => {
      // A callback that throws is an uncaught exception, as of any event.
      for await (const chunk of this.#chunks(descriptor)) setImmediate(callback, chunk);
    })();
    return new ReadableStream({ start: (controller) => controller.close() });
  }

  /** Reads to the end; what is over `maxOutputBytes` is dropped. */
  async *#chunks(descriptor: Descriptor): AsyncGenerator<Uint8Array, void> {
    let room = this.#options.maxOutputBytes ?? Infinity;
    for (;;) {
      const chunk = await settled(() => this.#native.read(descriptor, CHUNK_BYTES));
      if (chunk.length === 0) return;
      const kept = chunk.length <= room ? chunk : chunk.subarray(0, room);
      room -= kept.length;
      if (kept.length > 0) yield kept;
    }
  }
}

async function drain(chunks: AsyncGenerator<Uint8Array, void>): Promise<void> {
  for await (const _ of chunks);
}
