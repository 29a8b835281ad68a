// Pi, the published npm package, in a VM, against the scripted model service.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentOs } from "agentos";
import common from "@agentos/common";
import { startMockLlm } from "@agentos/mock-llm";
import pi from "@agentos/pi";

async function session(t, script, options = {}) {
  const model = await startMockLlm({ script });
  t.after(() => model.close());
  const vm = await AgentOs.create({
    software: [common, pi],
    permissions: { network: { rules: [{ mode: "allow", patterns: [`127.0.0.1:${model.port}`] }] } },
  });
  t.after(() => vm.dispose());
  const env = { ANTHROPIC_API_KEY: "mock", ANTHROPIC_BASE_URL: model.url };
  return { vm, model, session: await vm.createSession("pi", { env, ...options }) };
}

const hello = {
  turns: [
    { text: "I will write it.", toolCalls: [{ write: { path: "/home/user/hello.js", content: 'console.log("Hello, world!");\n' } }] },
    { toolCalls: [{ bash: { command: "node /home/user/hello.js | tr a-z A-Z" } }] },
    { text: "Done." },
  ],
};

test("Pi writes a program and runs it", async (t) => {
  const { vm, model, session: pi } = await session(t, hello);
  const kinds = [];
  pi.on("event", ({ update }) => update?.sessionUpdate === "tool_call" && kinds.push(update.kind));
  const answer = await pi.prompt("Write a hello world script to /home/user/hello.js and run it");
  assert.equal(answer.stopReason, "end_turn");
  assert.match(answer.text, /I will write it\..*Done\./s);
  assert.deepEqual(kinds, ["edit", "execute"]);
  assert.match(JSON.stringify(model.requests.at(-1)), /HELLO, WORLD!/, "the model was told what the program printed");
  assert.equal((await vm.exec("node hello.js")).stdout, "Hello, world!\n");
});

test("a tool call that the host rejects does not run", async (t) => {
  const { vm, session: pi } = await session(t, hello, { permissions: "deny" });
  assert.equal((await pi.prompt("write it")).stopReason, "end_turn");
  assert.equal(await vm.exists("/home/user/hello.js"), false);
});

test("cancelling stops the command that runs", async (t) => {
  const { vm, session: pi } = await session(t, { turns: [{ toolCalls: [{ bash: { command: "echo > begun; sleep 600" } }] }, { text: "late" }] });
  pi.on("event", ({ update }) => update?.status === "in_progress" && void pi.cancel());
  assert.equal((await pi.prompt("sleep")).stopReason, "cancelled");
  for (const stop = Date.now() + 10_000; vm.processes().some(({ name }) => name === "sleep"); await new Promise(setImmediate)) assert.ok(Date.now() < stop);
});

test("without a rule the model cannot be reached, and Pi says so", async (t) => {
  const vm = await AgentOs.create({ software: [common, pi] });
  t.after(() => vm.dispose());
  const offline = await vm.createSession("pi", { env: { ANTHROPIC_API_KEY: "mock", ANTHROPIC_BASE_URL: "http://127.0.0.1:9" } });
  await assert.rejects(offline.prompt("hello"), { code: "ERR_AGENTOS_AGENT_ERROR" });
});
