// The life of a VM: options, dispose, what happens to one that is forgotten.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentOs, agentOs } from "agentos";
import common from "@agentos/common";
import pi from "@agentos/pi";
import { runHost } from "./support/host.mjs";
import { boot } from "./support/vm.mjs";

test("a VM without options has files and nothing to run", async (t) => {
  const vm = await agentOs();
  t.after(() => vm.dispose());
  await vm.writeFile("/home/user/f", "x");
  await assert.rejects(vm.exec("true"), { code: "ENOENT", path: "/bin/bash" });
});

test("the announcement's line runs", async (t) => {
  const vm = await boot(t);
  const { stdout, exitCode } = await vm.exec("echo hello | tr a-z A-Z && ls -la /home/user && uname -a");
  assert.equal(exitCode, 0);
  assert.match(stdout, /^HELLO\ntotal /);
  assert.match(stdout, /Linux agentos /);
});

test("user, host name and environment are options", async (t) => {
  const vm = await boot(t, { user: { name: "ada", home: "/home/ada", uid: 1234, gid: 1235 }, hostname: "analytical-engine", env: { A: "b" } });
  assert.equal((await vm.exec("echo $(id -un) $(id -u) $(id -g) ~ $PWD $(uname -n) $A")).stdout, "ada 1234 1235 /home/ada /home/ada analytical-engine b\n");
});

const wrong = [
  [5, "ERR_INVALID_ARG_TYPE", /"options" argument must be of type object. Received type number \(5\)/],
  [{ softwares: [] }, "ERR_INVALID_ARG_VALUE", /fields software, toolkits, mounts/],
  [{ software: "@agentos/common" }, "ERR_INVALID_ARG_TYPE", /"options.software" property must be an instance of Array/],
  [{ software: ["@agentos/common"] }, "ERR_INVALID_ARG_TYPE", /"options.software\[0\]" property must be a software manifest/],
  [{ software: [pi] }, "ERR_AGENTOS_INVALID_OPTION", /needs|@agentos\/common/],
  [{ software: [{ name: "x", version: "1", root: "/nowhere", files: [{ path: "/x", source: "y" }] }] }, "ERR_AGENTOS_SOFTWARE", /x/],
  [{ software: [{ name: "x", version: "1", root: "/nowhere", file: [] }] }, "ERR_AGENTOS_INVALID_OPTION", /file/],
  [{ limits: { maxMemoryMb: "1" } }, "ERR_INVALID_ARG_TYPE", /options.limits.maxMemoryMb/],
  [{ limits: { maxProcesses: 0 } }, "ERR_AGENTOS_INVALID_OPTION", /maxProcesses.*positive/],
  [{ limits: { maxProcesses: 1.5 } }, "ERR_INVALID_ARG_VALUE", /an integer/],
  [{ env: { A: 5 } }, "ERR_INVALID_ARG_TYPE", /options.env.A/],
  [{ env: { "A=B": "x" } }, "ERR_AGENTOS_INVALID_OPTION", /env/],
  [{ hostname: "a/b" }, "ERR_AGENTOS_INVALID_OPTION", /hostname/],
  [{ user: { home: "home" } }, "ERR_AGENTOS_INVALID_OPTION", /user.home.*absolute/],
  [{ mounts: [{ path: "work", driver: { type: "memory" } }] }, "ERR_AGENTOS_INVALID_OPTION", /mounts\[0\].path.*absolute/],
  [{ mounts: [{ path: "/work" }] }, "ERR_INVALID_ARG_TYPE", /options.mounts\[0\].driver.*hostDir/],
  [{ mounts: [{ path: "/work", driver: { type: "floppy" } }] }, "ERR_AGENTOS_INVALID_OPTION", /floppy/],
  [{ permissions: { network: { default: "maybe" } } }, "ERR_AGENTOS_INVALID_OPTION", /permissions.network.default: got "maybe"; accepted: "allow", "deny", "ask"/],
  [{ permissions: { network: { rules: [{ mode: "allow", patterns: ["no port"] }] } } }, "ERR_AGENTOS_INVALID_OPTION", /rules\[0\].patterns.*no port/],
];

for (const [options, code, message] of wrong) {
  test(`refused: ${JSON.stringify(options).slice(0, 90)}`, async () => {
    await assert.rejects(AgentOs.create(options), (error) => {
      assert.deepEqual([error.name, error.code], ["AgentOsError", code], error.message);
      assert.match(error.message, message);
      return true;
    });
  });
}

test("after dispose everything answers ERR_AGENTOS_DISPOSED, and dispose may be called again", async () => {
  const vm = await AgentOs.create({ software: [common] });
  await vm.exec("true");
  await vm.dispose();
  await vm.dispose();
  const disposed = { code: "ERR_AGENTOS_DISPOSED" };
  await assert.rejects(vm.exec("true"), disposed);
  await assert.rejects(vm.spawn("true"), disposed);
  await assert.rejects(vm.readFile("/etc/passwd"), disposed);
  await assert.rejects(vm.createSession("pi"), disposed);
  assert.throws(() => vm.processes(), disposed);
  assert.throws(() => vm.kill(2), disposed);
});

test("dispose ends what runs: wasm, JavaScript, sleeping or busy", async () => {
  const vm = await AgentOs.create({ software: [common] });
  const running = [
    vm.exec("sleep 600"),
    vm.exec("while :; do :; done"),
    vm.exec("node -e 'setInterval(() => {}, 1e6)'"),
    vm.exec("node -e 'for (;;);'"),
    vm.exec("sleep 600 | cat"),
  ];
  const spawned = await vm.spawn("yes");
  const reader = spawned.stdout.getReader();
  await reader.read();
  const ended = Promise.allSettled([...running, spawned.exited]);
  await vm.dispose();
  for (const result of await ended) {
    assert.ok(result.status === "rejected" || result.value.signal === "SIGKILL" || result.value.exitCode !== 0, JSON.stringify(result));
  }
  while (!(await reader.read()).done);
});

test("await using disposes", async () => {
  const vm = await AgentOs.create();
  await vm[Symbol.asyncDispose]();
  assert.throws(() => vm.processes(), { code: "ERR_AGENTOS_DISPOSED" });
});

test("stats tell what the VM uses", async (t) => {
  const vm = await boot(t);
  const before = vm.stats();
  assert.deepEqual([before.processes, before.software], [0, [{ name: common.name, version: common.version }]]);
  await vm.writeFile("/home/user/f", Buffer.alloc(1 << 20));
  const shell = await vm.spawn("bash", ["-c", "echo; read"]);
  await shell.stdout.getReader().read();
  const { processes, memoryBytes, fsBytes } = vm.stats();
  assert.equal(processes, 1);
  assert.ok(fsBytes >= before.fsBytes + (1 << 20));
  assert.ok(memoryBytes > before.memoryBytes);
  await shell.stdin.close();
});

const forgotten = [
  ["idle", ""],
  ["with a program that runs", 'await vm.spawn("sleep", ["600"]);'],
  ["with a session", 'const s = await vm.createSession("test"); s.on("event", () => {});'],
  ["with a busy program", 'await vm.spawn("bash", ["-c", "while :; do :; done"]); await vm.spawn("node", ["-e", "for (;;);"]);'],
];

for (const [how, script] of forgotten) {
  test(`a process that forgets a VM ${how} ends by itself`, () => {
    const begin = 'import { AgentOs } from "agentos"; import common from "@agentos/common"; import { testAgent } from "./support/vm.mjs";';
    const stdout = runHost(`${begin} const vm = await AgentOs.create({ software: [common, testAgent] }); ${script} console.log((await vm.exec("echo end")).stdout);`);
    assert.equal(stdout, "end\n\n");
  });
}

test("process.exit in the middle of everything is clean", () => {
  runHost(`import { AgentOs } from "agentos"; import common from "@agentos/common";
    const vm = await AgentOs.create({ software: [common] });
    void vm.exec("yes > /dev/null"); void vm.exec("node -e 'for (;;);'");
    await vm.exec("true", { onStdout: () => {} }); process.exit(0);`);
});

test("a VM that was collected is disposed", () => {
  const stdout = runHost(
    `import { AgentOs } from "agentos"; import common from "@agentos/common";
     let ended;
     await (async () => {
       const vm = await AgentOs.create({ software: [common] });
       ended = vm.exec("sleep 600").then(() => {}, () => {});
       ended = new WeakRef(vm);
       await vm.dispose();
     })();
     for (let i = 0; i < 50 && ended.deref(); i++) { await new Promise(setImmediate); gc(); }
     console.log(ended.deref() === undefined);`,
    { args: ["--expose-gc"] },
  );
  assert.equal(stdout, "true\n");
});
