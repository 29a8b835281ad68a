// What a guest cannot see or reach: the host.
import assert from "node:assert/strict";
import { writeFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { boot } from "./support/vm.mjs";

process.env.AGENTOS_TEST_SECRET = "secret-of-the-host";

/** Runs guest JavaScript that prints one line; answers it. */
async function guest(vm, script) {
  await vm.writeFile("/home/user/guest.mjs", script);
  const { stdout, stderr } = await vm.exec("node guest.mjs");
  assert.equal(stderr, "");
  return stdout.trim();
}

test("no environment variable of the host", async (t) => {
  const vm = await boot(t);
  for (const line of ["env", "cat /proc/self/environ /proc/1/environ 2>/dev/null | tr '\\0' '\\n'", "node -p 'JSON.stringify(process.env)'"]) {
    const { stdout } = await vm.exec(line);
    assert.doesNotMatch(stdout, /secret-of-the-host|AGENTOS_TEST_SECRET|npm_|CARGO/, line);
  }
});

test("no file of the host", async (t) => {
  const secret = join(tmpdir(), `agentos-secret-${process.pid}`);
  writeFileSync(secret, "secret-of-the-host");
  t.after(() => rmSync(secret));
  const vm = await boot(t);
  for (const path of [secret, `/proc/self/root${secret}`, `/proc/1/root${secret}`, `/../../..${secret}`, `/proc/self/cwd/../../..${secret}`, import.meta.filename]) {
    assert.notEqual((await vm.exec(`cat '${path}'`)).exitCode, 0, path);
    await assert.rejects(vm.readFile(path), path);
  }
  const { stdout } = await vm.exec("cat /proc/self/maps /proc/mounts /proc/self/mountinfo /proc/self/cmdline 2>/dev/null");
  assert.ok(!stdout.includes(import.meta.dirname ?? process.cwd()), stdout);
  assert.doesNotMatch(stdout, /\.node\b|node_modules/);
});

test("no process of the host", async (t) => {
  const vm = await boot(t);
  const pids = (await vm.exec("ls /proc")).stdout.split("\n").filter((name) => /^\d+$/.test(name));
  assert.ok(pids.length <= 3 && pids.includes("1"), pids.join());
  assert.equal((await vm.exec(`kill -0 ${process.pid}`)).exitCode, 1);
  assert.equal(await guest(vm, `try { process.kill(${process.pid}, 0); console.log("reached"); } catch (error) { console.log(error.code); }`), "ESRCH");
});

test("host name, user and machine are the VM's", async (t) => {
  const vm = await boot(t, { hostname: "box" });
  assert.equal((await vm.exec("hostname 2>/dev/null || uname -n")).stdout, "box\n");
  assert.equal((await vm.exec("id -un; id -u")).stdout, "agent\n1000\n");
  const seen = await guest(vm, `import os from "node:os"; console.log(JSON.stringify([os.hostname(), os.userInfo().username, os.homedir(), os.networkInterfaces()]))`);
  assert.ok(!seen.includes(hostname()) || hostname() === "box", seen);
  assert.ok(userInfo().username === "agent" || !seen.includes(`"${userInfo().username}"`), seen);
  assert.equal(JSON.parse(seen)[2], "/home/user");
});

const refused = [
  ["process.binding", `console.log(typeof process.binding === "function" ? Object.keys((() => { try { return process.binding("fs"); } catch (error) { return {}; } })()).length : 0)`, "0"],
  ["process._linkedBinding", `try { process._linkedBinding("fs"); console.log("reached"); } catch { console.log("refused"); }`, "refused"],
  ["process.dlopen", `try { process.dlopen({ exports: {} }, "/usr/lib/x.node"); console.log("reached"); } catch { console.log("refused"); }`, "refused"],
  ["a native addon", `import { createRequire } from "node:module"; import fs from "node:fs"; fs.writeFileSync("x.node", "x");
     try { createRequire(import.meta.url)("./x.node"); console.log("reached"); } catch { console.log("refused"); }`, "refused"],
  ["a socket over a descriptor of the host", `import net from "node:net"; import fs from "node:fs";
     let reached = 0; for (let fd = 3; fd < 200; fd++) { try { fs.fstatSync(fd); const s = new net.Socket({ fd }); s.on("error", () => {}); s.write("x"); reached++; } catch {} }
     setTimeout(() => { console.log(reached); process.exit(); }, 50);`, "0"],
  ["Deno and its core", `console.log(typeof Deno, typeof globalThis.__bootstrap, typeof globalThis.Deno?.core)`, "undefined undefined undefined"],
  ["constructors of a vm context", `import vm from "node:vm"; try { console.log(vm.runInNewContext("this.constructor.constructor('return typeof Deno')()")); } catch { console.log("undefined"); }`, "undefined"],
  ["error stacks", `try { null.x; } catch (error) { console.log(/\\/(root|work|usr\\/src|home\\/(?!user))|ext:|\\.rs/.test(error.stack)); }`, "false"],
  ["a stack of a built-in", `import fs from "node:fs"; try { fs.readFileSync("/missing"); } catch (error) { console.log(/\\.cargo|registry|\\/target\\//.test(error.stack)); }`, "false"],
  ["process.report and the inspector", `console.log(typeof process.report?.writeReport === "function" && (() => { try { return JSON.stringify(process.report.getReport()).includes("secret-of-the-host"); } catch { return false; } })())`, "false"],
  ["the path of the host's node", `console.log(process.execPath, process.argv[0])`, "/usr/bin/node /usr/bin/node"],
];

for (const [what, script, expected] of refused) {
  test(`not by ${what}`, async (t) => {
    assert.equal(await guest(await boot(t), script), expected);
  });
}

test("the network is closed until a rule opens it", async (t) => {
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
  const server = createServer((socket) => socket.once("data", () => socket.end(answer)));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address();
  const script = `try { console.log(await (await fetch("http://127.0.0.1:${port}/")).text()); } catch (error) { console.log("refused", error.cause?.code ?? error.code); }`;
  assert.match(await guest(await boot(t), script), /^refused/);
  const rules = [{ mode: "allow", patterns: [`127.0.0.1:${port}`] }];
  assert.equal(await guest(await boot(t, { permissions: { network: { rules } } }), script), "hello");
  assert.match(await guest(await boot(t, { permissions: { network: { rules: [{ mode: "allow", patterns: [`127.0.0.1:${port + 1}`] }] } } }), script), /^refused/);
});

test("two VMs share nothing", async (t) => {
  const [a, b] = [await boot(t), await boot(t)];
  await a.writeFile("/home/user/f", "a's");
  await a.writeFile("/usr/bin/mine", "#!/bin/sh\n", { mode: 0o755 });
  assert.equal(await b.exists("/home/user/f"), false);
  assert.equal(await b.exists("/usr/bin/mine"), false);
  const sleeper = await a.spawn("sleep", ["600"]);
  assert.throws(() => b.kill(sleeper.pid), { code: "ESRCH" });
});

test("a program cannot write what belongs to root", async (t) => {
  const vm = await boot(t);
  for (const line of ["echo x > /etc/passwd", "rm /bin/bash", "touch /usr/bin/x", "echo x > /proc/sys/kernel/hostname", "chown root f", "mknod d c 1 3", "kill -9 1"]) {
    const { exitCode, stderr } = await vm.exec(`touch f; ${line}`);
    assert.notEqual(exitCode, 0, line);
    assert.match(stderr, /Permission denied|not permitted|No such file|Read-only/, line);
  }
});
