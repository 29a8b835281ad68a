// Virtual machines of tests: each ends with the test that booted it.
import { AgentOs } from "agentos";
import common from "@agentos/common";
import { fileURLToPath } from "node:url";

/** Boots a VM with the base userland. */
export async function boot(t, options = {}) {
  const vm = await AgentOs.create({ software: [common], ...options });
  t.after(() => vm.dispose());
  return vm;
}

/** An agent whose behaviour the prompt chooses; see fixtures/agent/agent.mjs. */
export const testAgent = {
  name: "test-agent",
  version: "1.0.0",
  root: fileURLToPath(new URL("../fixtures/agent", import.meta.url)),
  files: [{ path: "/usr/bin/test-agent", source: "agent.mjs", mode: 0o755 }],
  agents: {
    test: { command: "/usr/bin/test-agent" },
    "test-that-fails": { command: "/usr/bin/test-agent", args: ["--fail"] },
    "test-that-chatters": { command: "/bin/bash", args: ["-c", "echo 'welcome!'; exec test-agent"] },
  },
};

/** Boots a VM that has the test agent. */
export function bootWithAgent(t, options = {}) {
  return boot(t, { software: [common, testAgent], ...options });
}

/** The last of an async iterable's chunks, joined as text. */
export async function textOf(stream) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}
