// Drives one agent that speaks the Agent Client Protocol, version 1, through a prompt, and reports what it did.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const RESOURCE_NOT_FOUND = -32002;
const METHOD_NOT_FOUND = -32601;
const INTERNAL_ERROR = -32603;

/** After its input has ended an agent gets this long before SIGTERM, and the same again before SIGKILL. */
const EXIT_GRACE_MS = 2000;

/**
 * @param {object} options
 * @param {string} options.command
 * @param {string[]} [options.args]
 * @param {Record<string, string>} [options.env] on top of this process's environment
 * @param {string} [options.prompt]
 * @param {boolean} [options.deny] reject permission requests
 * @param {number} [options.cancelAfterMs] cancels the prompt
 * @param {number} [options.timeoutMs] kills the agent
 * @param {(direction: string, line: string) => void} [options.trace]
 */
export async function driveAcp({
  command, args = [], env, cwd = process.cwd(), prompt = "Write a hello world script to hello.js", authMethod,
  fs = false, terminal = false, deny = false, cancelAfterMs, timeoutMs = 60_000, mcpServers = [], trace = () => {},
}) {
  const started = Date.now();
  const report = { updates: {}, text: "", tools: [], requests: [], noise: [], timings: {} };
  const agent = new AgentProcess({ command, args, env, cwd, timeoutMs, trace }, report, clientMethods(deny));
  const time = (name) => (report.timings[name] ??= Date.now() - started);
  report.onText = () => time("firstChunk");
  try {
    report.initialize = await agent.call("initialize", {
      protocolVersion: 1,
      clientInfo: { name: "acp-drive", version: "0.1.0" },
      clientCapabilities: { fs: { readTextFile: fs, writeTextFile: fs }, terminal },
    });
    time("initialize");
    if (authMethod) await agent.call("authenticate", { methodId: authMethod });
    report.session = await agent.call("session/new", { cwd, mcpServers });
    time("session");
    const { sessionId } = report.session;
    if (cancelAfterMs !== undefined) setTimeout(() => agent.send({ method: "session/cancel", params: { sessionId } }), cancelAfterMs);
    report.response = await agent.call("session/prompt", { sessionId, prompt: [{ type: "text", text: prompt }] });
    time("prompt");
  } catch ({ message, code, data }) {
    report.error = { message, code, data };
  }
  delete report.onText;
  Object.assign(report, await agent.end());
  return report;
}

function clientMethods(deny) {
  return {
    "session/request_permission": ({ options }) => {
      const wanted = deny ? "reject" : "allow";
      const { optionId } = options.find((option) => option.kind.startsWith(wanted)) ?? options[0];
      return { outcome: { outcome: "selected", optionId } };
    },
    "fs/read_text_file": ({ path }) => ({ content: readFileSync(path, "utf8") }),
    "fs/write_text_file": ({ path, content }) => {
      writeFileSync(path, content);
      return {};
    },
  };
}

class AgentProcess {
  #child;
  #exited;
  #timer;
  #report;
  #methods;
  #trace;
  #pending = new Map();
  #nextId = 1;
  #buffer = "";
  #stderr = "";

  constructor({ command, args, env, cwd, timeoutMs, trace }, report, methods) {
    this.#report = report;
    this.#methods = methods;
    this.#trace = trace;
    this.#child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: "pipe" });
    this.#child.stdout.setEncoding("utf8").on("data", (text) => this.#receive(text));
    this.#child.stderr.setEncoding("utf8").on("data", (text) => (this.#stderr += text));
    this.#child.stdin.on("error", () => {}); // The agent has gone: its exit tells.
    this.#timer = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
    this.#exited = new Promise((resolve) => {
      const gone = (reason) => {
        for (const { reject } of this.#pending.values()) reject(new Error(`the agent is gone (${reason}): ${this.#stderr.slice(-800)}`));
        resolve(reason);
      };
      this.#child.on("error", (error) => gone(error.message));
      this.#child.on("close", (code, signal) => gone(code ?? signal));
    });
  }

  send(message) {
    const line = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#trace("->", line);
    this.#child.stdin.write(`${line}\n`);
  }

  call(method, params) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.send({ id, method, params });
    });
  }

  async end() {
    this.#child.stdin.end();
    const term = setTimeout(() => this.#child.kill("SIGTERM"), EXIT_GRACE_MS);
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), 2 * EXIT_GRACE_MS);
    const exit = await this.#exited;
    for (const timer of [term, kill, this.#timer]) clearTimeout(timer);
    return { exit, stderr: this.#stderr.slice(-1500) };
  }

  #receive(text) {
    const lines = (this.#buffer + text).split("\n");
    this.#buffer = lines.pop();
    for (const line of lines) if (line.trim() !== "") this.#receiveLine(line);
  }

  #receiveLine(line) {
    this.#trace("<-", line);
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      this.#report.noise.push(line.slice(0, 200));
      return;
    }
    if (message.method !== undefined && message.id !== undefined) this.#serve(message);
    else if (message.method === "session/update") this.#onUpdate(message.params.update);
    else if (message.id !== undefined) this.#settle(message);
  }

  #serve({ id, method, params }) {
    this.#report.requests.push(method);
    const handler = this.#methods[method];
    if (handler === undefined) return this.send({ id, error: { code: METHOD_NOT_FOUND, message: `not supported: ${method}` } });
    try {
      return this.send({ id, result: handler(params) });
    } catch (error) {
      const code = error.code === "ENOENT" ? RESOURCE_NOT_FOUND : INTERNAL_ERROR;
      return this.send({ id, error: { code, message: String(error.message) } });
    }
  }

  #settle({ id, result, error }) {
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    if (error) waiting?.reject(Object.assign(new Error(error.message), error));
    else waiting?.resolve(result);
  }

  #onUpdate(update) {
    const { updates } = this.#report;
    updates[update.sessionUpdate] = (updates[update.sessionUpdate] ?? 0) + 1;
    if (update.sessionUpdate === "agent_message_chunk") {
      this.#report.onText?.();
      this.#report.text += update.content?.text ?? "";
    }
    if (update.sessionUpdate === "tool_call") this.#report.tools.push(`${update.kind ?? ""}:${update.title ?? ""}`);
  }
}
