// Terminals: programs on a pseudo-terminal, seen through a terminal emulator.
import common from "@agentos/common";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Screen, bashScreen } from "./support/screen.mjs";
import { boot } from "./support/vm.mjs";

const installed = (path) => [...(common.files ?? []), ...(common.links ?? []), ...(common.symlinks ?? [])].some((file) => file.path === path);
const key = { ctrl: (letter) => String.fromCharCode(letter.charCodeAt(0) & 31), up: "\x1b[A", left: "\x1b[D", tab: "\t", enter: "\r", escape: "\x1b" };

test("readline edits, completes and remembers", async (t) => {
  const { vm, screen } = await bashScreen(t);
  await vm.writeFile("/home/user/a-long-name.txt", "content\n");
  await screen.type("cat a-lo", "$ cat a-lo");
  await screen.type(key.tab, "$ cat a-long-name.txt");
  await screen.type(key.enter, "$ cat a-long-name.txt\ncontent\n$");
  await screen.type(key.ctrl("L"), "$");
  await screen.type("ho hi", "$ ho hi");
  await screen.type(`${key.ctrl("A")}ec`, "$ echo hi");
  await screen.type(`${key.ctrl("E")}gh`, "$ echo high");
  await screen.type(key.left + key.left + "X", "$ echo hiXgh");
  await screen.type(key.ctrl("K"), "$ echo hiX");
  await screen.type(key.ctrl("W"), "$ echo");
  // Kills in a row are one text.
  await screen.type(`${key.ctrl("Y")}${key.enter}`, "$ echo hiXgh\nhiXgh\n$");
  await screen.type(key.up, "$ echo hiXgh\nhiXgh\n$ echo hiXgh");
  await screen.type(key.up, "$ echo hiXgh\nhiXgh\n$ cat a-long-name.txt");
  await screen.type(key.ctrl("C"), /cat a-long-name\.txt \^C\n\$$/);
  await screen.type(key.ctrl("L"), "$");
  await screen.type(`${key.ctrl("R")}long`, /\(reverse-i-search\)`long': cat a-long-name\.txt/);
  await screen.type(key.enter, "$ cat a-long-name.txt\ncontent\n$");
});

test("two completions are listed", async (t) => {
  const { vm, screen } = await bashScreen(t);
  await vm.mkdir("/tmp/d");
  await vm.writeFiles([{ path: "/tmp/d/one", content: "" }, { path: "/tmp/d/only", content: "" }]);
  await screen.type("ls /tmp/d/o\t", "$ ls /tmp/d/on");
  // The first one after a completion rings the bell.
  await screen.type("\t\t", "$ ls /tmp/d/on\none   only\n$ ls /tmp/d/on");
  await screen.type("l\t\r", /only\n\$$/);
});

test("Ctrl-C ends what runs, and the line that is typed", async (t) => {
  const { screen } = await bashScreen(t);
  await screen.type("sleep 1000\r", "$ sleep 1000");
  await screen.type("", "$ sleep 1000");
  await untilForeground(screen, "sleep");
  await screen.type(key.ctrl("C"), "$ sleep 1000\n^C\n$");
  await screen.type("echo $?\r", "$ sleep 1000\n^C\n$ echo $?\n130\n$");
  await screen.type("forget this", /forget this$/);
  await screen.type(key.ctrl("C"), /forget this\^C\n\$$/);
  await screen.type(key.ctrl("D"));
  assert.deepEqual(await screen.shell.exited, { exitCode: 130, signal: null });
});

test("jobs are stopped, put in the background and brought back", async (t) => {
  const { screen } = await bashScreen(t);
  await screen.type("sleep 1000\r", /\$ sleep 1000$/);
  await untilForeground(screen, "sleep");
  await screen.type(key.ctrl("Z"), "$ sleep 1000\n^Z\n[1]+  Stopped                 sleep 1000\n$");
  await screen.type("clear-is-not-needed 2>/dev/null; jobs\r", /jobs\n\[1\]\+  Stopped                 sleep 1000\n\$$/);
  await screen.type(key.ctrl("L"), "$");
  await screen.type("bg\r", "$ bg\n[1]+ sleep 1000 &\n$");
  await screen.type("jobs\r", /\[1\]\+  Running                 sleep 1000 &\n\$$/);
  await screen.type("fg\r", /fg\nsleep 1000$/);
  await untilForeground(screen, "sleep");
  await screen.type(key.ctrl("C"), /\^C\n\$$/);
  await screen.type(key.ctrl("L"), "$");
  await screen.type("cat &\r", /\[1\] \d+\n/);
  // A program in the background that reads is stopped.
  await screen.type("\r", /\[1\]\+  Stopped                 cat\n\$$/);
  await screen.type("fg\r", /fg\ncat$/);
  await screen.type("typed\r", /\ntyped\ntyped$/);
  await screen.type(key.ctrl("D"), /\ntyped\ntyped\n\$$/);
});

test("Ctrl-\\ quits, Ctrl-S and Ctrl-Q stop and start the output", async (t) => {
  const { screen } = await bashScreen(t);
  await screen.type("sleep 1000\r");
  await untilForeground(screen, "sleep");
  await screen.type("\x1c", /\^\\Quit.*\n\$$/);
  await screen.type(key.ctrl("L"), "$");
  // Without readline, so that the line discipline sees the keys.
  await screen.type("cat\r");
  await untilForeground(screen, "cat");
  await screen.type(`${key.ctrl("S")}held\r${key.ctrl("Q")}`, "$ cat\nheld\nheld");
});

test("the window's size is known, and a change is told", async (t) => {
  const { screen } = await bashScreen(t, { size: { cols: 60, rows: 10 } });
  await screen.type("stty size; echo $COLUMNS $LINES\r", /10 60\n60 10\n\$$/);
  await screen.type(`${key.ctrl("L")}trap 'echo WINCH' WINCH\r`, "$ trap 'echo WINCH' WINCH\n$");
  screen.resize(50, 12);
  // bash runs traps when its read comes back.
  await screen.type("\r", /WINCH/);
  await screen.type("stty size\r", /12 50\n\$$/);
});

test("a program in the foreground hears of a new size", async (t) => {
  const { screen } = await bashScreen(t);
  await screen.type(`bash -c 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done'\r`, /\nready/);
  screen.resize(44, 11);
  await screen.shows(/\n11 44/);
});

test("tty and stty: names, modes, and what is no terminal", async (t) => {
  const { vm, screen } = await bashScreen(t);
  await screen.type("tty; test -t 0 && test -t 1 && test -t 2 && echo all\r", "$ tty; test -t 0 && test -t 1 && test -t 2 && echo all\n/dev/pts/0\nall\n$");
  await screen.type(key.ctrl("L"), "$");
  await screen.type("stty -echo; echo off; read x; stty echo; echo got $x\r", /\noff$/);
  await screen.type("secret\r", "$ stty -echo; echo off; read x; stty echo; echo got $x\noff\ngot secret\n$");
  await screen.type(key.ctrl("L"), "$");
  await screen.type("stty -a | grep -o 'rows [0-9]*; columns [0-9]*'\r", /rows 24; columns 80\n\$$/);
  assert.deepEqual(await vm.exec("tty"), { exitCode: 1, signal: null, stdout: "not a tty\n", stderr: "", truncated: false, timedOut: false });
  const second = await vm.openShell({ command: "tty" });
  assert.equal((await new Response(second.data).text()).trim(), "/dev/pts/1");
});

test("less pages, searches, and gives the screen back", async (t) => {
  const { vm, screen } = await bashScreen(t, { size: { cols: 40, rows: 8 } });
  await vm.writeFile("/tmp/lines", Array.from({ length: 30 }, (_, i) => `line ${i + 1}\n`).join(""));
  const lines = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`).join("\n");
  await screen.type("less /tmp/lines\r", `${lines(1, 7)}\n/tmp/lines`);
  await screen.type(" ", `${lines(8, 14)}\n:`);
  await screen.type("j", `${lines(9, 15)}\n:`);
  await screen.type("/line 22\r", `${lines(22, 28)}\n/tmp/lines`.replace(/\n\/tmp\/lines$/, "\n:"));
  await screen.type("G", `${lines(24, 30)}\n(END)`);
  screen.resize(40, 5);
  await screen.shows(`${lines(24, 27)}\n:`);
  await screen.type("q", /^\$ less \/tmp\/lines\n\$$/);
});

if (installed("/usr/bin/vi") || installed("/bin/vi")) {
  test("vi edits a file", async (t) => {
    const { vm, screen } = await bashScreen(t, { size: { cols: 40, rows: 8 } });
    await vm.writeFile("/tmp/file", "first\nsecond\n");
    await screen.type("vi /tmp/file\r", /^first\nsecond\n~/);
    await screen.type("Othe line before\x1b", /^the line before\nfirst\nsecond\n~/);
    await screen.type("jdd", /^the line before\nsecond\n~/);
    await screen.type(":wq\r", /\$$/);
    assert.equal(await vm.readFile("/tmp/file", "utf8"), "the line before\nsecond\n");
  });
}

if (installed("/usr/bin/top") || installed("/bin/top")) {
  test("top draws the processes", async (t) => {
    const { screen } = await bashScreen(t);
    await screen.type("top\r", /PID[^\n]*\n(.*\n)* *\d+ [^\n]*bash/);
    await screen.type("q", /\$$/);
  });
}

test("openShell starts a login shell with a prompt", async (t) => {
  const vm = await boot(t);
  const shell = await vm.openShell();
  const screen = new Screen(shell);
  await screen.shows("agent@agentos:~$");
  await screen.type("echo $TERM $0; shopt -q login_shell && echo login\r", /\nxterm-256color bash\nlogin\n/);
  assert.equal(shell.id, "shell-1");
  assert.equal(vm.processes().find(({ pid }) => pid === shell.pid).sid, shell.pid);
});

test("command, arguments, directory and environment are the caller's", async (t) => {
  const vm = await boot(t, { env: { TERM: "dumb" } });
  const shell = await vm.openShell({ command: "sh", args: ["-c", "echo $PWD $A $TERM; exit 3"], cwd: "/tmp", env: { A: "b", C: undefined } });
  const events = new Promise((resolve) => {
    const seen = { text: "" };
    const done = () => seen.text.endsWith("\n") && seen.exit !== undefined && resolve(seen);
    shell.on("data", (chunk) => done((seen.text += Buffer.from(chunk)))).on("exit", (exit) => done((seen.exit = exit)));
  });
  assert.deepEqual(await events, { text: "/tmp b dumb\r\n", exit: { exitCode: 3, signal: null } });
  assert.deepEqual(await shell.exited, { exitCode: 3, signal: null });
});

test("close hangs up; what does not want to hear of it is killed", async (t) => {
  const vm = await boot(t);
  const polite = await vm.openShell({ command: "bash", args: ["-c", "trap 'echo gone > /tmp/hup; exit 5' HUP; echo ready; while :; do sleep 0.05; done"] });
  await new Screen(polite).shows("ready");
  await polite.close();
  await polite.close();
  assert.deepEqual(await polite.exited, { exitCode: 5, signal: null });
  assert.equal(await vm.readFile("/tmp/hup", "utf8"), "gone\n");
  const deaf = await vm.openShell({ command: "bash", args: ["-c", "trap '' HUP; echo ready; while :; do sleep 0.05; done"] });
  await new Screen(deaf).shows("ready");
  await deaf.close();
  assert.deepEqual(await deaf.exited, { exitCode: 137, signal: "SIGKILL" });
  await assert.rejects(deaf.write("x"), { code: "EBADF" });
});

test("a program waits for who reads its screen", async (t) => {
  const vm = await boot(t);
  const shell = await vm.openShell({ command: "yes" });
  const reader = shell.data.getReader();
  await reader.read();
  reader.releaseLock();
  const memory = vm.stats().memoryBytes;
  // It has stopped in a write: the kernel's buffer is full.
  await until(() => vm.processes().find(({ pid }) => pid === shell.pid).state === "S");
  assert.ok(vm.stats().memoryBytes - memory < 4 << 20);
  assert.equal(shell.kill("SIGTERM"), true);
  assert.deepEqual(await shell.exited, { exitCode: 143, signal: "SIGTERM" });
});

test("what cannot be a terminal is refused", async (t) => {
  const vm = await boot(t);
  await assert.rejects(vm.openShell({ command: "no-such-program" }), { code: "ENOENT", path: "no-such-program" });
  await assert.rejects(vm.openShell({ cols: 0 }), { code: "ERR_INVALID_ARG_VALUE", message: /"options\.cols"/ });
  await assert.rejects(vm.openShell({ rows: 65536 }), { code: "ERR_INVALID_ARG_VALUE", message: /"options\.rows"/ });
  await assert.rejects(vm.openShell({ program: "ls" }), { code: "ERR_INVALID_ARG_VALUE", message: /program/ });
  await assert.rejects(vm.openShell({ cwd: "relative" }), { code: "ERR_AGENTOS_INVALID_OPTION" });
  const shell = await vm.openShell({ command: "cat" });
  assert.throws(() => shell.resize(0, 1), { code: "ERR_INVALID_ARG_VALUE" });
  await vm.dispose();
  await assert.rejects(vm.openShell(), { code: "ERR_AGENTOS_DISPOSED" });
  await assert.rejects(shell.write("x"), { code: "ERR_AGENTOS_DISPOSED" });
});

/** A keyboard and a screen as Node has them. */
function streams({ columns, rows } = {}) {
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    modes: [],
    setRawMode(raw) {
      this.modes.push(raw);
      this.isRaw = raw;
    },
  });
  const seen = new EventEmitter();
  let text = "";
  const write = (chunk, _encoding, done) => {
    text += chunk;
    seen.emit("text");
    done();
  };
  const stdout = Object.assign(new Writable({ write }), { isTTY: true, columns, rows });
  const shows = async (pattern) => {
    while (!pattern.test(text)) await new Promise((resolve) => seen.once("text", resolve));
  };
  return { stdin, stdout, shows };
}

test("connectTerminal: raw mode, keys, sizes, and all as it was", async (t) => {
  const vm = await boot(t);
  const { stdin, stdout, shows } = streams({ columns: 70, rows: 20 });
  const connected = vm.connectTerminal({ command: "bash", args: ["--norc"], env: { PS1: "ready> " }, stdin, stdout });
  await shows(/ready> /);
  assert.deepEqual(stdin.modes, [true]);
  stdin.write("stty size\r");
  await shows(/20 70/);
  Object.assign(stdout, { columns: 33, rows: 9 });
  stdout.emit("resize");
  stdin.write("stty size; exit 4\r");
  await shows(/9 33/);
  assert.deepEqual(await connected, { exitCode: 4, signal: null });
  assert.deepEqual(stdin.modes, [true, false]);
  assert.equal(stdin.listenerCount("data") + stdout.listenerCount("resize"), 0);
  assert.ok(stdin.isPaused());
});

test("agentos shell: a machine for a line of input, and its options", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const agentos = (args, input = "") => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["bin/agentos.js", ...args], { cwd: root, input, encoding: "utf8", timeout: 60_000, env: { ...process.env, FROM_HOST: "yes" } });
    return { status, stdout: stdout.replaceAll("\r\n", "\n"), stderr };
  };
  const typed = agentos(["shell"], "echo $((6*7)); exit 3\n");
  assert.equal(typed.status, 3);
  assert.match(typed.stdout, /42\nlogout\n/);
  assert.deepEqual(agentos(["shell", "--", "printf", "%s\\n", "--mount"]), { status: 0, stdout: "--mount\n", stderr: "" });
  const options = ["-m", ".:/work:ro", "-C", "/work", "-e", "A=b", "-e", "FROM_HOST", "--memory", "128"];
  assert.deepEqual(agentos(["shell", ...options, "bash", "-c", "ls package.json; echo $A $FROM_HOST; touch x"]), {
    status: 1,
    stdout: "package.json\nb yes\ntouch: cannot touch 'x': Read-only file system\n",
    stderr: "",
  });
  const usage = (message) => ({ status: 2, stdout: "", stderr: `agentos: ${message}\nTry 'agentos --help'.\n` });
  assert.deepEqual(agentos([]), usage("a command is missing"));
  assert.deepEqual(agentos(["frob"]), usage("there is no command 'frob'"));
  assert.deepEqual(agentos(["shell", "-s", "@agentos/frob"]), usage("the package @agentos/frob is not installed"));
  assert.deepEqual(agentos(["shell", "--mount", "x"]), usage("--mount takes HOST:PATH or HOST:PATH:ro, and got 'x'"));
  assert.deepEqual(agentos(["shell", "--memory", "1x"]), usage("--memory takes a number of MiB, and got '1x'"));
  assert.deepEqual(agentos(["shell", "no-such-program"]), { status: 1, stdout: "", stderr: "agentos: ENOENT: no such file or directory, spawn 'no-such-program'\n" });
  for (const args of [["--help"], ["help", "shell"], ["shell", "--help"]]) {
    const { status, stdout } = agentos(args);
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: agentos /);
    assert.ok(stdout.split("\n").every((line) => line.length <= 83), "fits a terminal");
  }
});

/** Looks again until it is so. */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Until the program that was typed waits for something. */
async function untilForeground(screen, name) {
  await until(() => screen.vm.processes().some((process) => process.name === name && process.state === "S"));
}
