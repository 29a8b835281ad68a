// OpenAI Responses: `/v1/responses`.
import { chunksOf, freshId, parseArguments, sse, textOf } from "../text.js";

export const callIdPrefix = "call_";
const ARGUMENT_CHUNK_CHARS = 24;
const CALL_TYPES = new Set(["function_call", "custom_tool_call", "local_shell_call"]);

export function readRequest(body) {
  const request = {
    model: body.model ?? "",
    stream: Boolean(body.stream),
    system: body.instructions ?? "",
    tools: (body.tools ?? []).map((tool) => ({ name: tool.name ?? tool.type, schema: tool.parameters, kind: tool.type })),
    turns: [],
  };
  const input = typeof body.input === "string" ? [{ type: "message", role: "user", content: body.input }] : (body.input ?? []);
  for (const item of input) readItem(item, request);
  return request;
}

function readItem(item, request) {
  const { turns } = request;
  if (CALL_TYPES.has(item.type)) {
    const call = { name: item.name ?? item.type, input: parseArguments(item.arguments) ?? item.input };
    const last = turns.at(-1);
    if (last?.role === "assistant") (last.calls ??= []).push(call);
    else turns.push({ role: "assistant", text: "", calls: [call] });
  } else if (item.type?.endsWith("_call_output")) {
    turns.push({ role: "tool", text: textOf(item.output) });
  } else if (item.type === "reasoning") {
    return;
  } else if (item.role === "system" || item.role === "developer") {
    request.system += textOf(item.content);
  } else {
    turns.push({ role: item.role ?? "user", text: textOf(item.content) });
  }
}

export function writeAnswer({ request, turn, text, chunks, calls, inputTokens, outputTokens }) {
  const stream = new ResponseStream(request.model);
  if (turn.thinking) stream.reasoning(turn.thinking);
  if (text || calls.length === 0) stream.message(text, chunks);
  for (const call of calls) stream.call(call, request.tools.find((tool) => tool.name === call.name)?.kind === "custom");
  return stream.complete({
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens + outputTokens,
  });
}

/** Collects the output items of one response together with the events that announce them. */
class ResponseStream {
  #base;
  #output = [];
  #events = [];

  constructor(model) {
    this.#base = {
      id: freshId("resp_"), object: "response", created_at: Math.floor(Date.now() / 1000), model, error: null,
      incomplete_details: null, instructions: null, metadata: {}, parallel_tool_calls: true, temperature: 1,
      tool_choice: "auto", tools: [], top_p: 1,
    };
    const response = { ...this.#base, status: "in_progress", output: [] };
    this.#emit("response.created", { response });
    this.#emit("response.in_progress", { response });
  }

  reasoning(text) {
    const part = { type: "summary_text", text };
    const item = { id: freshId("rs_"), type: "reasoning", summary: [part] };
    this.#item(item, { summary: [] }, (place) => {
      const summary = { ...place, summary_index: 0 };
      this.#emit("response.reasoning_summary_part.added", { ...summary, part: { ...part, text: "" } });
      this.#emit("response.reasoning_summary_text.delta", { ...summary, delta: text });
      this.#emit("response.reasoning_summary_text.done", { ...summary, text });
    });
  }

  message(text, chunks) {
    const part = { type: "output_text", text, annotations: [], logprobs: [] };
    const item = { id: freshId("msg_"), type: "message", role: "assistant", status: "completed", content: [part] };
    this.#item(item, { status: "in_progress", content: [] }, (place) => {
      const content = { ...place, content_index: 0 };
      this.#emit("response.content_part.added", { ...content, part: { ...part, text: "" } });
      for (const delta of chunks) this.#emit("response.output_text.delta", { ...content, delta, logprobs: [] });
      this.#emit("response.output_text.done", { ...content, text, logprobs: [] });
      this.#emit("response.content_part.done", { ...content, part });
    });
  }

  call({ id, name, input }, custom) {
    const text = typeof input === "string" ? input : JSON.stringify(input);
    const field = custom ? "input" : "arguments";
    const event = custom ? "response.custom_tool_call_input" : "response.function_call_arguments";
    const type = custom ? "custom_tool_call" : "function_call";
    const item = { id: freshId(custom ? "ctc_" : "fc_"), type, call_id: id, name, [field]: text, status: "completed" };
    this.#item(item, { [field]: "", status: "in_progress" }, (place) => {
      for (const delta of chunksOf(text, ARGUMENT_CHUNK_CHARS)) this.#emit(`${event}.delta`, { ...place, delta });
      this.#emit(`${event}.done`, { ...place, [field]: text });
    });
  }

  complete(usage) {
    const whole = { ...this.#base, status: "completed", output: this.#output, usage };
    this.#emit("response.completed", { response: whole });
    return { whole, events: this.#events };
  }

  #item(item, opening, emitBody) {
    const output_index = this.#output.push(item) - 1;
    this.#emit("response.output_item.added", { output_index, item: { ...item, ...opening } });
    emitBody({ item_id: item.id, output_index });
    this.#emit("response.output_item.done", { output_index, item });
  }

  #emit(type, data) {
    this.#events.push(sse({ type, ...data, sequence_number: this.#events.length }, type));
  }
}
