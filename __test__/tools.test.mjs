// Host tools as commands, in pipes, in JavaScript.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostTool, hostToolkit, toolKit } from "agentos";
import { boot } from "./support/vm.mjs";

const issues = [{ id: 1, title: "Crash", status: "open" }, { id: 2, title: "Typo", status: "closed" }];

const project = hostToolkit("project", {
  listIssues: {
    description: "List issues",
    args: { type: "object", properties: { status: { type: "string", enum: ["open", "closed", "all"], default: "open" } }, additionalProperties: false },
    handler: (_c, { status }) => issues.filter((issue) => status === "all" || issue.status === status).map((issue) => `#${issue.id}: ${issue.title}`).join("\n"),
  },
  addIssue: {
    description: "Add an issue",
    args: { type: "object", properties: { title: { type: "string" }, labels: { type: "array", items: { type: "string" } } }, required: ["title"] },
    handler: (_c, args) => ({ id: 3, ...args }),
  },
  fail: { description: "Fails", handler: () => Promise.reject(new Error("no such tracker")) },
  context: { description: "Tells who calls", handler: (c) => ({ pid: c.pid > 1, cwd: c.cwd, name: c.env.NAME ?? null, session: c.sessionId }) },
  hang: { description: "Never answers", timeoutMs: 50, handler: () => new Promise(() => {}) },
  bytes: { description: "Bytes", handler: () => Uint8Array.of(0, 255, 10) },
  count: {
    description: "Streams lines",
    args: { type: "object", properties: { to: { type: "integer" } }, required: ["to"] },
    async *handler(_c, { to }) {
      for (let i = 1; i <= to; i++) yield `${i}\n`;
    },
  },
  echo: { description: "Calls back", handler: async (c) => (await c.vm.exec("echo from the shell")).stdout },
});

const run = async (t, line) => (await boot(t, { toolkits: [project] })).exec(line);

const lines = [
  ["agentos-project list-issues", "#1: Crash\n", "", 0],
  ["agentos-project list-issues --status all | wc -l", "2\n", "", 0],
  ["agentos-project list-issues --status=closed", "#2: Typo\n", "", 0],
  ["agentos-project list-issues --output json", '"#1: Crash"\n', "", 0],
  ["agentos-project add-issue --title 'A b' --labels x,y", '{"id":3,"title":"A b","labels":["x","y"]}\n', "", 0],
  ["echo '{\"title\":\"piped\"}' | agentos-project add-issue", '{"id":3,"title":"piped"}\n', "", 0],
  ["echo '{\"title\":\"f\"}' > f.json; agentos-project add-issue --json-file f.json --labels z", '{"id":3,"title":"f","labels":["z"]}\n', "", 0],
  ["agentos-project add-issue --json-file none", "", "agentos-project add-issue: --json-file: none: No such file or directory\n", 2],
  ["agentos-project fail", "", "agentos-project fail: no such tracker\n", 1],
  ["agentos-project hang", "", "agentos-project hang: no answer within 50 ms\n", 124],
  ["cd /tmp && NAME=x agentos-project context", '{"pid":true,"cwd":"/tmp","name":"x","session":null}\n', "", 0],
  ["agentos-project bytes | od -An -tx1", " 00 ff 0a\n", "", 0],
  ["agentos-project count --to 3", "1\n2\n3\n", "", 0],
  ["agentos-project count --to 100000 | head -2", "1\n2\n", "", 0],
  ["printf '1\\n2\\n' | xargs -n1 agentos-project count --to", "1\n1\n2\n", "", 0],
  ["find / -maxdepth 1 -name tmp -exec agentos-project list-issues \\;", "#1: Crash\n", "", 0],
  ["agentos-project count --to 2 & wait $!; echo $?", "1\n2\n0\n", "", 0],
  ["agentos-project echo", "from the shell\n", "", 0],
  ["agentos list | head -1", "agentos-project\n", "", 0],
  ["type -p agentos-project; test -x /usr/bin/agentos-project && echo x", "/usr/bin/agentos-project\nx\n", "", 0],
  ["node -e 'console.log(String(require(\"child_process\").execFileSync(\"agentos-project\", [\"list-issues\"])))'", "#1: Crash\n\n", "", 0],
];

describe("commands", () => {
  for (const [line, stdout, stderr, exitCode] of lines) {
    test(line, async (t) => {
      const result = await run(t, line);
      assert.deepEqual({ stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode }, { stdout, stderr, exitCode });
    });
  }

  test("a large result is not held back by its reader", async (t) => {
    const big = toolKit({ name: "big", tools: { get: hostTool({ description: "100 MB", async *execute() { for (let i = 0; i < 100; i++) yield new Uint8Array(1 << 20); } }) } });
    const vm = await boot(t, { toolkits: [big] });
    assert.equal((await vm.exec("agentos-big get | wc -c")).stdout, `${100 << 20}\n`);
  });

  test("100 calls at once", async (t) => {
    const vm = await boot(t, { toolkits: [project] });
    const results = await Promise.all(Array.from({ length: 100 }, (_, i) => vm.execFile("agentos-project", ["add-issue", "--title", String(i)])));
    assert.deepEqual(results.map((result) => JSON.parse(result.stdout).title), Array.from({ length: 100 }, (_, i) => String(i)));
  });

  test("killing the process aborts the call's signal", async (t) => {
    let aborted;
    const ended = new Promise((resolve) => (aborted = resolve));
    let started;
    const running = new Promise((resolve) => (started = resolve));
    const slow = hostToolkit("slow", { wait: { description: "Waits", handler: (c) => new Promise(() => { c.signal.addEventListener("abort", () => aborted("aborted")); started(); }) } });
    const vm = await boot(t, { toolkits: [slow] });
    const child = await vm.spawn("agentos-slow", ["wait"]);
    // What waits for the program also keeps Node's event loop going, which a call from a VM does not.
    const exited = child.exited;
    await Promise.race([running, exited]);
    child.kill("SIGTERM");
    assert.equal((await exited).signal, "SIGTERM");
    assert.equal(await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 10_000, "nothing"))]), "aborted");
  });

  test("another VM does not have them, and a forged file gets nothing", async (t) => {
    const vm = await boot(t);
    assert.equal((await vm.exec("agentos-project list-issues")).exitCode, 127);
    const forged = await vm.exec("printf '\\177agentos-tools project\\n' > x; chmod +x x; ./x list-issues");
    assert.notEqual(forged.exitCode, 0);
    assert.equal(forged.stdout, "");
  });
});

const programs = [
  ["import project from 'agentos:project'; console.log(await project.listIssues({ status: 'closed' }))", "#2: Typo\n"],
  ["import { addIssue } from 'agentos:project'; console.log((await addIssue({ title: 't' })).id)", "3\n"],
  ["import { createRequire } from 'node:module'; const p = createRequire('/')('agentos:project'); console.log(await p.listIssues())", "#1: Crash\n"],
  ["import p from 'agentos:project'; await p.fail().catch((e) => console.log(e.message))", "no such tracker\n"],
  ["import p from 'agentos:project'; await p.addIssue({}).catch((e) => console.log(e.name, e.message))", "TypeError --title <string> is required\n"],
  ["import p from 'agentos:project'; for await (const line of await p.count({ to: 3 })) process.stdout.write(line)", "1\n2\n3\n"],
  ["import p from 'agentos:project'; console.log([...(await p.bytes())])", "[ 0, 255, 10 ]\n"],
  ["await import('agentos:nothing').catch((e) => console.log(e.message))", "Cannot find module 'agentos:nothing': no such toolkit\n"],
];

describe("JavaScript in the VM", () => {
  for (const [source, stdout] of programs) {
    test(source, async (t) => {
      const vm = await boot(t, { toolkits: [project] });
      await vm.writeFile("/home/user/p.mjs", source);
      const result = await vm.exec("node p.mjs");
      assert.deepEqual({ stdout: result.stdout, stderr: result.stderr }, { stdout, stderr: "" });
    });
  }

  test("declarations are there to be read", async (t) => {
    const { stdout } = await run(t, "cat /usr/lib/agentos/tools/project.d.ts");
    assert.match(stdout, /declare module "agentos:project"/);
    assert.match(stdout, /listIssues\(args\?: \{ status\?: "open" \| "closed" \| "all" \}\): Promise<any>;/);
  });
});
