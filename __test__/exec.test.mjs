// exec and execFile: a line of shell, or a program, to its end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { boot } from "./support/vm.mjs";

test("a pipeline prints and ends with 0", async (t) => {
  const vm = await boot(t);
  assert.deepEqual(await vm.exec("echo hello | tr a-z A-Z"), {
    exitCode: 0,
    signal: null,
    stdout: "HELLO\n",
    stderr: "",
    truncated: false,
    timedOut: false,
  });
});

/** Each line with what bash answers: [line, stdout, exit status]. */
const shell = [
  ["false || echo recovered", "recovered\n", 0],
  ["true && false", "", 1],
  ["exit 42", "", 42],
  ["(cd /tmp && pwd); pwd", "/tmp\n/home/user\n", 0],
  ["touch b a c; echo *", "a b c\n", 0],
  ["echo $(printf %s a; printf %s b)-$((6 * 7))", "ab-42\n", 0],
  ["for i in 1 2 3; do echo $i; done | sort -r | head -n 2", "3\n2\n", 0],
  ["sleep 0.01 & wait $!; echo $?", "0\n", 0],
  ["echo one > f; echo two >> f; cat < f", "one\ntwo\n", 0],
  ["cat <<END\nhere $((1 + 1))\nEND", "here 2\n", 0],
  ["diff <(echo a) <(echo a) && echo same", "same\n", 0],
  ["echo err >&2 2>/dev/null; echo out", "out\n", 0],
  ["set -o pipefail; false | true", "", 1],
  ["yes | head -n 1", "y\n", 0],
  ["trap 'echo bye' EXIT; exit 3", "bye\n", 3],
  ["kill -TERM $$", "", 143],
  ["printf 'b 2\\na 1\\n' | sort | awk '{ print $2 }' | sed s/1/one/ | grep -n one", "1:one\n", 0],
  ["find . -name 'x*' | xargs -r echo; echo $?", "0\n", 0],
  ["echo $0 $# ${HOME} ${PWD}", "bash 0 /home/user /home/user\n", 0],
  ["seq 100000 | tail -n 1", "100000\n", 0],
  ["TZ=Europe/Berlin date -d @1598476818; TZ=America/Los_Angeles date -d @0 +%H%Z", "Wed Aug 26 23:20:18 CEST 2020\n16PST\n", 0],
];

for (const [line, stdout, exitCode] of shell) {
  test(`bash: ${line.split("\n")[0]}`, async (t) => {
    const vm = await boot(t);
    const result = await vm.exec(line, { timeoutMs: 20_000 });
    assert.deepEqual({ stdout: result.stdout, exitCode: result.exitCode }, { stdout, exitCode }, result.stderr);
  });
}

test("an unknown command is 127, with bash's message", async (t) => {
  const vm = await boot(t);
  const { exitCode, stderr } = await vm.exec("no-such-command --flag");
  assert.equal(exitCode, 127);
  assert.equal(stderr, "bash: line 1: no-such-command: command not found\n");
});

test("a file that is not executable is 126, with bash's message", async (t) => {
  const vm = await boot(t);
  await vm.writeFile("/home/user/script", "echo hi\n", { mode: 0o644 });
  const { exitCode, stderr } = await vm.exec("./script");
  assert.equal(exitCode, 126);
  assert.equal(stderr, "bash: line 1: ./script: Permission denied\n");
  assert.equal((await vm.exec("/tmp")).exitCode, 126);
});

test("a script runs with the interpreter that it names", async (t) => {
  const vm = await boot(t);
  await vm.writeFile("/home/user/s", "#!/bin/sh -e\necho $0 $1\nfalse\necho not reached\n", { mode: 0o755 });
  const { stdout, exitCode } = await vm.exec("./s one");
  assert.deepEqual([stdout, exitCode], ["./s one\n", 1]);
});

test("a program that a signal killed: 128 plus its number, and its name", async (t) => {
  const vm = await boot(t);
  const { exitCode, signal } = await vm.execFile("bash", ["-c", "kill -KILL $$"]);
  assert.deepEqual([exitCode, signal], [137, "SIGKILL"]);
});

test("execFile takes arguments as they are", async (t) => {
  const vm = await boot(t);
  const args = ["%s\\n", "a b", "$HOME", "*", "", "ü", "-n"];
  assert.equal((await vm.execFile("printf", args)).stdout, "a b\n$HOME\n*\n\nü\n-n\n");
});

test("execFile of something that cannot run rejects as Node does", async (t) => {
  const vm = await boot(t);
  await assert.rejects(vm.execFile("no-such-program"), { code: "ENOENT", errno: -2, syscall: "spawn", path: "no-such-program" });
  await assert.rejects(vm.execFile("/home/user"), { code: "EACCES" });
  await vm.writeFile("/home/user/plain", "text\n");
  await assert.rejects(vm.execFile("/home/user/plain"), { code: "EACCES" });
  assert.equal(vm.processes().length, 1, "nothing is left of the attempts");
});

test("cwd and env are the program's", async (t) => {
  const vm = await boot(t, { env: { LEVEL: "vm", KEPT: "yes", ABSENT: undefined } });
  const options = { cwd: "/tmp", env: { LEVEL: "call", OTHER: undefined } };
  assert.equal((await vm.exec("pwd; echo $LEVEL $KEPT ${ABSENT-unset} ${OTHER-unset}", options)).stdout, "/tmp\ncall yes unset unset\n");
  await assert.rejects(vm.exec("true", { cwd: "/missing" }), { code: "ENOENT", syscall: "chdir", path: "/missing" });
  await assert.rejects(vm.exec("true", { cwd: "relative" }), { code: "ERR_AGENTOS_INVALID_OPTION" });
});

test("a login's environment is there", async (t) => {
  const vm = await boot(t);
  const { stdout } = await vm.execFile("env");
  const env = Object.fromEntries(stdout.trim().split("\n").map((line) => line.split("=", 2)));
  assert.deepEqual(
    { HOME: env.HOME, USER: env.USER, SHELL: env.SHELL, PWD: env.PWD },
    { HOME: "/home/user", USER: "agent", SHELL: "/bin/bash", PWD: "/home/user" },
  );
  assert.match(env.PATH, /\/usr\/bin/);
});

test("standard input is given and then ends", async (t) => {
  const vm = await boot(t);
  assert.equal((await vm.exec("cat", { stdin: "text ü\n" })).stdout, "text ü\n");
  assert.equal((await vm.exec("wc -c", { stdin: Buffer.alloc(300_000) })).stdout, "300000\n");
  assert.equal((await vm.exec("cat")).stdout, "", "empty when absent");
  assert.equal((await vm.exec("head -c 1", { stdin: "x".repeat(1 << 20) })).stdout, "x", "need not be read");
});

test("output streams while the program runs", async (t) => {
  const vm = await boot(t);
  await vm.exec("mkfifo go");
  const chunks = [];
  const onStdout = (chunk) => {
    // The program waits on the FIFO: it goes on only because its first line has arrived here.
    if (chunks.length === 0) void vm.exec("echo two > go");
    chunks.push(chunk);
  };
  const { stdout } = await vm.exec("echo one; read line < go; echo $line", { onStdout });
  assert.deepEqual([chunks, stdout], [["one\n", "two\n"], "one\ntwo\n"]);
  const errors = [];
  await vm.exec("echo err >&2", { onStderr: (chunk) => errors.push(chunk) });
  assert.deepEqual(errors, ["err\n"]);
});

test("a chunk of text never ends within a character", async (t) => {
  const vm = await boot(t);
  const chunks = [];
  const line = "printf '\\xc3'; sleep 0.05; printf '\\xbc'; sleep 0.05; printf '\\xff'";
  const { stdout } = await vm.exec(line, { onStdout: (chunk) => chunks.push(chunk) });
  assert.deepEqual([chunks.join("|"), stdout], ["ü|\ufffd", "ü\ufffd"]);
});

test("bytes stay bytes", async (t) => {
  const vm = await boot(t);
  const chunks = [];
  const { stdout } = await vm.exec("printf '\\0\\xff'", { encoding: "buffer", onStdout: (chunk) => chunks.push(chunk) });
  assert.deepEqual(stdout, new Uint8Array([0, 255]));
  assert.deepEqual(Buffer.concat(chunks), Buffer.from([0, 255]));
});

test("output over the limit is dropped, and the result says so", async (t) => {
  const vm = await boot(t);
  const { stdout, truncated, exitCode } = await vm.exec("seq 100000", { maxOutputBytes: 10 });
  assert.deepEqual([stdout, truncated, exitCode], ["1\n2\n3\n4\n5\n", true, 0]);
  assert.equal((await vm.exec("printf 12345", { maxOutputBytes: 5 })).truncated, false);
  assert.equal((await vm.exec("printf 1", { maxOutputBytes: 0 })).stdout, "");
});

test("a timeout ends the program and all it started", async (t) => {
  const vm = await boot(t);
  const { exitCode, signal, timedOut, stdout } = await vm.exec("echo begun; sleep 600 | sleep 600", { timeoutMs: 200 });
  assert.deepEqual({ exitCode, signal, timedOut, stdout }, { exitCode: 143, signal: "SIGTERM", timedOut: true, stdout: "begun\n" });
  assert.equal(vm.processes().length, 1);
});

test("a program that ignores the timeout's SIGTERM is killed", async (t) => {
  const vm = await boot(t);
  const { signal, timedOut } = await vm.exec("trap '' TERM; while :; do :; done", { timeoutMs: 100 });
  assert.deepEqual([signal, timedOut], ["SIGKILL", true]);
});

test("an endless loop in awk does not hold anyone up", async (t) => {
  const vm = await boot(t);
  const loop = vm.exec("awk 'BEGIN { while (1); }'", { timeoutMs: 500 });
  assert.equal((await vm.exec("echo still here")).stdout, "still here\n");
  assert.equal((await loop).timedOut, true);
});

test("aborting kills the program and rejects with the reason", async (t) => {
  const vm = await boot(t);
  const controller = new AbortController();
  const running = vm.exec("echo ready; sleep 600", { signal: controller.signal, onStdout: () => controller.abort() });
  await assert.rejects(running, { name: "AbortError" });
  for (const stop = Date.now() + 10_000; vm.processes().length > 1; await new Promise(setImmediate)) assert.ok(Date.now() < stop, "it still runs");
  await assert.rejects(vm.exec("true", { signal: AbortSignal.abort(new Error("too late")) }), /too late/);
  await assert.rejects(vm.exec("sleep 600", { signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
});

test("a callback that throws ends the program, and exec rejects with it", async (t) => {
  const vm = await boot(t);
  await assert.rejects(vm.exec("yes", { onStdout: () => { throw new Error("enough"); } }), /^Error: enough$/);
});

test("many at once do not disturb each other", async (t) => {
  const vm = await boot(t);
  const results = await Promise.all(Array.from({ length: 40 }, (_, i) => vm.exec(`echo ${i} | cat`)));
  assert.deepEqual(results.map(({ stdout }) => stdout), Array.from({ length: 40 }, (_, i) => `${i}\n`));
});

test("the process limit is EAGAIN, told by bash", async (t) => {
  const vm = await boot(t, { limits: { maxProcesses: 8 } });
  const { stderr } = await vm.exec("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 600 & done; kill $(jobs -p)", { timeoutMs: 20_000 });
  assert.match(stderr, /fork: .*Resource temporarily unavailable/);
});

test("options of the wrong type or with the wrong name are named", async (t) => {
  const vm = await boot(t);
  const wrong = [
    [() => vm.exec(), 'The "line" argument must be of type string. Received undefined'],
    [() => vm.exec("true", { cwd: 5 }), 'The "options.cwd" property must be of type string. Received type number (5)'],
    [() => vm.exec("true", { env: { A: 1 } }), 'The "options.env.A" property must be of type string. Received type number (1)'],
    [() => vm.exec("true", { timeoutMs: "1" }), `The "options.timeoutMs" property must be of type number. Received type string ('1')`],
    [() => vm.exec("true", { stdin: {} }), 'The "options.stdin" property must be of type string or an instance of Uint8Array. Received an instance of Object'],
    [() => vm.exec("true", { signal: {} }), 'The "options.signal" property must be an instance of AbortSignal. Received an instance of Object'],
    [() => vm.exec("true", { onStdout: "x" }), `The "options.onStdout" property must be of type function. Received type string ('x')`],
    [() => vm.exec("true", null), 'The "options" argument must be of type object. Received null'],
    [() => vm.execFile("ls", "-l"), `The "args" argument must be an instance of Array. Received type string ('-l')`],
    [() => vm.execFile("ls", [1]), 'The "args[0]" property must be of type string. Received type number (1)'],
  ];
  for (const [call, message] of wrong) await assert.rejects(call, { name: "AgentOsError", code: "ERR_INVALID_ARG_TYPE", message });
  await assert.rejects(vm.exec("true", { timeout: 5 }), { code: "ERR_INVALID_ARG_VALUE", message: /timeoutMs/ });
  await assert.rejects(vm.exec("a\0b"), { code: "ERR_INVALID_ARG_VALUE" });
});
