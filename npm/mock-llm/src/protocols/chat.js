// OpenAI Chat Completions: `/v1/chat/completions`.
import { chunksOf, freshId, parseArguments, sse, textOf } from "../text.js";

export const callIdPrefix = "call_";
const ARGUMENT_CHUNK_CHARS = 24;

export function readRequest(body) {
  const messages = body.messages ?? [];
  const isSystem = ({ role }) => role === "system" || role === "developer";
  return {
    model: body.model ?? "",
    stream: Boolean(body.stream),
    system: messages.filter(isSystem).map((message) => textOf(message.content)).join(""),
    tools: (body.tools ?? []).map((tool) => ({ name: tool.function?.name ?? tool.name, schema: tool.function?.parameters })),
    turns: messages.filter((message) => !isSystem(message)).map(({ role, content, tool_calls }) => ({
      role: role === "function" ? "tool" : role,
      text: textOf(content),
      calls: tool_calls?.map((call) => ({ name: call.function?.name, input: parseArguments(call.function?.arguments) })),
    })),
  };
}

export function writeAnswer({ request, turn, text, chunks, calls, inputTokens, outputTokens }) {
  const base = { id: freshId("chatcmpl-"), created: Math.floor(Date.now() / 1000), model: request.model };
  const finishReason = turn.stop ?? (calls.length > 0 ? "tool_calls" : "stop");
  const usage = { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
  const toolCalls = calls.map(({ id, name, input }) => ({ id, type: "function", function: { name, arguments: JSON.stringify(input) } }));
  const message = { role: "assistant", content: text || null, ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}) };
  const whole = { ...base, object: "chat.completion", choices: [{ index: 0, message, finish_reason: finishReason }], usage };
  const deltas = [
    { role: "assistant", content: "" },
    ...(turn.thinking ? [{ reasoning_content: turn.thinking }] : []),
    ...chunks.map((content) => ({ content })),
    ...toolCalls.flatMap(callDeltas),
  ];
  const chunk = (choices, extra) => sse({ ...base, object: "chat.completion.chunk", choices, ...extra });
  const events = [
    ...deltas.map((delta) => chunk([{ index: 0, delta, finish_reason: null }])),
    chunk([{ index: 0, delta: {}, finish_reason: finishReason }]),
    chunk([], { usage }),
    sse("[DONE]"),
  ];
  return { whole, events };
}

function callDeltas(call, index) {
  const parts = chunksOf(call.function.arguments, ARGUMENT_CHUNK_CHARS);
  return [
    { tool_calls: [{ index, ...call, function: { name: call.function.name, arguments: "" } }] },
    ...parts.map((part) => ({ tool_calls: [{ index, function: { arguments: part } }] })),
  ];
}
