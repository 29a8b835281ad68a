// A terminal emulator on a shell of the VM: what a person would see.
import xterm from "@xterm/headless";
import { boot } from "./vm.mjs";

/** How long a screen may take to look as expected. */
const PATIENCE_MS = 30_000;

export class Screen {
  #waiting = new Set();

  constructor(shell, { cols = 80, rows = 24 } = {}) {
    this.shell = shell;
    this.terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true });
    // Answers of the emulator, such as to a question where the cursor is.
    this.terminal.onData((answer) => void shell.write(answer).catch(() => {}));
    this.ended = this.#pump();
  }

  async #pump() {
    for await (const chunk of this.shell.data) {
      await new Promise((resolve) => this.terminal.write(chunk, resolve));
      for (const look of this.#waiting) look();
    }
  }

  /** The lines of the window, without trailing blanks and empty lines. */
  get text() {
    const { active } = this.terminal.buffer;
    const lines = Array.from({ length: this.terminal.rows }, (_, row) => active.getLine(active.viewportY + row)?.translateToString(true).trimEnd() ?? "");
    return lines.join("\n").trimEnd();
  }

  get cursor() {
    const { active } = this.terminal.buffer;
    return [active.cursorX, active.cursorY];
  }

  /** Waits until the window is exactly this text, or matches. */
  shows(expected) {
    const done = () => (typeof expected === "string" ? this.text === expected : expected.test(this.text));
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!done()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(this.text);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`the screen never showed\n${expected}\nbut shows\n${this.text}`));
      }, PATIENCE_MS);
      this.#waiting.add(look);
      look();
    });
  }

  /** Types, then waits for the window. */
  async type(keys, expected) {
    await this.shell.write(keys);
    if (expected !== undefined) return this.shows(expected);
  }

  resize(cols, rows) {
    this.terminal.resize(cols, rows);
    this.shell.resize(cols, rows);
  }
}

/** A screen with bash on it, in a VM of its own, with a prompt of one character. */
export async function bashScreen(t, { size = {}, env = {}, vm: options = {} } = {}) {
  const vm = await boot(t, options);
  const shell = await vm.openShell({ command: "bash", args: ["--norc"], env: { PS1: "$ ", ...env }, ...size });
  const screen = Object.assign(new Screen(shell, size), { vm });
  await screen.shows("$");
  return { vm, shell, screen };
}
