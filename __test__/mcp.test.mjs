// The Model Context Protocol, both ways, with the official SDK on the other side.
import { AgentOs, hostToolkit, toolkitFromMcp } from "agentos";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { makeServer } from "./fixtures/mcp/server.mjs";
import { mcpClient } from "./support/mcp.mjs";
import { boot, bootWithAgent } from "./support/vm.mjs";

const server = fileURLToPath(new URL("fixtures/mcp/server.mjs", import.meta.url));

async function clientOf(made) {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: "test", version: "1" });
  await Promise.all([made.connect(far), client.connect(near)]);
  return client;
}

test("a server's tools are a toolkit", async () => {
  const toolkit = await toolkitFromMcp(await clientOf(makeServer()));
  assert.equal(toolkit.name, "test-server-1");
  assert.equal(toolkit.description, "Tools for tests.");
  assert.deepEqual(toolkit.tools.slice(0, 3), ["echo", "add-numbers", "picture"]);
  assert.equal((await toolkitFromMcp(await clientOf(makeServer()), { name: "mine" })).name, "mine");
});

test("its tools are commands of the VM, whatever they answer", async (t) => {
  const vm = await boot(t, { toolkits: [await toolkitFromMcp(await clientOf(makeServer()), { name: "t" })] });
  const cases = {
    "agentos-t echo --text hi": "hi\n",
    "agentos-t echo --text hi --times 2": "hi\nhi\n",
    "agentos-t add-numbers --a 2 --b 3": '{"sum":5}\n',
    "agentos-t picture": "PNG bytes",
    "agentos-t file": "of a file\n",
    "agentos-t mixed": '[{"type":"text","text":"see"},{"type":"image","data":"AAAA","mimeType":"image/png"}]\n',
    "agentos-t nothing": "",
    "agentos-t fail 2>&1; echo $?": "agentos-t fail: it broke\nbadly\n1\n",
    "agentos-t echo 2>/dev/null; echo $?": "2\n",
  };
  for (const [line, expected] of Object.entries(cases)) assert.equal((await vm.exec(line)).stdout, expected, line);
  const calls = Array.from({ length: 20 }, () => vm.exec("agentos-t together --count 20"));
  for (const { stdout } of await Promise.all(calls)) assert.equal(stdout, "together\n");
});

test("killing the process tells the server", async (t) => {
  // A call from a VM does not keep the event loop going.
  const holding = setInterval(() => {}, 2 ** 30);
  t.after(() => clearInterval(holding));
  let signal;
  const started = new Promise((resolve) => (signal = resolve));
  const client = await clientOf(makeServer({ onSlow: signal }));
  const vm = await boot(t, { toolkits: [await toolkitFromMcp(client, { name: "t" })] });
  const process = await vm.spawn("agentos-t", ["slow"]);
  const told = await started;
  const aborted = new Promise((resolve) => told.addEventListener("abort", resolve));
  process.kill();
  await aborted;
});

test("a server that was started here ends with its last VM; a client stays the caller's", async () => {
  const toolkit = await toolkitFromMcp({ command: process.execPath, args: [server], env: { MARK: "set" } }, { name: "t" });
  const vms = [await AgentOs.create({ toolkits: [toolkit] }), await AgentOs.create({ toolkits: [toolkit] })];
  const say = async (vm, ...args) => (await vm.execFile("agentos-t", args)).stdout.trim();
  assert.equal(await say(vms[0], "env", "--name", "MARK"), "set");
  const pid = Number(await say(vms[0], "pid"));
  await vms[0].dispose();
  assert.equal(Number(await say(vms[1], "pid")), pid);
  await vms[1].dispose();
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });

  const client = await clientOf(makeServer());
  const vm = await AgentOs.create({ toolkits: [await toolkitFromMcp(client)] });
  await vm.dispose();
  assert.equal((await client.callTool({ name: "nothing", arguments: {} })).content.length, 0);
});

test("without the SDK everything else works, and its absence is said", () => {
  const hook = `
    export async function resolve(name, context, next) {
      if (name.startsWith("@modelcontextprotocol/")) throw Object.assign(new Error("none"), { code: "ERR_MODULE_NOT_FOUND" });
      return next(name, context);
    }`;
  const script = `
    import { register } from "node:module";
    register("data:text/javascript," + encodeURIComponent(${JSON.stringify(hook)}));
    const { toolkitFromMcp, hostToolkit } = await import("agentos");
    console.log(hostToolkit("x", { a: { description: "x", handler() {} } }).tools.length);
    await toolkitFromMcp({ command: "x" }).catch(({ code, message }) => console.log(code, message));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", cwd: fileURLToPath(new URL("..", import.meta.url)) });
  assert.equal(stdout, "1\nERR_AGENTOS_MISSING_PACKAGE this needs the package @modelcontextprotocol/sdk, which is not installed: npm install @modelcontextprotocol/sdk\n", stderr);
});

const tools = () =>
  hostToolkit("project", {
    listIssues: {
      description: "List issues",
      args: z.object({ status: z.enum(["open", "closed"]).default("open") }),
      handler: (c, { status }) => `${status} of ${c.vm.constructor.name}`,
    },
    count: { description: "Count", args: z.object({ of: z.array(z.string()) }), returns: z.object({ n: z.number() }), handler: (c, { of }) => ({ n: of.length }) },
    bytes: { description: "Bytes", handler: () => new Uint8Array([1, 2, 3]) },
    stream: {
      description: "Lines",
      async *handler() {
        yield "one";
        yield "two";
      },
    },
    fail: { description: "Fails", handler: () => Promise.reject(new Error("no")) },
  });

test("toolkits are an MCP server in the VM: agentos mcp", async (t) => {
  const vm = await boot(t, { toolkits: [tools()] });
  const { client, process } = await mcpClient(t, vm, "project");
  const listed = (await client.listTools()).tools;
  const names = listed.map(({ name }) => name);
  assert.equal(names.length, 5);
  assert.ok(listed.every(({ inputSchema }) => inputSchema.type === "object"));
  const named = (end) => names.find((name) => name.toLowerCase().replaceAll(/[-_]/g, "").endsWith(end));
  const call = (end, args = {}) => client.callTool({ name: named(end), arguments: args });
  assert.deepEqual((await call("listissues")).content, [{ type: "text", text: "open of AgentOs" }]);
  assert.deepEqual((await call("listissues", { status: "closed" })).content, [{ type: "text", text: "closed of AgentOs" }]);
  const counted = await call("count", { of: ["a", "b"] });
  assert.deepEqual(JSON.parse(counted.content[0].text), { n: 2 });
  assert.match((await call("stream")).content[0].text, /^one\ntwo\n?$/);
  assert.deepEqual(await call("fail"), { content: [{ type: "text", text: "no" }], isError: true });
  const refused = await call("listissues", { status: "odd" }).catch((error) => error);
  assert.ok(refused instanceof Error || refused.isError === true);
  await client.close();
  assert.deepEqual(await process.exited, { exitCode: 0, signal: null });
});

test("calls over MCP run at once", async (t) => {
  let [now, all] = [0, undefined];
  const ready = new Promise((resolve) => (all = resolve));
  const handler = async () => {
    if (++now === 10) all();
    await ready;
    return "done";
  };
  const vm = await boot(t, { toolkits: [hostToolkit("t", { tool: { description: "x", handler } })] });
  const { client } = await mcpClient(t, vm);
  const [{ name }] = (await client.listTools()).tools;
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.callTool({ name, arguments: {} })));
  assert.ok(answers.every(({ content }) => content[0].text === "done"));
});

test("an agent session is handed toolkits as MCP servers", async (t) => {
  const kit = tools();
  const vm = await bootWithAgent(t, { toolkits: [kit] });
  const session = await vm.createSession("test", { mcpServers: [kit, { name: "other", command: "server" }] });
  assert.deepEqual(JSON.parse((await session.prompt("setup")).text).mcpServers, [
    { name: "project", command: "/usr/bin/agentos", args: ["mcp", "project"], env: [] },
    { name: "other", command: "server", args: [], env: [] },
  ]);
  assert.equal((await session.prompt("run agentos-project list-issues")).text, "0:open of AgentOs\n");
  await assert.rejects(vm.createSession("test", { mcpServers: [tools()] }), { code: "ERR_INVALID_ARG_VALUE", message: /options\.mcpServers/ });
});

test("a handler knows the session that calls", async (t) => {
  const seen = [];
  const kit = hostToolkit("t", { who: { description: "x", handler: (c) => void seen.push(c.sessionId) } });
  const vm = await bootWithAgent(t, { toolkits: [kit] });
  const session = await vm.createSession("test");
  await session.prompt("run agentos-t who");
  await vm.exec("agentos-t who");
  assert.deepEqual(seen, [session.sessionId, null]);
});
