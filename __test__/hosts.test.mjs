// Where the addon runs: worker threads, and other versions of Node.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { runHost } from "./support/host.mjs";
import { boot } from "./support/vm.mjs";

const SCRIPT = `
import { AgentOs } from "agentos";
import common from "@agentos/common";
const vm = await AgentOs.create({ software: [common] });
const shell = await vm.exec("echo hello | tr a-z A-Z");
const node = await vm.exec("node -p '6*7'");
`;

/** Resolves to a worker's message, then its exit status. */
function finished(thread) {
  return new Promise((resolve, reject) => {
    let message;
    thread.on("message", (data) => (message = data)).on("error", reject).on("exit", (status) => resolve([message, status]));
  });
}

const url = (name) => new URL(`fixtures/${name}`, import.meta.url);

test("VMs in several workers and in the main thread at once", async (t) => {
  const here = await boot(t);
  const threads = Array.from({ length: 3 }, (_, i) => finished(new Worker(url("worker.mjs"), { workerData: i })));
  assert.equal((await here.exec("echo main")).stdout, "main\n");
  assert.deepEqual(await Promise.all(threads), [0, 1, 2].map((i) => [`HELLO ${i}\n42\n`, 0]));
  assert.equal((await here.exec("node -p 1+1")).stdout, "2\n", "engines outlive the worker that started them");
});

test("a worker that is terminated takes its VMs along", async (t) => {
  const here = await boot(t);
  for (let i = 0; i < 5; i++) {
    const thread = new Worker(url("busy-worker.mjs"));
    await new Promise((resolve) => thread.once("message", resolve));
    assert.equal(await thread.terminate(), 1);
  }
  assert.equal((await here.exec("echo fine")).stdout, "fine\n");
});

for (const version of [20, 22, 24]) {
  const binary = process.versions.node.startsWith(`${version}.`) ? process.execPath : new URL(`../node_modules/node-${version}/bin/node`, import.meta.url).pathname;
  test(`Node ${version}`, { skip: !existsSync(binary) && "not installed" }, () => {
    const script = `${SCRIPT} console.log(process.versions.node.split(".")[0], shell.stdout + node.stdout); await vm.dispose();`;
    assert.equal(runHost(script, { node: binary, timeoutMs: 120_000 }), `${version} HELLO\n42\n\n`);
  });
}
