// Turns one script turn into an answer on the wire.
import * as anthropic from "./protocols/anthropic.js";
import * as chat from "./protocols/chat.js";
import * as gemini from "./protocols/gemini.js";
import * as responses from "./protocols/responses.js";
import { chunksOf, countTokens, freshId } from "./text.js";
import { resolveCall } from "./tool-calls.js";

const PROTOCOLS = { anthropic, chat, gemini, responses };

/** The common view of a request: `{ api, model, stream, system, tools: [{ name, schema }], turns: [{ role, text, calls? }] }`. */
export function readRequest(api, body, url) {
  return { api, ...PROTOCOLS[api].readRequest(body, url) };
}

/** @returns {{ whole: object, events: string[] }} the answer in one piece, and as server-sent events */
export function writeAnswer(request, turn, { chunkChars }) {
  const protocol = PROTOCOLS[request.api];
  const text = Array.isArray(turn.text) ? turn.text.join("") : (turn.text ?? "");
  const calls = (turn.toolCalls ?? []).map((call) => ({ ...resolveCall(call, request.tools), id: freshId(protocol.callIdPrefix) }));
  const sum = (counts) => counts.reduce((total, count) => total + count, 0);
  return protocol.writeAnswer({
    request,
    turn,
    text,
    chunks: Array.isArray(turn.text) ? turn.text : chunksOf(text, chunkChars),
    calls,
    chunkChars,
    inputTokens: turn.usage?.input ?? countTokens(request.system) + sum(request.turns.map((past) => countTokens(past.text))),
    outputTokens: turn.usage?.output ?? countTokens(text) + sum(calls.map((call) => countTokens(JSON.stringify(call.input)))),
  });
}

export function writeError(api, { status = 500, type, code = null, message = "mock error" }) {
  const body =
    api === "anthropic"
      ? { type: "error", error: { type: type ?? "api_error", message } }
      : { error: { type: type ?? "server_error", code, message } };
  return { status, body };
}
