// The adapter as a protocol client sees it, on plain Node.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fixture } from "./fixture.js";

const GREETING = 'console.log("Hello, world!");\n';

const writeHello = { text: "I will write it.", thinking: "hmm", toolCalls: [{ write: { path: "hello.js", content: GREETING } }] };

test("a prompt streams text, thought and tool calls, and the file is written", async (t) => {
  const { home, drive } = await fixture(t, {
    turns: [writeHello, { toolCalls: [{ bash: { command: "node hello.js" } }] }, { text: "Done." }],
  });
  const updates = [];
  const trace = (direction, line) => direction === "<-" && updates.push(JSON.parse(line).params?.update);
  const report = await drive({ trace });
  assert.equal(report.error, undefined);
  assert.equal(report.response.stopReason, "end_turn");
  assert.ok(report.response.usage.outputTokens > 0);
  assert.equal(report.text, "I will write it.Done.");
  assert.deepEqual(report.tools, ["edit:write hello.js", "execute:node hello.js"]);
  assert.deepEqual(report.requests, ["session/request_permission", "session/request_permission"]);
  assert.deepEqual(report.noise, []);
  assert.equal(report.exit, 0);
  assert.equal(readFileSync(join(home, "hello.js"), "utf8"), GREETING);
  const completed = updates.filter((update) => update?.status === "completed").map((update) => update.content);
  assert.deepEqual(completed, [
    [{ type: "diff", path: join(home, "hello.js"), oldText: null, newText: GREETING }],
    [{ type: "content", content: { type: "text", text: "Hello, world!\n" } }],
  ]);
  t.diagnostic(`initialize ${report.timings.initialize} ms, session/new ${report.timings.session} ms, since start`);
});

test("a rejected tool call does not run, and the model is told", async (t) => {
  const { home, mock, drive } = await fixture(t, { turns: [writeHello, { text: "As you wish." }] });
  const report = await drive({ deny: true });
  assert.equal(report.response.stopReason, "end_turn");
  assert.equal(existsSync(join(home, "hello.js")), false);
  assert.equal(mock.requests.at(-1).turns.at(-1).text, "The user rejected this tool call.");
});

test("reading asks for no permission", async (t) => {
  const { home, mock, drive } = await fixture(t, { turns: [{ toolCalls: [{ read: { path: "note.txt" } }] }, { text: "ok" }] });
  writeFileSync(join(home, "note.txt"), "forty-two\n");
  const report = await drive();
  assert.deepEqual(report.requests, []);
  assert.match(mock.requests.at(-1).turns.at(-1).text, /forty-two/);
});

test("an edit is shown as the change of its fragment", async (t) => {
  const edits = [{ oldText: "one", newText: "two" }];
  const { home, drive } = await fixture(t, { turns: [{ toolCalls: [{ name: "edit", input: { path: "a.txt", edits } }] }, { text: "ok" }] });
  writeFileSync(join(home, "a.txt"), "one\n");
  const diffs = [];
  const trace = (direction, line) => diffs.push(...(JSON.parse(line).params?.toolCall?.content ?? []));
  await drive({ trace });
  assert.deepEqual(diffs, [{ type: "diff", path: join(home, "a.txt"), oldText: "one", newText: "two" }]);
  assert.equal(readFileSync(join(home, "a.txt"), "utf8"), "two\n");
});

test("cancelling ends the turn and the command that runs in it", async (t) => {
  const { drive } = await fixture(t, { turns: [{ toolCalls: [{ bash: { command: "sleep 600" } }] }, { text: "late" }] });
  const report = await drive({ cancelAfterMs: 500 });
  assert.equal(report.response.stopReason, "cancelled");
  assert.equal(report.exit, 0);
});

test("a failing model service is an error of the prompt", async (t) => {
  const { drive } = await fixture(t, { turns: [{ error: { status: 400, type: "invalid_request_error", message: "no such thing" } }] });
  const report = await drive();
  assert.match(report.error.message, /no such thing/);
});

test("without a key the prompt asks for authentication", async (t) => {
  const { env, drive } = await fixture(t, { turns: [] });
  const report = await drive({ env: { ...env, ANTHROPIC_API_KEY: "", PATH: process.env.PATH } });
  assert.equal(report.error.code, -32000);
});

test("extensions written in TypeScript are loaded", async (t) => {
  const { home, mock, drive } = await fixture(t, { turns: [{ text: "ok" }] });
  mkdirSync(join(home, ".pi/agent/extensions"), { recursive: true });
  const extension = `
    import { Type } from "typebox";
    import type { ExtensionAPI } from "@mariozechner/pi-coding-agent";
    export default (pi: ExtensionAPI) => pi.registerTool({
      name: "dice", label: "Dice", description: "Rolls a die", parameters: Type.Object({}),
      execute: async () => ({ content: [{ type: "text", text: "4" }], details: undefined }),
    });`;
  writeFileSync(join(home, ".pi/agent/extensions/dice.ts"), extension);
  const report = await drive();
  assert.equal(report.error, undefined);
  assert.ok(mock.requests[0].tools.includes("dice"), String(mock.requests[0].tools));
});
