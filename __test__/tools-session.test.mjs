// What agents are told about the host's tools.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostToolkit } from "agentos";
import { bootWithAgent } from "./support/vm.mjs";

const project = hostToolkit("project", {
  listIssues: {
    description: "List issues\nof the tracker",
    args: { type: "object", properties: { status: { type: "string", enum: ["open", "closed"] }, label: { type: "string" } }, required: ["status"] },
    handler: (c) => String(c.sessionId),
  },
});

const instructionsOf = async (session) => JSON.parse((await session.prompt("setup")).text)._meta?.additionalInstructions;

test("the instructions of a session name the tools, after the host's own", async (t) => {
  const vm = await bootWithAgent(t, { toolkits: [project] });
  const alone = await instructionsOf(await vm.createSession("test"));
  assert.match(alone, /^- `agentos-project list-issues --status '<open\|closed>' \[--label <string>\]`: List issues$/m);
  assert.match(alone, /`agentos list`/);
  assert.equal(await instructionsOf(await vm.createSession("test", { additionalInstructions: "Be brief." })), `Be brief.\n\n${alone}`);
});

test("without tools nothing is added", async (t) => {
  const vm = await bootWithAgent(t);
  assert.equal(await instructionsOf(await vm.createSession("test")), undefined);
});

test("a call from an agent's program carries the session", async (t) => {
  const vm = await bootWithAgent(t, { toolkits: [project] });
  const session = await vm.createSession("test");
  assert.equal((await session.prompt("run agentos-project list-issues --status open")).text, `0:${session.sessionId}\n`);
});
