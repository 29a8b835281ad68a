// Sessions: an agent of the VM, spoken to over the Agent Client Protocol.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runHost } from "./support/host.mjs";
import { boot, bootWithAgent } from "./support/vm.mjs";

test("a prompt answers with what the agent said", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  assert.equal(session.agent, "test");
  assert.equal(session.sessionId, "test-session");
  assert.deepEqual(await session.prompt("say Hello, world"), { stopReason: "end_turn", text: "Hello, world", usage: { inputTokens: 1, outputTokens: 1 } });
  assert.equal((await session.prompt([{ type: "text", text: "say again" }, { type: "text", text: "x" }])).usage.inputTokens, 2);
});

test("events arrive in order, before the answer, and can be read again", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  const seen = [];
  session.on("event", (event) => seen.push(event));
  await session.prompt("say one");
  assert.deepEqual(seen.map(({ seq, type }) => [seq, type]), [[1, "prompt"], [2, "update"], [3, "stop"]]);
  assert.deepEqual(seen[1].update, { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "one" } });
  await session.prompt("say two");
  assert.deepEqual(session.events(), seen);
  assert.deepEqual(session.events({ since: 4 }).map(({ seq }) => seq), [5, 6]);
  assert.deepEqual(await session.transcript(), [
    { role: "user", text: "say one" },
    { role: "agent", text: "one" },
    { role: "user", text: "say two" },
    { role: "agent", text: "two" },
  ]);
});

test("cwd, environment, servers and instructions reach the agent", async (t) => {
  const vm = await bootWithAgent(t, { env: { LEVEL: "vm" } });
  const session = await vm.createSession("test", {
    cwd: "/tmp",
    env: { LEVEL: "session", ABSENT: undefined },
    mcpServers: [{ name: "tools", command: "server", env: { K: "v" } }],
    additionalInstructions: "Be brief.",
  });
  assert.equal((await session.prompt("where")).text, "/tmp");
  assert.equal((await session.prompt("env LEVEL")).text, "session");
  assert.deepEqual(JSON.parse((await session.prompt("setup")).text), {
    mcpServers: [{ name: "tools", command: "server", args: [], env: [{ name: "K", value: "v" }] }],
    _meta: { additionalInstructions: "Be brief." },
  });
});

test("an agent works in the VM: files and programs", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  await vm.writeFile("/home/user/note", "forty-two");
  assert.equal((await session.prompt("cat note")).text, "forty-two");
  assert.equal((await session.prompt("run echo made > by-agent; ls")).text, "0:by-agent\nnote\n");
  assert.equal(await vm.readFile("/home/user/by-agent", "utf8"), "made\n");
});

test("the host serves files with the agent's own rights, and no terminals", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  assert.deepEqual(JSON.parse((await session.prompt("write /home/user/f by the host")).text), { jsonrpc: "2.0", result: {} });
  assert.equal((await vm.exec("stat -c %U f")).stdout, "agent\n");
  assert.equal(JSON.parse((await session.prompt("read /home/user/f")).text).result.content, "by the host");
  assert.equal(JSON.parse((await session.prompt("read /home/user/missing")).text).error.code, -32002);
  assert.match((await session.prompt("write /etc/passwd x")).text, /EACCES/);
  await vm.writeFile("/home/user/private", "x", { mode: 0o600 });
  await vm.exec("chmod 0 private");
  assert.match((await session.prompt("read /home/user/private")).text, /EACCES/);
  assert.equal(JSON.parse((await session.prompt("terminal")).text).error.code, -32601);
  assert.equal(vm.processes().length, 2, "nothing but the agent is left");
});

test("permission requests: allowed, denied, or asked of the host", async (t) => {
  const vm = await bootWithAgent(t);
  assert.equal((await (await vm.createSession("test")).prompt("tool rm")).text, "yes");
  assert.equal((await (await vm.createSession("test", { permissions: "deny" })).prompt("tool rm")).text, "no");
  const asking = await vm.createSession("test", { permissions: "ask" });
  const requests = [];
  asking.on("permissionRequest", (request) => {
    requests.push(request);
    asking.respondPermission(request.id, requests.length === 1 ? "once" : "reject");
  });
  assert.equal((await asking.prompt("tool rm")).text, "yes");
  assert.equal((await asking.prompt("tool rm -r")).text, "no");
  assert.deepEqual(requests.map(({ toolCall }) => toolCall.title), ["rm", "rm -r"]);
  assert.deepEqual(requests[0].options.map(({ kind }) => kind), ["allow_once", "reject_once"]);
  assert.throws(() => asking.respondPermission(requests[0].id, "once"), { code: "ERR_AGENTOS_UNKNOWN_PERMISSION" });
  assert.throws(() => asking.respondPermission("x", "maybe"), { code: "ERR_INVALID_ARG_VALUE" });
});

test("cancel stops the agent; an abort rejects too", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  await session.cancel();
  const waiting = session.prompt("wait");
  await assert.rejects(session.prompt("say no"), { code: "ERR_AGENTOS_SESSION_BUSY" });
  await session.cancel();
  assert.equal((await waiting).stopReason, "cancelled");
  const controller = new AbortController();
  const aborted = session.prompt("wait", { signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted, { name: "AbortError" });
  const asking = await vm.createSession("test", { permissions: "ask" });
  asking.on("permissionRequest", () => void asking.cancel());
  assert.equal((await asking.prompt("tool rm")).text, "cancelled");
});

test("mode and model are changed to what the agent offers", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  await session.setMode("code");
  await session.setModel("large");
  const { modes, configOptions, agentInfo } = session.describe();
  assert.deepEqual([modes.currentModeId, configOptions[0].currentValue, agentInfo.name], ["code", "large", "test-agent"]);
  await assert.rejects(session.setMode("fly"), { code: "ERR_AGENTOS_INVALID_OPTION", message: 'option mode: got "fly"; accepted: one of ask, code' });
  await assert.rejects(session.setModel("huge"), { code: "ERR_AGENTOS_INVALID_OPTION" });
});

test("an unknown agent is an error that names those there are", async (t) => {
  const vm = await bootWithAgent(t);
  await assert.rejects(vm.createSession("clippy"), {
    code: "ERR_AGENTOS_UNKNOWN_AGENT",
    message: 'agent: got "clippy"; this VM has: test, test-that-chatters, test-that-fails',
  });
  await assert.rejects((await boot(t)).createSession("pi"), { code: "ERR_AGENTOS_UNKNOWN_AGENT", message: /this VM has: none/ });
});

test("options of the wrong type are named", async (t) => {
  const vm = await bootWithAgent(t);
  await assert.rejects(vm.createSession(), { code: "ERR_INVALID_ARG_TYPE", message: 'The "agent" argument must be of type string. Received undefined' });
  await assert.rejects(vm.createSession("test", { permissions: "maybe" }), /must be one of 'auto', 'deny', 'ask'/);
  await assert.rejects(vm.createSession("test", { mcpServers: [{ name: "x" }] }), { code: "ERR_AGENTOS_INVALID_OPTION" });
  await assert.rejects(vm.createSession("test", { cwd: "relative" }), { code: "ERR_AGENTOS_INVALID_OPTION" });
  const session = await vm.createSession("test");
  await assert.rejects(session.prompt(5), { code: "ERR_INVALID_ARG_TYPE" });
  await assert.rejects(session.prompt([5]), { code: "ERR_INVALID_ARG_TYPE" });
});

test("an agent that cannot start says why", async (t) => {
  const vm = await bootWithAgent(t);
  await assert.rejects(vm.createSession("test-that-fails"), {
    code: "ERR_AGENTOS_AGENT_FAILED",
    message: "agent test-that-fails exited with status 7; its standard error ends with: there is no model to talk to (initialize)",
  });
});

test("an agent that dies fails its prompt and ends the session", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  const exit = new Promise((resolve) => session.on("exit", resolve));
  await assert.rejects(session.prompt("die 3"), { code: "ERR_AGENTOS_AGENT_FAILED", message: /exited with status 3; its standard error ends with: I cannot go on/ });
  assert.deepEqual(await exit, { exitCode: 3, signal: null });
  assert.deepEqual(vm.sessions(), []);
});

test("what an agent prints beside the protocol is an event, not a fault", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test-that-chatters");
  await session.prompt("print debug output");
  const strays = session.events().filter(({ type }) => type === "error");
  assert.deepEqual(strays.map(({ line }) => line), ["welcome!", "debug output"]);
});

test("an error of the agent is the prompt's", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  await assert.rejects(session.prompt("dance"), { code: "ERR_AGENTOS_AGENT_ERROR", message: /I do not know how to dance \(code -32602\)/ });
  assert.equal((await session.prompt("say still here")).text, "still here");
});

test("closing ends the agent, twice without harm", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  assert.deepEqual(vm.sessions(), [session]);
  await session.close();
  await session.close();
  assert.deepEqual(vm.sessions(), []);
  assert.equal(vm.processes().length, 1);
  await assert.rejects(session.prompt("say x"), { code: "ERR_AGENTOS_SESSION_CLOSED" });
});

test("disposing the VM ends its sessions", async (t) => {
  const vm = await bootWithAgent(t);
  const session = await vm.createSession("test");
  const waiting = assert.rejects(session.prompt("wait"), (error) => error.code.startsWith("ERR_AGENTOS_"));
  await vm.dispose();
  await waiting;
  assert.deepEqual(vm.sessions(), []);
});

test("a listener that throws is an uncaught exception, and the session goes on", () => {
  const stdout = runHost(`
    import { AgentOs } from "agentos"; import common from "@agentos/common"; import { testAgent } from "./support/vm.mjs";
    process.on("uncaughtException", ({ message }) => console.log("uncaught", message));
    const vm = await AgentOs.create({ software: [common, testAgent] });
    const session = await vm.createSession("test");
    session.on("event", ({ type }) => { if (type === "update") throw new Error("in a listener"); });
    session.on("event", ({ type }) => console.log(type));
    console.log((await session.prompt("say hi")).text);
    await session.close();
    await vm.dispose();`);
  assert.deepEqual(stdout.trim().split("\n").sort(), ["exit", "hi", "prompt", "stop", "uncaught in a listener", "update"]);
});
