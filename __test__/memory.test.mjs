// Disposing gives everything back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runHost } from "./support/host.mjs";

// In a process of its own, so that other tests do not blur the numbers.
const SCRIPT = `
import { readdirSync, readFileSync } from "node:fs";
import { AgentOs } from "agentos";
import common from "@agentos/common";

async function round(i) {
  const vm = await AgentOs.create({ software: [common] });
  await vm.writeFile("/home/user/f", Buffer.alloc(100_000));
  const { stdout } = await vm.exec("wc -c < f | cat");
  if (stdout !== "100000\\n") throw new Error("round " + i + ": " + stdout);
  if (i % 10 === 0) await vm.exec("node -p 1");
  await vm.dispose();
}
async function measure() {
  for (let i = 0; i < 3; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 50)); }
  const threads = readdirSync("/proc/self/task").length;
  const fds = readdirSync("/proc/self/fd").length;
  const rss = Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4096;
  return { rss, threads, fds };
}
for (let i = 0; i < 100; i++) await round(i);
const before = await measure();
for (let i = 0; i < 500; i++) await round(i);
const after = await measure();
console.log(JSON.stringify({ before, after }));
`;

test("500 rounds of create, exec and dispose do not grow the process", { timeout: 600_000 }, (t) => {
  const stdout = runHost(SCRIPT, { args: ["--expose-gc"], timeoutMs: 600_000 });
  const { before, after } = JSON.parse(stdout);
  t.diagnostic(stdout.trim());
  const grown = after.rss - before.rss;
  assert.ok(grown < 32 << 20, `RSS grew by ${(grown / 2 ** 20).toFixed(1)} MiB in 500 rounds`);
  assert.ok(after.threads <= before.threads + 2, `threads: ${before.threads} -> ${after.threads}`);
  assert.ok(after.fds <= before.fds + 2, `descriptors: ${before.fds} -> ${after.fds}`);
});
