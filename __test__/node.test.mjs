// Node programs in a VM.
import assert from "node:assert/strict";
import { test } from "node:test";
import { boot } from "./support/vm.mjs";

async function run(t, line, options) {
  const vm = await boot(t);
  const { stdout, stderr, exitCode } = await vm.exec(line, options);
  assert.equal(stderr, "");
  assert.equal(exitCode, 0);
  return stdout;
}

test("node -e, and its place in a pipeline", async (t) => {
  assert.equal(await run(t, `node -e 'console.log("Hello, world!")' | tr a-z A-Z`), "HELLO, WORLD!\n");
});

test("a CommonJS file, an ES module, and packages in node_modules", async (t) => {
  const vm = await boot(t);
  await vm.writeFiles([
    { path: "/home/user/a.js", content: 'const { b } = require("./b.js"); console.log(b, require("pkg"), __filename);' },
    { path: "/home/user/b.js", content: "exports.b = 1;" },
    { path: "/home/user/node_modules/pkg/package.json", content: '{ "name": "pkg", "main": "./main.js", "exports": { ".": { "import": "./main.mjs", "require": "./main.js" } } }' },
    { path: "/home/user/node_modules/pkg/main.js", content: 'module.exports = "cjs";' },
    { path: "/home/user/node_modules/pkg/main.mjs", content: 'export default "esm";' },
    { path: "/home/user/m.mjs", content: 'import pkg from "pkg"; import { b } from "./b.js"; const { c } = await import("./c.mjs"); console.log(pkg, b, c, import.meta.filename);' },
    { path: "/home/user/c.mjs", content: "export const c = await Promise.resolve(2);" },
  ]);
  assert.equal((await vm.exec("node a.js")).stdout, "1 cjs /home/user/a.js\n");
  assert.equal((await vm.exec("node m.mjs")).stdout, "esm 1 2 /home/user/m.mjs\n");
});

test("arguments, environment, working directory, exit status", async (t) => {
  const vm = await boot(t);
  const script = "console.log(process.argv.slice(2).join(), process.env.A, process.cwd(), process.pid > 1, process.platform); process.exitCode = 9";
  await vm.writeFile("/home/user/s.js", script);
  const { stdout, exitCode } = await vm.execFile("node", ["s.js", "x", "y"], { env: { A: "b" } });
  assert.deepEqual([stdout, exitCode], ["x,y b /home/user true linux\n", 9]);
});

test("standard input and output are streams", async (t) => {
  const script = 'let n = 0; process.stdin.on("data", (chunk) => (n += chunk.length)).on("end", () => console.log(n))';
  assert.equal(await run(t, `node -e '${script}'`, { stdin: "x".repeat(1 << 20) }), `${1 << 20}\n`);
});

test("fs: promises, callbacks, sync and streams, on the tree that all programs see", async (t) => {
  const vm = await boot(t);
  await vm.writeFile(
    "/home/user/f.mjs",
    `import fs from "node:fs"; import { pipeline } from "node:stream/promises"; import zlib from "node:zlib";
     fs.mkdirSync("d/e", { recursive: true });
     await fs.promises.writeFile("d/e/f", "content");
     await pipeline(fs.createReadStream("d/e/f"), zlib.createGzip(), fs.createWriteStream("d/f.gz"));
     fs.symlinkSync("e/f", "d/l");
     console.log(fs.readdirSync("d").join(), fs.readFileSync("d/l", "utf8"), (await fs.promises.stat("d/e/f")).size);
     await new Promise((resolve) => fs.readFile("missing", (error) => { console.log(error.code, error.syscall); resolve(); }));`,
  );
  const { stdout, stderr } = await vm.exec("node f.mjs && zcat d/f.gz");
  assert.equal(stdout, "e,f.gz,l content 7\nENOENT open\ncontent", stderr);
});

test("child_process starts programs of both kinds", async (t) => {
  const vm = await boot(t);
  await vm.writeFile(
    "/home/user/c.mjs",
    `import { execFileSync, spawn, spawnSync } from "node:child_process";
     console.log(execFileSync("sh", ["-c", "echo $((6*7))"], { encoding: "utf8" }).trim());
     console.log(spawnSync("node", ["-p", "1+1"], { encoding: "utf8" }).stdout.trim());
     const tr = spawn("tr", ["a-z", "A-Z"]); tr.stdin.end("shout");
     for await (const chunk of tr.stdout) console.log(String(chunk));
     const [code, signal] = await new Promise((resolve) => { const s = spawn("sleep", ["600"]); s.on("exit", (...a) => resolve(a)); s.kill("SIGINT"); });
     console.log(code, signal);
     await new Promise((resolve) => spawn("no-such-program").on("error", (error) => { console.log(error.code); resolve(); }));`,
  );
  const { stdout, stderr } = await vm.exec("node c.mjs");
  assert.equal(stdout, "42\n2\nSHOUT\nnull SIGINT\nENOENT\n", stderr);
});

test("timers, crypto, url, util and events", async (t) => {
  const vm = await boot(t);
  await vm.writeFile(
    "/home/user/m.mjs",
    `import { createHash, randomUUID } from "node:crypto"; import { setTimeout } from "node:timers/promises"; import { inspect } from "node:util";
     await setTimeout(5);
     console.log(createHash("sha256").update("abc").digest("hex").slice(0, 8), randomUUID().length, new URL("http://a/b?c=d").searchParams.get("c"));
     console.log(inspect({ a: [1, new Map([["k", 1n]])] }), structuredClone(new Date(0)).toISOString());
     queueMicrotask(() => console.log("micro")); process.nextTick(() => console.log("tick")); setImmediate(() => console.log("immediate"));`,
  );
  assert.equal((await vm.exec("node m.mjs")).stdout, "ba7816bf 36 d\n{ a: [ 1, Map(1) { 'k' => 1n } ] } 1970-01-01T00:00:00.000Z\ntick\nmicro\nimmediate\n".replace("tick\nmicro", "micro\ntick"));
});

test("an uncaught error is printed, and the status is 1", async (t) => {
  const vm = await boot(t);
  await vm.writeFile("/home/user/e.js", 'function fail() { throw new TypeError("no good"); }\nfail();\n');
  const { stderr, exitCode } = await vm.exec("node e.js");
  assert.equal(exitCode, 1);
  assert.match(stderr, /TypeError: no good/);
  assert.match(stderr, /\/home\/user\/e\.js:1/);
  assert.equal((await vm.exec("node missing.js")).exitCode, 1);
});

test("an endless loop is stopped by the timeout", async (t) => {
  const vm = await boot(t);
  const { timedOut, signal } = await vm.exec("exec node -e 'for (;;);'", { timeoutMs: 1000 });
  assert.equal(timedOut, true);
  assert.match(signal, /SIGTERM|SIGKILL/);
});

test("a full heap ends the program, not the host", async (t) => {
  const vm = await boot(t, { limits: { maxMemoryMb: 256 } });
  const { exitCode } = await vm.exec("node -e 'const a = []; for (;;) a.push(new Array(1000).fill(a.length));'", { timeoutMs: 60_000 });
  assert.notEqual(exitCode, 0);
  const buffers = await vm.exec("node -e 'const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));'", { timeoutMs: 60_000 });
  assert.notEqual(buffers.exitCode, 0);
  assert.equal((await vm.exec("echo alive")).stdout, "alive\n");
});
