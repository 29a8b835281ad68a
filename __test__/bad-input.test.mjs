// What a VM must survive: garbage, endless recursion, fork bombs, full file systems. Afterwards it works as before.
import assert from "node:assert/strict";
import { test } from "node:test";
import { boot } from "./support/vm.mjs";

/** Statuses of SIGILL, SIGABRT, SIGBUS and SIGSEGV: a program that broke, whatever it was fed. */
const CRASHES = [132, 134, 135, 139];

async function works(vm) {
  assert.equal((await vm.exec("seq 3 | sort -r | head -n 1", { timeoutMs: 60_000 })).stdout, "3\n");
}

/** The same bytes in every run. */
function garbage(length, seed, alphabet = 256) {
  let state = seed;
  return Uint8Array.from({ length }, () => ((state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 16) % alphabet);
}

test("no command crashes on garbage, as input and as a file", async (t) => {
  const vm = await boot(t);
  await vm.writeFile("/home/user/garbage", garbage(5000, 1));
  const script = `
    for command in /usr/bin/*; do
      case $command in */node | */timeout | */yes) continue ;; esac
      cp garbage f
      timeout -s KILL 10 $command f < garbage > /dev/null 2>&1
      status=$?
      case $status in ${CRASHES.join("|")}) echo $command $status ;; esac
    done
    echo end`;
  const { stdout } = await vm.exec(script, { timeoutMs: 300_000 });
  assert.equal(stdout, "end\n");
  await works(vm);
});

/** Words that shells and awk stumble over. */
const WORDS = ["if", "then", "fi", "do", "done", "case", "esac", "in", "(", ")", "((", "))", "{", "}", "[[", "]]", ";", ";;", "&&", "|", "&", "<", ">", "<<E", "<(", "$(", "${", "`", "\"", "'", "\\", "\n", "x=", "$x", "a[", "]", "!", "~", "*", "f()", "/", "0", "{1..3}", "for", "while", "print", "BEGIN"];

for (const [command, seed] of [["bash", 1], ["bash", 2], ["bash", 3], ["awk", 4], ["awk", 5], ["sed", 6], ["grep -E", 7]]) {
  test(`${command} answers scripts of random words with a status, seed ${seed}`, async (t) => {
    const vm = await boot(t);
    const words = [...garbage(600, seed, WORDS.length)].map((at) => WORDS[at]);
    for (let first = 0; first < words.length; first += 30) await vm.writeFile(`/home/user/${first}`, words.slice(first, first + 30).join(" "));
    const option = { bash: "-n", awk: "-f", sed: "-f", "grep -E": "-f" }[command];
    const { stdout } = await vm.exec(`for f in [0-9]*; do ${command} ${option} $f < /dev/null > /dev/null 2>&1; echo $?; done`, { timeoutMs: 120_000 });
    const statuses = stdout.trim().split("\n").map(Number);
    assert.equal(statuses.length, 20);
    assert.deepEqual(statuses.filter((status) => CRASHES.includes(status)), []);
    await works(vm);
  });
}

test("endless recursion ends the shell that does it, and nothing else", async (t) => {
  const vm = await boot(t);
  const { stdout } = await vm.exec("bash -c 'f() { f; }; f' 2> /dev/null; echo $?", { timeoutMs: 60_000 });
  assert.equal(stdout, "139\n");
  await works(vm);
});

test("a fork bomb gets EAGAIN, ends with its process group, and leaves a VM that works", async (t) => {
  const vm = await boot(t, { limits: { maxProcesses: 48 } });
  const stop = new AbortController();
  let said = "";
  const onStderr = (text) => {
    said += text;
    if (said.includes("Resource temporarily unavailable")) stop.abort();
  };
  await assert.rejects(vm.exec("bomb() { bomb | bomb & }; bomb; wait; sleep 1000", { onStderr, signal: stop.signal, timeoutMs: 60_000 }));
  assert.match(said, /fork: (retry: )?Resource temporarily unavailable/);
  await works(vm);
});

test("a full file system is ENOSPC; what was there stays, and room that is freed can be used", async (t) => {
  const vm = await boot(t, { limits: { maxFsBytes: 8 << 20 } });
  const script = `
    seq 10000 > kept; cp kept before
    head -c 20000000 /dev/zero > big; echo $?
    sed -i s/1/one/ kept; echo $?
    cp kept copy; echo $?
    cmp kept before; echo $?
    rm big; sed -i s/1/one/ kept; echo $?; head -n 1 kept`;
  const { stdout, stderr } = await vm.exec(script, { timeoutMs: 60_000 });
  const [big, inPlace, copy, same, freed, first] = stdout.split("\n");
  assert.deepEqual({ big, copy, same, freed, first }, { big: "1", copy: "1", same: "0", freed: "0", first: "one" });
  assert.notEqual(inPlace, "0");
  assert.match(stderr, /No space left on device/);
});
