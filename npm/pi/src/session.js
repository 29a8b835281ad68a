// One protocol session over one Pi session.
import { configOptions, setConfigOption } from "./config-options.js";
import { ErrorCode, RpcError } from "./connection.js";
import { toPiPrompt } from "./content.js";
import { PermissionGate } from "./permission.js";
import { describeToolCall, needsPermission, plannedDiffs, resultContent } from "./tool-call.js";

const STOP_REASONS = { stop: "end_turn", length: "max_tokens", aborted: "cancelled" };

export class AcpSession {
  #pi;
  #cwd;
  #connection;
  #gate;
  #cancelled = false;
  #busy = false;
  /** Diffs of running calls: the file's old text is gone once the tool has run. */
  #diffs = new Map();

  /** @param pi a Pi `AgentSession` */
  constructor(pi, cwd, connection) {
    this.#pi = pi;
    this.#cwd = cwd;
    this.#connection = connection;
    this.#gate = new PermissionGate((request) =>
      connection.request("session/request_permission", { sessionId: this.id, ...request }),
    );
    // The agent's own events, not the session's: those pass through a queue, and a permission
    // request could then reach the client before the tool call it is about.
    pi.agent.subscribe((event) => this.#onEvent(event));
    const extensionsGate = pi.agent.beforeToolCall;
    pi.agent.beforeToolCall = async (call, signal) =>
      (await extensionsGate?.(call, signal)) ?? (await this.#beforeToolCall(call, signal));
  }

  get id() {
    return this.#pi.sessionId;
  }

  get configOptions() {
    return configOptions(this.#pi);
  }

  async prompt(blocks) {
    if (this.#busy) throw new RpcError(ErrorCode.invalidRequest, "the session is already answering a prompt");
    const { text, images } = toPiPrompt(blocks);
    this.#busy = true;
    this.#cancelled = false;
    const before = this.#pi.getSessionStats().tokens;
    try {
      await this.#prompt(text, images);
      return this.#result(before);
    } finally {
      this.#busy = false;
      this.#diffs.clear();
    }
  }

  async #prompt(text, images) {
    if (this.#pi.model === undefined || !this.#pi.modelRegistry.hasConfiguredAuth(this.#pi.model)) {
      throw new RpcError(ErrorCode.authRequired, "no model is available: set ANTHROPIC_API_KEY, or another provider's key, in the session's env");
    }
    await this.#pi.prompt(text, { images, source: "rpc" });
  }

  #result(before) {
    const last = this.#pi.messages.findLast((message) => message.role === "assistant");
    if (this.#cancelled) return { stopReason: "cancelled" };
    if (last?.stopReason === "error") {
      throw new RpcError(ErrorCode.internal, last.errorMessage ?? "the model service failed");
    }
    const after = this.#pi.getSessionStats().tokens;
    return {
      stopReason: STOP_REASONS[last?.stopReason] ?? "end_turn",
      usage: {
        totalTokens: after.total - before.total,
        inputTokens: after.input - before.input,
        outputTokens: after.output - before.output,
        cachedReadTokens: after.cacheRead - before.cacheRead,
        cachedWriteTokens: after.cacheWrite - before.cacheWrite,
      },
    };
  }

  async cancel() {
    this.#cancelled = true;
    await this.#pi.abort();
  }

  async setConfigOption(configId, value) {
    return { configOptions: await setConfigOption(this.#pi, configId, value) };
  }

  async close() {
    if (this.#busy) await this.cancel();
    this.#pi.dispose();
  }

  #update(update) {
    this.#connection.notify("session/update", { sessionId: this.id, update });
  }

  async #beforeToolCall({ toolCall, args }, signal) {
    const diffs = plannedDiffs(toolCall.name, args, this.#cwd);
    this.#diffs.set(toolCall.id, diffs);
    const content = diffs.length > 0 ? { content: diffs } : {};
    if (needsPermission(toolCall.name)) {
      const call = { toolCallId: toolCall.id, status: "pending", ...describeToolCall(toolCall.name, args, this.#cwd), ...content };
      const reason = await this.#gate.refusal(toolCall.name, call, signal);
      if (reason !== undefined) return { block: true, reason };
    }
    this.#update({ sessionUpdate: "tool_call_update", toolCallId: toolCall.id, status: "in_progress", ...content });
    return undefined;
  }

  #onEvent(event) {
    switch (event.type) {
      case "message_update":
        this.#onMessageUpdate(event.assistantMessageEvent);
        break;
      case "tool_execution_update":
        this.#update({ sessionUpdate: "tool_call_update", toolCallId: event.toolCallId, content: resultContent(event.partialResult) });
        break;
      case "tool_execution_end":
        this.#onToolEnd(event);
        break;
      case "turn_end":
        this.#onTurnEnd();
        break;
    }
  }

  #onMessageUpdate(event) {
    switch (event.type) {
      case "text_delta":
        this.#update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: event.delta } });
        break;
      case "thinking_delta":
        this.#update({ sessionUpdate: "agent_thought_chunk", content: { type: "text", text: event.delta } });
        break;
      case "toolcall_end": {
        const { id, name, arguments: args } = event.toolCall;
        this.#update({ sessionUpdate: "tool_call", toolCallId: id, status: "pending", ...describeToolCall(name, args, this.#cwd) });
        break;
      }
    }
  }

  #onToolEnd({ toolCallId, result, isError }) {
    const diffs = isError ? [] : (this.#diffs.get(toolCallId) ?? []);
    this.#diffs.delete(toolCallId);
    this.#update({
      sessionUpdate: "tool_call_update",
      toolCallId,
      status: isError ? "failed" : "completed",
      content: diffs.length > 0 ? diffs : resultContent(result),
      rawOutput: { content: result?.content },
    });
  }

  #onTurnEnd() {
    const usage = this.#pi.getContextUsage();
    if (typeof usage?.tokens === "number") {
      this.#update({ sessionUpdate: "usage_update", used: usage.tokens, size: usage.contextWindow });
    }
  }
}
