// Every limit of a VM: what happens at it, that a warning comes before, and that the VM goes on.
import assert from "node:assert/strict";
import test from "node:test";
import { boot } from "./support/vm.mjs";

/** Boots a VM with one limit and hears its warnings. */
async function limited(t, limits) {
  const vm = await boot(t, { limits });
  const warnings = [];
  vm.on("limitWarning", (warning) => warnings.push(warning));
  return { vm, warnings };
}

/** The VM still works, whatever it went through. */
async function usable(vm) {
  assert.equal((await vm.exec("echo alive | cat")).stdout, "alive\n");
}

const cases = [
  {
    limits: { maxProcesses: 20 },
    line: "for i in $(seq 40); do sleep 1000 & done; wait",
    stderr: /fork: (retry: )?Resource temporarily unavailable/,
    timeoutMs: 1500,
  },
  { limits: { maxFsBytes: 1 << 20 }, line: "dd if=/dev/zero of=big bs=64k count=100; stat -c %s big; rm big", stdout: /^1\d{6}\n$/, stderr: /No space left on device/ },
  { limits: { maxInodes: 1100 }, line: "mkdir d; cd d; for i in {1..2000}; do : > $i || break; done; cd ..; rm -r d", stderr: /No space left on device/ },
  { limits: { maxOpenFiles: 100 }, line: "for i in {10..200}; do eval \"exec $i</dev/null\" || break; done", stderr: /Too many open files/ },
  {
    limits: { maxPipes: 20 },
    line: `node -e 'const { spawn } = require("child_process"); const all = []; try { for (let i = 0; i < 40; i++) all.push(spawn("cat")); } catch (e) { console.error(e.message) } all.forEach((c) => { c.on("error", (e) => console.error(e.message)); c.kill() })'`,
    stderr: /Too many open files in system/,
  },
  { limits: { maxSockets: 5 }, line: `node -e 'const net = require("net"); for (let i = 0; i < 10; i++) net.createServer().on("error", (e) => { console.error(e.code); process.exit() }).listen(0)'`, stderr: /ENFILE/ },
  { limits: { maxArgBytes: 200_000 }, line: "/bin/echo $(seq 40000)", stderr: /Argument list too long/, quiet: true },
  { limits: { maxMemoryMb: 128 }, line: "dd if=/dev/zero of=big bs=1M count=200; rm big", stderr: /No space left on device/ },
];

for (const { limits, line, stdout, stderr, timeoutMs, quiet } of cases) {
  const [name] = Object.keys(limits);
  test(`${name}: the program hears of it, its owner before, and the VM goes on`, async (t) => {
    const { vm, warnings } = await limited(t, limits);
    const result = await vm.exec(line, timeoutMs === undefined ? {} : { timeoutMs });
    assert.match(result.stderr, stderr, JSON.stringify(result).slice(0, 500));
    if (stdout) assert.match(result.stdout, stdout);
    await usable(vm);
    if (quiet) return;
    const warning = warnings.find(({ limit }) => limit === name);
    assert.ok(warning, JSON.stringify(warnings));
    assert.equal(warning.configured, limits[name]);
  });
}

test("maxOutputBytes and maxExecMs bound every call, whatever it asks for", async (t) => {
  const { vm } = await limited(t, { maxOutputBytes: 1000, maxExecMs: 300 });
  const flood = await vm.exec("yes", { maxOutputBytes: 1e9 });
  assert.deepEqual([flood.stdout.length, flood.truncated, flood.timedOut], [1000, true, true]);
  const slow = await vm.exec("sleep 100", { timeoutMs: 1e9 });
  assert.equal(slow.timedOut, true);
  await usable(vm);
});

test("maxPtys bounds terminals", async (t) => {
  const { vm } = await limited(t, { maxPtys: 3 });
  const open = "for i in 10 11 12 13; do eval \"exec $i<>/dev/ptmx\" || break; done";
  assert.match((await vm.exec(open)).stderr, /No space left on device/);
  await usable(vm);
});
