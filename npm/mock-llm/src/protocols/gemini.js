// Gemini: `generateContent` and `streamGenerateContent`.
import { freshId, sse, textOf } from "../text.js";

export const callIdPrefix = "call_";

export function readRequest(body, url) {
  const system = body.systemInstruction ?? body.system_instruction;
  return {
    model: decodeURIComponent(url.pathname.match(/models\/([^:]+):/)?.[1] ?? ""),
    stream: url.pathname.includes(":streamGenerateContent"),
    system: textOf(system),
    tools: (body.tools ?? [])
      .flatMap((tool) => tool.functionDeclarations ?? tool.function_declarations ?? [])
      .map(({ name, parametersJsonSchema, parameters }) => ({ name, schema: parametersJsonSchema ?? parameters })),
    turns: (body.contents ?? []).map(readContent),
  };
}

function readContent({ role, parts = [] }) {
  if (role === "model") {
    return {
      role: "assistant",
      text: textOf(parts.filter((part) => part.text && !part.thought)),
      calls: parts.filter((part) => part.functionCall).map(({ functionCall: { name, args } }) => ({ name, input: args })),
    };
  }
  const results = parts.filter((part) => part.functionResponse);
  if (results.length > 0) {
    return { role: "tool", text: results.map((part) => JSON.stringify(part.functionResponse.response)).join("\n") };
  }
  return { role: "user", text: textOf(parts) };
}

export function writeAnswer({ request, turn, text, chunks, calls, inputTokens, outputTokens }) {
  const usageMetadata = { promptTokenCount: inputTokens, candidatesTokenCount: outputTokens, totalTokenCount: inputTokens + outputTokens };
  const functionCalls = calls.map(({ id, name, input }) => ({ functionCall: { id, name, args: input } }));
  const finishReason = turn.stop ?? "STOP";
  const answer = (parts, extra = {}, candidate = {}) => ({
    candidates: [{ content: { role: "model", parts }, index: 0, ...candidate }],
    modelVersion: request.model,
    responseId: freshId("g"),
    ...extra,
  });
  const whole = answer([...(text ? [{ text }] : []), ...functionCalls], { usageMetadata }, { finishReason });
  const last = functionCalls.length > 0 ? functionCalls : [{ text: "" }];
  const events = [
    ...(turn.thinking ? [answer([{ text: turn.thinking, thought: true }])] : []),
    ...chunks.map((chunk) => answer([{ text: chunk }])),
    answer(last, { usageMetadata }, { finishReason }),
  ];
  return { whole, events: events.map((event) => sse(event)) };
}
