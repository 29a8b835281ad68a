const { spawn, spawnSync, execFileSync, exec } = require("child_process");
const echo = "process.stdin.on('data', (d) => console.log('got', String(d))); process.stdin.on('end', () => process.exit(3))";
const child = spawn("node", ["-e", echo], { env: { ...process.env, X: "1" } });
child.stdout.on("data", (data) => process.stdout.write("out: " + data));
child.on("exit", (code, signal) => console.log("exit", code, signal));
child.on("close", (code, signal) => { console.log("close", code, signal); next(); });
child.stdin.end("hello");
function next() {
  const sync = spawnSync("node", ["-p", "process.env.Y + process.cwd()"], { encoding: "utf8", env: { PATH: process.env.PATH, Y: "2" }, cwd: "/tmp" });
  console.log(sync.status, sync.signal, sync.stdout, sync.stderr);
  const missing = spawnSync("nope");
  console.log(missing.error.code, missing.error.syscall, missing.status);
  console.log(execFileSync("node", ["-e", "process.stdout.write(require('fs').readFileSync(0))"], { input: "abc", encoding: "utf8" }));
  console.log(spawnSync("node", ["-e", "for (;;);"], { timeout: 50 }).error.code);
  console.log(spawnSync("node", ["-e", "console.log('x'.repeat(1e6))"], { maxBuffer: 1000 }).error.code);
  console.log(spawnSync("node", ["-e", "console.log('inherited')"], { stdio: "inherit" }).stdout);
  spawn("nope").on("error", (e) => {
    console.log(e.code, e.errno, e.syscall, e.path);
    const sleeper = spawn("node", ["-e", "setInterval(() => {}, 1000)"]);
    sleeper.on("exit", (code, signal) => console.log(code, signal, sleeper.killed));
    sleeper.on("spawn", () => sleeper.kill());
  });
}
