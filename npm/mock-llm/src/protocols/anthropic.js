// Anthropic Messages: `/v1/messages`.
import { chunksOf, freshId, sse, textOf } from "../text.js";

export const callIdPrefix = "toolu_";

export function readRequest(body) {
  return {
    model: body.model ?? "",
    stream: Boolean(body.stream),
    system: textOf(body.system),
    tools: (body.tools ?? []).map((tool) => ({ name: tool.name, schema: tool.input_schema })),
    turns: (body.messages ?? []).flatMap(readMessage),
  };
}

function readMessage({ role, content }) {
  const blocks = Array.isArray(content) ? content : [{ type: "text", text: content }];
  const texts = blocks.filter((block) => block.type === "text");
  if (role === "assistant") {
    const calls = blocks.filter((block) => block.type === "tool_use").map(({ name, input }) => ({ name, input }));
    return [{ role, text: textOf(texts), calls }];
  }
  const results = blocks.filter((block) => block.type === "tool_result");
  const turns = [];
  if (results.length > 0) {
    const text = results.map((block) => textOf(block.content)).join("\n");
    turns.push({ role: "tool", text, error: results.some((block) => block.is_error) });
  }
  if (texts.length > 0) turns.push({ role: "user", text: textOf(texts) });
  return turns;
}

export function writeAnswer({ request, turn, text, chunks, calls, inputTokens, outputTokens, chunkChars }) {
  const stopReason = turn.stop ?? (calls.length > 0 ? "tool_use" : "end_turn");
  const usage = { input_tokens: inputTokens, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: outputTokens };
  const content = [
    ...(turn.thinking ? [{ type: "thinking", thinking: turn.thinking, signature: "mock" }] : []),
    ...(text ? [{ type: "text", text }] : []),
    ...calls.map(({ id, name, input }) => ({ type: "tool_use", id, name, input })),
  ];
  const whole = {
    id: freshId("msg_"), type: "message", role: "assistant", model: request.model, content,
    stop_reason: stopReason, stop_sequence: null, usage,
  };
  const start = { ...whole, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  const events = [
    { type: "message_start", message: start },
    ...content.flatMap((block, index) => blockEvents(block, index, chunks, chunkChars)),
    { type: "message_delta", delta: { stop_reason: stopReason, stop_sequence: null }, usage: { output_tokens: outputTokens } },
    { type: "message_stop" },
  ];
  return { whole, events: events.map((event) => sse(event, event.type)) };
}

function blockEvents(block, index, chunks, chunkChars) {
  const [empty, deltas] = openingAndDeltas(block, chunks, chunkChars);
  return [
    { type: "content_block_start", index, content_block: empty },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

function openingAndDeltas(block, chunks, chunkChars) {
  if (block.type === "text") {
    return [{ type: "text", text: "" }, chunks.map((text) => ({ type: "text_delta", text }))];
  }
  if (block.type === "thinking") {
    const deltas = chunksOf(block.thinking, chunkChars).map((thinking) => ({ type: "thinking_delta", thinking }));
    return [{ type: "thinking", thinking: "", signature: "" }, [...deltas, { type: "signature_delta", signature: "mock" }]];
  }
  const json = chunksOf(JSON.stringify(block.input), chunkChars);
  return [{ ...block, input: {} }, json.map((part) => ({ type: "input_json_delta", partial_json: part }))];
}
