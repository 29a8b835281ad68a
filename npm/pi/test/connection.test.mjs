// The wire: framing, errors and unknown methods.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection, RpcError } from "../src/connection.js";

function pair(methods = {}) {
  const sent = [];
  const connection = new Connection((line) => sent.push(JSON.parse(line)), methods);
  return { connection, sent };
}

/** Handlers are asynchronous: their answer is sent after the current job. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("messages may arrive in pieces and several at once", async () => {
  const { connection, sent } = pair({ add: ({ a, b }) => ({ sum: a + b }) });
  const line = (id) => JSON.stringify({ jsonrpc: "2.0", id, method: "add", params: { a: id, b: 1 } });
  connection.receive(line(1).slice(0, 10));
  connection.receive(`${line(1).slice(10)}\n${line(2)}\n\n`);
  await settle();
  assert.deepEqual(sent, [
    { jsonrpc: "2.0", id: 1, result: { sum: 2 } },
    { jsonrpc: "2.0", id: 2, result: { sum: 3 } },
  ]);
});

test("bad input is answered with the standard codes", async () => {
  const { connection, sent } = pair({ fail: () => { throw new RpcError(-32002, "gone"); } });
  connection.receive("{\n[]\n{}\n");
  connection.receive('{"id":1,"method":"nope"}\n{"id":2,"method":"fail"}\n{"id":3,"method":"constructor"}\n');
  await settle();
  assert.deepEqual(sent.map(({ id, error }) => [id, error.code]), [
    [null, -32700], [null, -32600], [null, -32600], [1, -32601], [2, -32002], [3, -32601],
  ]);
});

test("a failing notification is not answered", async () => {
  const { connection, sent } = pair();
  connection.receive('{"method":"nope"}\n');
  await settle();
  assert.deepEqual(sent, []);
});

test("requests are settled by the answers, and rejected when the peer goes", async () => {
  const { connection, sent } = pair();
  const first = connection.request("ask", { n: 1 });
  const second = connection.request("ask", { n: 2 });
  connection.receive(`${JSON.stringify({ id: sent[0].id, result: { ok: true } })}\n`);
  assert.deepEqual(await first, { ok: true });
  connection.close();
  await assert.rejects(second, /the client is gone/);
});
