// The terminal that this process runs on, as the screen and keyboard of a program in the VM.
import type { ReadStream, WriteStream } from "node:tty";
import type { ConnectTerminalOptions, ProcessExit } from "../index.js";
import { isObject, isShape } from "./check.js";
import { Shell, isShellOptions } from "./shell.js";

const isStreams = isShape({ stdin: isObject, stdout: isObject });

type Input = NodeJS.ReadableStream & Partial<Pick<ReadStream, "isTTY" | "isRaw" | "setRawMode">>;
type Output = NodeJS.WritableStream & Partial<Pick<WriteStream, "isTTY" | "columns" | "rows">>;

/** Runs what `open` starts on the terminal of this process until it ends; then the terminal is as it was. */
export async function connectTerminal(open: (size: { cols?: number; rows?: number }) => Promise<Shell>, options: ConnectTerminalOptions): Promise<ProcessExit> {
  const { stdin = process.stdin, stdout = process.stdout, ...rest } = options;
  isStreams("options", { stdin, stdout });
  isShellOptions("options", rest);
  const [input, output] = [stdin as Input, stdout as Output];
  const shell = await open(sizeOf(output));
  const restore = attach(shell, input, output);
  try {
    for await (const chunk of shell.data) await written(output, chunk);
    return await shell.exited;
  } finally {
    restore();
    await shell.close();
  }
}

function sizeOf({ columns, rows }: Output): { cols?: number; rows?: number } {
  return { ...(columns !== undefined && columns > 0 && { cols: columns }), ...(rows !== undefined && rows > 0 && { rows }) };
}

/** Keys to the program, byte by byte, and the window's size; answers what undoes it. */
function attach(shell: Shell, input: Input, output: Output): () => void {
  const wasRaw = input.isRaw ?? false;
  const typed = (chunk: Uint8Array | string): void => {
    // A program that reads slowly slows the keyboard down.
    input.pause();
    const resume = (): void => void (attached && input.resume());
    shell.write(chunk).then(resume, resume);
  };
  const end = (): void => void shell.write("\x04").catch(() => {});
  const resized = (): void => {
    const { cols, rows } = sizeOf(output);
    if (cols !== undefined && rows !== undefined) shell.resize(cols, rows);
  };
  let attached = true;
  if (input.isTTY === true) input.setRawMode?.(true);
  input.on("data", typed).on("end", end);
  output.on("resize", resized);
  input.resume();
  return () => {
    attached = false;
    input.off("data", typed).off("end", end);
    output.off("resize", resized);
    input.pause();
    if (input.isTTY === true) input.setRawMode?.(wasRaw);
  };
}

function written(output: Output, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(chunk as never, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}
