// Each protocol: a tool call in the agent's own words, then the text that follows the tool's result.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startMockLlm } from "../src/server.js";
import { events, post, WRITE_THEN_TEXT } from "./requests.js";

async function mockFor(t, script = WRITE_THEN_TEXT) {
  const mock = await startMockLlm({ script });
  t.after(() => mock.close());
  return mock;
}

test("Anthropic Messages streams a tool call, then answers the result", async (t) => {
  const mock = await mockFor(t);
  const url = `${mock.url}/v1/messages`;
  const tools = [{ name: "Write", input_schema: { properties: { file_path: { type: "string" }, content: { type: "string" } } } }];
  const ask = { role: "user", content: "go" };

  const first = await events(await post(url, { model: "m", tools, stream: true, messages: [ask] }));
  assert.equal(first[0].type, "message_start");
  assert.equal(first.at(-1).type, "message_stop");
  assert.equal(first.find((event) => event.type === "message_delta").delta.stop_reason, "tool_use");
  const json = first.map((event) => event.delta?.partial_json ?? "").join("");
  assert.deepEqual(JSON.parse(json), { file_path: "/x/a.txt", content: "hi" });
  assert.equal(first.map((event) => event.delta?.thinking ?? "").join(""), "hmm");

  const { id } = first.find((event) => event.content_block?.type === "tool_use").content_block;
  const call = { role: "assistant", content: [{ type: "tool_use", id, name: "Write", input: {} }] };
  const result = { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "ok" }] };
  const second = await (await post(url, { model: "m", tools, messages: [ask, call, result] })).json();
  assert.equal(second.content.at(-1).text, "done");
  assert.equal(second.stop_reason, "end_turn");
});

test("a request without tools gets the side answer", async (t) => {
  const mock = await mockFor(t);
  const answer = await (await post(`${mock.url}/v1/messages`, { messages: [{ role: "user", content: "title?" }] })).json();
  assert.equal(answer.content[0].text, "title");
});

test("tokens are counted", async (t) => {
  const mock = await mockFor(t);
  const { input_tokens } = await (await post(`${mock.url}/v1/messages/count_tokens`, { messages: [] })).json();
  assert.ok(input_tokens > 0);
});

test("Chat Completions streams a tool call", async (t) => {
  const mock = await mockFor(t);
  const tools = [{ type: "function", function: { name: "write", parameters: { properties: { path: {}, content: {} } } } }];
  const body = { model: "m", stream: true, tools, messages: [{ role: "user", content: "go" }] };
  const stream = await events(await post(`${mock.url}/v1/chat/completions`, body));
  const json = stream.flatMap((event) => event.choices[0]?.delta.tool_calls ?? []).map((call) => call.function.arguments).join("");
  assert.deepEqual(JSON.parse(json), { path: "/x/a.txt", content: "hi" });
  assert.equal(stream.find((event) => event.choices[0]?.finish_reason).choices[0].finish_reason, "tool_calls");
  assert.ok(stream.at(-1).usage.total_tokens > 0);
});

test("Responses streams a tool call, then answers the result", async (t) => {
  const mock = await mockFor(t);
  const url = `${mock.url}/v1/responses`;
  const tools = [{ type: "function", name: "write_file", parameters: { properties: { absolute_path: {}, text: {} } } }];
  const ask = { role: "user", content: [{ type: "input_text", text: "go" }] };
  const completed = (await events(await post(url, { model: "m", stream: true, tools, input: [ask] }))).at(-1);
  assert.equal(completed.type, "response.completed");
  const call = completed.response.output.at(-1);
  assert.deepEqual(JSON.parse(call.arguments), { absolute_path: "/x/a.txt", text: "hi" });
  const result = { type: "function_call_output", call_id: call.call_id, output: "ok" };
  const second = await (await post(url, { model: "m", tools, input: [ask, call, result] })).json();
  assert.equal(second.output.at(-1).content[0].text, "done");
});

test("Gemini streams a function call", async (t) => {
  const mock = await mockFor(t, { turns: [{ toolCalls: [{ name: "write_file", input: { file_path: "/a" } }] }, { text: "done" }] });
  const body = { contents: [{ role: "user", parts: [{ text: "go" }] }], tools: [{ functionDeclarations: [{ name: "write_file" }] }] };
  const stream = await events(await post(`${mock.url}/v1beta/models/gem-1:streamGenerateContent?alt=sse`, body));
  assert.equal(stream.at(-1).candidates[0].content.parts[0].functionCall.name, "write_file");
  assert.equal(mock.requests[0].model, "gem-1");
});

test("an agent without a write tool gets a shell command", async (t) => {
  const mock = await mockFor(t);
  const tools = [{ name: "bash", input_schema: { properties: { command: { type: "string" } } } }];
  const answer = await (await post(`${mock.url}/v1/messages`, { tools, messages: [{ role: "user", content: "go" }] })).json();
  assert.deepEqual(answer.content.at(-1).input, { command: "cat > '/x/a.txt' <<'MOCK_EOF'\nhi\nMOCK_EOF" });
});
