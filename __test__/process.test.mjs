// spawn: a program that runs, with streams.
import assert from "node:assert/strict";
import { test } from "node:test";
import { boot, textOf } from "./support/vm.mjs";

test("a conversation over standard input and output", async (t) => {
  const vm = await boot(t);
  const cat = await vm.spawn("cat");
  const [input, output] = [cat.stdin.getWriter(), cat.stdout.getReader()];
  for (const text of ["one", "two"]) {
    await input.write(text);
    assert.equal(Buffer.from((await output.read()).value).toString(), text);
  }
  await input.close();
  assert.equal((await output.read()).done, true);
  assert.deepEqual(await cat.exited, { exitCode: 0, signal: null });
});

test("output that nobody reads waits in its pipe", async (t) => {
  const vm = await boot(t);
  const seq = await vm.spawn("seq", ["100000"]);
  const text = await textOf(seq.stdout);
  assert.equal(text.length, 588_895);
  assert.equal(await textOf(seq.stderr), "");
});

test("a reader that goes away does not stop the program", async (t) => {
  const vm = await boot(t);
  const process = await vm.spawn("bash", ["-c", "seq 100000; echo done > f"]);
  await process.stdout.cancel();
  assert.deepEqual(await process.exited, { exitCode: 0, signal: null });
  assert.equal(await vm.readFile("/home/user/f", "utf8"), "done\n");
});

test("a signal ends it", async (t) => {
  const vm = await boot(t);
  const sleep = await vm.spawn("sleep", ["600"]);
  const { pid } = sleep;
  assert.ok(pid > 1);
  assert.deepEqual(vm.processes().map((row) => [row.pid, row.args]).at(-1), [pid, ["sleep", "600"]]);
  assert.equal(sleep.kill(), true);
  assert.deepEqual(await sleep.exited, { exitCode: 143, signal: "SIGTERM" });
  assert.equal(sleep.kill("SIGKILL"), false, "it has ended");
  assert.throws(() => vm.kill(pid), { code: "ESRCH", syscall: "kill" });
  assert.throws(() => sleep.kill("SIGNOPE"), { code: "ERR_UNKNOWN_SIGNAL" });
});

test("a handler of the program sees the signal", async (t) => {
  const vm = await boot(t);
  const shell = await vm.spawn("bash", ["-c", "trap 'echo got it; exit 5' USR1; echo ready; while :; do sleep 0.01; done"]);
  const reader = shell.stdout.getReader();
  assert.equal(Buffer.from((await reader.read()).value).toString(), "ready\n");
  vm.kill(shell.pid, "SIGUSR1");
  assert.equal(Buffer.from((await reader.read()).value).toString(), "got it\n");
  assert.equal((await shell.exited).exitCode, 5);
});

test("process 1 and processes of the host cannot be signalled", async (t) => {
  const vm = await boot(t);
  for (const pid of [1, process.pid, 0]) assert.throws(() => vm.kill(pid, "SIGKILL"), { code: "ESRCH" });
  assert.throws(() => vm.kill(-1), { code: "ERR_INVALID_ARG_VALUE" });
});

test("on('exit') is called once", async (t) => {
  const vm = await boot(t);
  const process = await vm.spawn("bash", ["-c", "exit 3"]);
  assert.deepEqual(await new Promise((resolve) => process.on("exit", resolve)), { exitCode: 3, signal: null });
  assert.throws(() => process.on("close", () => {}), { code: "ERR_INVALID_ARG_VALUE" });
});

test("options of exec work for spawn too", async (t) => {
  const vm = await boot(t);
  const seen = [];
  const process = await vm.spawn("bash", ["-c", "cat; pwd; echo $A >&2"], {
    stdin: "in\n",
    cwd: "/tmp",
    env: { A: "b" },
    onStdout: (chunk) => seen.push(Buffer.from(chunk).toString()),
    onStderr: (chunk) => seen.push(Buffer.from(chunk).toString()),
  });
  await process.exited;
  for (const stop = Date.now() + 5000; seen.join("").length < 10; await new Promise(setImmediate)) assert.ok(Date.now() < stop, seen.join());
  assert.equal(seen.join("").split("\n").sort().join(" "), " /tmp b in");
  assert.equal(await textOf(process.stdout), "");
  const limited = await vm.spawn("seq", ["100000"], { maxOutputBytes: 4 });
  assert.equal(await textOf(limited.stdout), "1\n2\n");
  assert.equal((await limited.exited).exitCode, 0);
});

test("a timeout or an abort ends it", async (t) => {
  const vm = await boot(t);
  const late = await vm.spawn("sleep", ["600"], { timeoutMs: 50 });
  assert.deepEqual(await late.exited, { exitCode: 143, signal: "SIGTERM" });
  const controller = new AbortController();
  const aborted = await vm.spawn("sleep", ["600"], { signal: controller.signal });
  controller.abort();
  await assert.rejects(aborted.exited, { name: "AbortError" });
});

test("a program that is not there rejects", async (t) => {
  const vm = await boot(t);
  await assert.rejects(vm.spawn("no-such-program"), { code: "ENOENT", syscall: "spawn", path: "no-such-program" });
  await assert.rejects(vm.spawn(""), { code: "ERR_INVALID_ARG_VALUE" });
});

test("the process table shows what runs, and whose child it is", async (t) => {
  const vm = await boot(t);
  const shell = await vm.spawn("bash", ["-c", "sleep 600 & until read -r name < /proc/$!/comm && [ \"$name\" = sleep ]; do :; done; echo started; wait"]);
  await shell.stdout.getReader().read();
  const table = vm.processes();
  const bash = table.find(({ pid }) => pid === shell.pid);
  const sleep = table.find(({ ppid }) => ppid === shell.pid);
  assert.deepEqual([bash.name, bash.ppid, bash.uid, bash.pgid, bash.sid], ["bash", 1, 1000, bash.pid, bash.pid]);
  assert.deepEqual([sleep.name, sleep.args, sleep.pgid], ["sleep", ["sleep", "600"], bash.pgid]);
  assert.ok(["R", "S"].includes(sleep.state));
  assert.ok(bash.memoryBytes > 0);
});
