// What programs may do, how they wait for an answer, and what is kept of the decisions.
import assert from "node:assert/strict";
import test from "node:test";
import { AgentOs, memory } from "agentos";
import { boot } from "./support/vm.mjs";

/** Boots a VM and collects what it asks. */
async function asking(t, options) {
  const vm = await boot(t, options);
  const asked = [];
  let tell = () => {};
  vm.on("permissionRequest", (request) => {
    asked.push(request);
    tell();
  });
  const next = async () => {
    while (asked.length === 0) await new Promise((resolve) => (tell = resolve));
    return asked.shift();
  };
  return { vm, next };
}

const secret = (mode, operations) => ({ fs: { rules: [{ mode, ...(operations && { operations }), paths: ["/home/user/secret"] }] } });

test("files of a denied path cannot be read, written, listed or moved away, whatever the way to them", async (t) => {
  const vm = await boot(t, { permissions: secret("deny") });
  await vm.writeFile("/home/user/secret/key", "hunter2");
  const attempts = [
    "cat secret/key",
    "cat /home/../home/user/secret/key",
    "ln -s secret/key way; cat way",
    "ln secret/key hard && cat hard",
    "ls secret",
    "echo x > secret/key",
    "mv secret/key .",
    "mv secret elsewhere && cat elsewhere/key",
    "cp -r secret copy",
    "rm -r secret",
    "set -o pipefail; tar cf - secret | tar xf - -O",
    `node -e 'process.stdout.write(require("fs").readFileSync("secret/key"))'`,
    `node -e 'require("fs").renameSync("secret/key", "key")'`,
  ];
  for (const line of attempts) {
    const { exitCode, stdout } = await vm.exec(line);
    assert.ok(exitCode !== 0 && !stdout.includes("hunter2"), `${line}: ${exitCode} ${stdout}`);
  }
  assert.equal(await vm.readFile("/home/user/secret/key", "utf8"), "hunter2", "the owner of the VM may");
  const denied = vm.audit({ limit: 1000 }).filter(({ allowed }) => !allowed);
  assert.ok(denied.some(({ operation, object, why }) => operation === "read" && object === "/home/user/secret/key" && why === "vm: permissions.fs.rules[0]"));
});

test("a denied program is permission denied, also through a link and as an interpreter", async (t) => {
  const vm = await boot(t, { permissions: { process: { rules: [{ mode: "deny", patterns: ["sed"] }] } } });
  assert.match((await vm.exec("sed --version")).stderr, /sed: Permission denied/);
  assert.equal((await vm.exec("sed --version")).exitCode, 126);
  assert.equal((await vm.exec("ln -s /usr/bin/sed s; ./s --version")).exitCode, 126);
  assert.equal((await vm.exec("printf '#!/bin/sed -f\\n' > p; chmod +x p; ./p")).exitCode, 126);
  await assert.rejects(vm.execFile("sed", ["--version"]), { code: "EACCES" });
  assert.equal((await vm.exec("grep -c x <<< x")).stdout, "1\n");
});

test("a question holds the program until it is answered: once, always, no", async (t) => {
  const { vm, next } = await asking(t, { permissions: secret("ask", ["read"]) });
  await vm.writeFile("/home/user/secret/key", "hunter2\n");
  const cat = () => vm.exec("cat secret/key");

  let running = cat();
  let request = await next();
  assert.deepEqual(
    { ...request, id: "", pid: 0 },
    { id: "", class: "fs", operation: "read", object: "/home/user/secret/key", why: "vm: permissions.fs.rules[0]", pid: 0, argv: ["cat", "secret/key"], sessionId: null },
  );
  assert.deepEqual(vm.permissionRequests(), [request]);
  vm.respondPermission(request.id, "once");
  assert.equal((await running).stdout, "hunter2\n");

  running = cat();
  vm.respondPermission((await next()).id, "reject");
  assert.match((await running).stderr, /Permission denied/);

  running = vm.exec(`node -e 'process.stdout.write(require("fs").readFileSync("secret/key"))'`);
  request = await next();
  vm.respondPermission(request.id, "always");
  assert.equal((await running).stdout, "hunter2\n");
  assert.equal((await cat()).stdout, "hunter2\n", "always: not asked again");

  assert.throws(() => vm.respondPermission(request.id, "once"), { code: "ERR_AGENTOS_UNKNOWN_PERMISSION" });
  assert.deepEqual(vm.audit().filter(({ mode }) => mode === "ask").map(({ reply, allowed }) => [reply, allowed]), [["once", true], ["reject", false], ["always", true]]);
});

test("programs are asked for before they start, those of the host's calls too", async (t) => {
  const { vm, next } = await asking(t, { permissions: { process: { rules: [{ mode: "ask", patterns: ["tar"] }] } } });
  for (const start of [() => vm.exec("tar --version"), () => vm.execFile("tar", ["--version"]), () => vm.exec(`node -e 'require("child_process").execFileSync("tar", ["--version"], { stdio: "inherit" })'`)]) {
    const running = start();
    const request = await next();
    assert.deepEqual([request.class, request.operation, request.object], ["process", "exec", "/usr/bin/tar"]);
    vm.respondPermission(request.id, "once");
    assert.match((await running).stdout, /GNU tar/);
  }
});

test("what leaves the VM is asked for by name and port", async (t) => {
  const { vm, next } = await asking(t, { permissions: { network: { rules: [{ mode: "ask", patterns: ["127.0.0.1:9"] }] } } });
  const running = vm.exec(`node -e 'require("net").connect(9, "127.0.0.1").on("error", (e) => console.log(e.code))'`);
  const request = await next();
  assert.deepEqual([request.class, request.operation, request.object], ["network", "connect", "127.0.0.1:9"]);
  vm.respondPermission(request.id, "reject");
  assert.equal((await running).stdout, "EACCES\n");
});

test("silence is a no, and an ended program asks no more", async (t) => {
  const { vm, next } = await asking(t, { permissions: secret("ask"), permissionTimeoutMs: 50 });
  await vm.writeFile("/home/user/secret/key", "hunter2");
  assert.match((await vm.exec("cat secret/key")).stderr, /Permission denied/);
  const { id } = await next();
  assert.throws(() => vm.respondPermission(id, "once"), { code: "ERR_AGENTOS_UNKNOWN_PERMISSION" });

  const patient = await asking(t, { permissions: secret("ask") });
  await patient.vm.writeFile("/home/user/secret/key", "hunter2");
  const over = new Promise((resolve) => patient.vm.on("permissionAnswer", resolve));
  const abort = new AbortController();
  const running = patient.vm.exec("cat secret/key", { signal: abort.signal });
  await patient.next();
  abort.abort();
  await assert.rejects(running, { name: "AbortError" });
  await over;
  assert.deepEqual(patient.vm.permissionRequests(), []);
});

test("autoApprove answers for whom nobody watches", async (t) => {
  const { vm } = await asking(t, { permissions: secret("ask"), autoApprove: true });
  await vm.writeFile("/home/user/secret/key", "hunter2");
  assert.equal((await vm.exec("cat secret/key")).stdout, "hunter2");
});

test("a call can have less than its VM, never more, and its children have no more than it", async (t) => {
  const vm = await boot(t, { permissions: secret("deny") });
  await vm.writeFile("/home/user/secret/key", "hunter2");
  await vm.writeFile("/home/user/open", "open");
  const readOnly = { permissions: { fs: { default: "deny", rules: [{ mode: "allow", operations: ["read", "stat"] }] } } };
  assert.equal((await vm.exec("cat open", readOnly)).stdout, "open");
  assert.match((await vm.exec("bash -c 'echo x > open'", readOnly)).stderr, /Permission denied/);
  assert.match((await vm.exec("cat secret/key", readOnly)).stderr, /Permission denied/);
  assert.equal((await vm.exec("echo x > open && cat open")).stdout, "x\n");
  const record = vm.audit().find(({ why }) => why.startsWith("exec:"));
  assert.equal(record.why, "exec: permissions.fs.default");
});

test("variables come in by name", async (t) => {
  const vm = await boot(t, { env: { AWS_SECRET: "1", PLAIN: "2" }, permissions: { env: { rules: [{ mode: "deny", patterns: ["AWS_*"] }] } } });
  assert.equal((await vm.exec("echo $AWS_SECRET$AWS_TOKEN$PLAIN", { env: { AWS_TOKEN: "3" } })).stdout, "2\n");
  assert.equal((await vm.exec("export AWS_OWN=4; bash -c 'echo $AWS_OWN'")).stdout, "4\n", "what programs set is theirs");
});

const wrong = [
  [{ files: "allow" }, /option permissions: got the key "files"; accepted: the keys "fs", "network"/],
  [{ fs: "maybe" }, /option permissions.fs: got "maybe"; accepted: "allow", "deny", "ask"/],
  [{ fs: { rules: [{ mode: "deny", path: "/x" }] } }, /permissions.fs.rules\[0\]: got the key "path"; accepted: the keys "mode", "operations", "paths"/],
  [{ fs: { rules: [{ mode: "deny", paths: ["x"] }] } }, /permissions.fs.rules\[0\].paths\[0\]: got "x" \(a path starts with/],
  [{ tool: { rules: [{ mode: "deny", operations: ["run"] }] } }, /permissions.tool.rules\[0\].operations\[0\]: got "run"; accepted: "call"/],
];

test("what cannot be read is refused by name, for VMs, calls and sessions", async (t) => {
  const vm = await boot(t);
  for (const [permissions, message] of wrong) {
    const expected = { code: "ERR_AGENTOS_INVALID_OPTION", message };
    await assert.rejects(AgentOs.create({ permissions }), expected);
    await assert.rejects(vm.exec("true", { permissions }), expected);
  }
  await assert.rejects(AgentOs.create({ permissionTimeoutMs: "1" }), { code: "ERR_INVALID_ARG_TYPE" });
  assert.throws(() => vm.respondPermission("1", "maybe"), { code: "ERR_INVALID_ARG_VALUE" });
});

test("mounts are checked by their path in the VM", async (t) => {
  const vm = await boot(t, { mounts: [{ path: "/mnt", driver: memory() }], permissions: { fs: { rules: [{ mode: "deny", operations: ["write", "create"], paths: ["/mnt"] }] } } });
  assert.match((await vm.exec("echo x > /mnt/f")).stderr, /Permission denied/);
  assert.equal((await vm.exec("echo x > /tmp/f")).exitCode, 0);
});
