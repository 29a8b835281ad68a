// The official SDK's client, connected to a program of a VM.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { ReadBuffer, serializeMessage } from "@modelcontextprotocol/sdk/shared/stdio.js";

/** Standard input and output of a process as a transport. */
class ProcessTransport {
  #process;
  #writer;
  #buffer = new ReadBuffer();

  constructor(process) {
    this.#process = process;
    this.#writer = process.stdin.getWriter();
  }

  async start() {
    void this.#pump().then(() => this.onclose?.(), (error) => this.onerror?.(error));
  }

  async #pump() {
    for await (const chunk of this.#process.stdout) {
      this.#buffer.append(Buffer.from(chunk));
      for (let message = this.#buffer.readMessage(); message !== null; message = this.#buffer.readMessage()) this.onmessage?.(message);
    }
  }

  async send(message) {
    await this.#writer.write(serializeMessage(message));
  }

  async close() {
    await this.#writer.close().catch(() => {});
    await this.#process.exited;
  }
}

/** A client of `agentos mcp TOOLKIT...` in the VM. */
export async function mcpClientOf(vm, ...toolkits) {
  const process = await vm.spawn("agentos", ["mcp", ...toolkits]);
  const client = new Client({ name: "test", version: "1" });
  await client.connect(new ProcessTransport(process));
  return { client, process };
}

/** The same; it ends with the test. */
export async function mcpClient(t, vm, ...toolkits) {
  const made = await mcpClientOf(vm, ...toolkits);
  t.after(() => made.client.close());
  return made;
}
