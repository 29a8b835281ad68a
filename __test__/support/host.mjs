// Node processes of tests, for what would end or blur the process that runs the tests.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Runs an ES module in a Node process of its own, which must end by itself with status 0 and an empty standard error; answers what it printed. */
export function runHost(script, { args = [], node = process.execPath, timeoutMs = 60_000 } = {}) {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const { status, signal, stdout, stderr, error } = spawnSync(node, [...args, "--input-type=module", "-e", script], { encoding: "utf8", timeout: timeoutMs, cwd });
  assert.equal(error, undefined, `${error}\n${stdout}\n${stderr}`);
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: "" }, stdout);
  return stdout;
}
