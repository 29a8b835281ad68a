// Runs a program to its end: exec and execFile.
import type { ExecBufferOptions, ExecOptions, ExecResult } from "../index.js";
import { type Descriptor, type NativeProcess, type NativeRunOptions, type NativeSpawn, type NativeVm, called, newStop, settled } from "./binding.js";

export type AnyExecOptions = ExecOptions | ExecBufferOptions;

/** Starts what `request` says and waits for its end. */
export async function run(native: NativeVm, request: NativeSpawn, options: AnyExecOptions): Promise<ExecResult<string | Uint8Array>> {
  const { signal } = options;
  signal?.throwIfAborted();
  // What only some calls need is not made for the others: a plain exec takes a third of a millisecond.
  if (signal === undefined && options.onStdout === undefined && options.onStderr === undefined) {
    return settled(() => native.run(request, runOptions(options)));
  }
  const stop = newStop();
  const callbacks = new Callbacks(options, () => called(() => stop.stop()));
  const running = settled(() => native.run(request, runOptions(options), callbacks.wanted ? callbacks.onChunk : undefined, stop));
  const result = await (signal === undefined ? running : abortable(running, signal, () => called(() => stop.stop())));
  callbacks.finish();
  return result;
}

function runOptions({ stdin, timeoutMs, maxOutputBytes, encoding }: AnyExecOptions): NativeRunOptions {
  return {
    text: encoding !== "buffer",
    ...(stdin !== undefined && { stdin: bytes(stdin) }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(maxOutputBytes !== undefined && { maxOutputBytes }),
  };
}

/** Settles as `work`, unless `signal` is aborted first: then `stop` is called, and it rejects with the signal's reason at once. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal, stop: () => void): Promise<T> {
  const { promise: aborted, reject } = withReject();
  const abort = () => {
    stop();
    reject(signal.reason);
  };
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  // The loser of the race must not be an unhandled rejection.
  work.catch(() => {});
  aborted.catch(() => {});
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function withReject(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject!: (reason: unknown) => void;
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  return { promise, reject };
}

/** Kills the program and what it started in its process group. */
export function endNow(process: NativeProcess): void {
  called(() => process.kill("SIGKILL", true));
}

/** The user's callbacks. One that throws ends the program, and the call rejects with what it threw. */
class Callbacks {
  readonly #sinks: Partial<Record<Descriptor, Sink>> = {};
  readonly #stop: () => void;
  #thrown: { error: unknown } | undefined;

  constructor(options: AnyExecOptions, stop: () => void) {
    this.#stop = stop;
    if (options.onStdout !== undefined) this.#sinks[1] = sink(options.onStdout, options.encoding);
    if (options.onStderr !== undefined) this.#sinks[2] = sink(options.onStderr, options.encoding);
  }

  get wanted(): boolean {
    return Object.keys(this.#sinks).length > 0;
  }

  readonly onChunk = (descriptor: Descriptor, chunk: Uint8Array): void => this.#call(() => this.#sinks[descriptor]?.chunk(chunk));

  finish(): void {
    for (const { end } of Object.values(this.#sinks)) this.#call(end);
    if (this.#thrown !== undefined) throw this.#thrown.error;
  }

  #call(body: () => void): void {
    if (this.#thrown !== undefined) return;
    try {
      body();
    } catch (error) {
      this.#thrown = { error };
      this.#stop();
    }
  }
}

interface Sink {
  chunk(chunk: Uint8Array): void;
  end(): void;
}

/** For text, half a character at the end of a chunk waits for the rest. */
function sink(callback: ((chunk: string) => void) | ((chunk: Uint8Array) => void), encoding: AnyExecOptions["encoding"]): Sink {
  if (encoding === "buffer") return { chunk: callback as (chunk: Uint8Array) => void, end: () => {} };
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const tell = (part: string) => {
    if (part !== "") (callback as (chunk: string) => void)(part);
  };
  return { chunk: (chunk) => tell(decoder.decode(chunk, { stream: true })), end: () => tell(decoder.decode()) };
}

/** Bytes of text in UTF-8; bytes as they are. */
export function bytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? Buffer.from(content, "utf8") : content;
}
