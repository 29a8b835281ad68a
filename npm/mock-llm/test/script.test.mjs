// Rules, failures, and changing the script while the server runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startMockLlm } from "../src/server.js";
import { post } from "./requests.js";

const script = {
  rules: [
    { when: { user: "overload" }, turn: { error: { status: 529, type: "overloaded_error", message: "busy" } } },
    { when: { user: "drop" }, turn: { text: "x".repeat(200), dropAfter: 3 } },
    { when: { user: "hang" }, turn: { hang: true } },
  ],
  turns: [{ text: "ok" }],
};

async function start(t) {
  const mock = await startMockLlm({ script });
  t.after(() => mock.close());
  const ask = (content, options) => post(`${mock.url}/v1/messages`, { stream: true, messages: [{ role: "user", content }] }, options);
  return { mock, ask };
}

test("an error turn answers with its status", async (t) => {
  const { ask } = await start(t);
  const response = await ask("overload");
  assert.equal(response.status, 529);
  assert.equal((await response.json()).error.type, "overloaded_error");
});

test("a dropped stream fails the reader", async (t) => {
  const { ask } = await start(t);
  await assert.rejects(async () => (await ask("drop")).text());
});

test("a hanging turn never answers", async (t) => {
  const { mock, ask } = await start(t);
  const controller = new AbortController();
  const asked = mock.nextRequest();
  const answer = ask("hang", { signal: controller.signal });
  await asked;
  controller.abort();
  await assert.rejects(answer, { name: "AbortError" });
});

test("a new script is played in sequence and its last turn repeats", async (t) => {
  const { mock } = await start(t);
  await post(`${mock.url}/__script`, { mode: "sequence", turns: [{ text: "one" }, { text: "two" }] });
  const text = async () => {
    const response = await post(`${mock.url}/v1/messages`, { messages: [{ role: "user", content: "q" }] });
    return (await response.json()).content[0].text;
  };
  assert.equal(await text(), "one");
  assert.equal(await text(), "two");
  assert.equal(await text(), "two");
  const requests = await (await fetch(`${mock.url}/__requests`)).json();
  assert.equal(requests.length, 3);
});
