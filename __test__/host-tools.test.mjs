// Host tools: functions of this process as commands and modules of a VM.
import { AgentOs, hostTool, hostToolkit, toolKit } from "agentos";
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { z as z3 } from "zod-3";
import { boot } from "./support/vm.mjs";

const issues = [
  { id: 1, title: "Fix login bug", status: "open" },
  { id: 2, title: "Old news", status: "closed" },
];
const project = () =>
  hostToolkit("project", {
    listIssues: {
      description: "List issues from the project tracker",
      args: z.object({ status: z.enum(["open", "closed", "all"]).default("open") }),
      handler: async (c, { status }) => issues.filter((issue) => status === "all" || issue.status === status).map((issue) => `#${issue.id}: ${issue.title}`).join("\n"),
    },
    createPr: {
      description: "Create a pull request",
      args: z3.object({ title: z3.string().min(3), branch: z3.string() }),
      handler: (c, { title, branch }) => ({ number: 42, title, branch }),
    },
  });
const weather = () =>
  toolKit({
    name: "weather",
    tools: { get: hostTool({ description: "The weather", inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => ({ city, temperature: 18 }) }) },
  });

/** A VM with one toolkit `t`. */
const bootWith = (t, tools, options = {}) => boot(t, { toolkits: [hostToolkit("t", tools)], ...options });
const outcome = ({ exitCode, stdout, stderr }) => ({ exitCode, stdout, stderr });
const run = async (vm, line, options) => outcome(await vm.exec(line, options));
const ok = (stdout) => ({ exitCode: 0, stdout, stderr: "" });
const plain = (handler, more = {}) => ({ description: "A tool", handler, ...more });

test("the announcement's tools are shell commands", async (t) => {
  const vm = await boot(t, { toolkits: [project(), weather()] });
  assert.deepEqual(await run(vm, "agentos-project list-issues --status open"), ok("#1: Fix login bug\n"));
  assert.deepEqual(await run(vm, "agentos-project list-issues"), ok("#1: Fix login bug\n"));
  assert.deepEqual(await run(vm, "agentos-project create-pr --title 'A title' --branch main"), ok('{"number":42,"title":"A title","branch":"main"}\n'));
  assert.deepEqual(await run(vm, "agentos-weather get --city London"), ok('{"city":"London","temperature":18}\n'));
  assert.match((await vm.exec("agentos list")).stdout, /agentos-project.*[\s\S]*agentos-weather/);
  assert.match((await vm.exec("agentos-project create-pr --help")).stdout, /Create a pull request[\s\S]*--title <string> +\(required\)/);
});

test("they work in pipes, loops, xargs, conditions and the background", async (t) => {
  const vm = await boot(t, { toolkits: [project(), weather()] });
  const script = `
    agentos-project list-issues --status all | wc -l
    printf '%s\\n' Rome Oslo | xargs -I{} agentos-weather get --city {} | grep -c temperature
    for city in a b; do agentos-weather get --city $city & done; wait
    agentos-project create-pr --branch x 2>/dev/null || echo status $?`;
  const { stdout } = await vm.exec(script);
  const lines = stdout.trim().split("\n");
  assert.deepEqual([lines[0], lines[1], lines.slice(2, 4).sort(), lines[4]], ["2", "2", ['{"city":"a","temperature":18}', '{"city":"b","temperature":18}'], "status 2"]);
});

test("the context of a call", async (t) => {
  let seen;
  const vm = await bootWith(t, { look: plain((c) => void (seen = c)) });
  await vm.exec("cd /tmp; A=b agentos-t look; echo $$ > pid");
  assert.equal(seen.vm, vm);
  assert.deepEqual([seen.cwd, seen.env.A, seen.env.HOME, seen.sessionId], ["/tmp", "b", "/home/user", null]);
  assert.ok(seen.pid > Number(await vm.readFile("/tmp/pid", "utf8")));
  assert.ok(seen.signal instanceof AbortSignal);
});

const results = {
  "text is printed as it is": [() => "text", "text\n"],
  "text with an end of line": [() => "text\n", "text\n"],
  "an object is JSON": [() => ({ a: [1, null, "x"] }), '{"a":[1,null,"x"]}\n'],
  "a list is JSON": [() => [1, 2], "[1,2]\n"],
  "a number is JSON": [() => 42, "42\n"],
  "undefined is nothing": [() => {}, ""],
  "bytes are as they are": [() => new Uint8Array([104, 105, 10]), "hi\n"],
  "an ArrayBuffer is bytes": [() => new TextEncoder().encode("x").buffer, "x"],
  "dates and big integers are text": [() => ({ d: new Date(0), n: 12n }), '{"d":"1970-01-01T00:00:00.000Z","n":"12"}\n'],
  "an async generator is streamed line by line": [
    async function* () {
      yield "one";
      yield { two: 2 };
      yield new Uint8Array([51, 10]);
    },
    'one\n{"two":2}\n3\n',
  ],
  "a generator too": [function* () { yield "a"; yield "b"; }, "a\nb\n"],
  "a stream of the web": [() => new Blob(["from a blob\n"]).stream(), "from a blob\n"],
};

for (const [name, [handler, stdout]] of Object.entries(results)) {
  test(`results: ${name}`, async (t) => {
    const vm = await bootWith(t, { tool: plain(handler) });
    assert.deepEqual(await run(vm, "agentos-t tool"), ok(stdout));
  });
}

const failures = {
  "a thrown error": [() => { throw new Error("the database is down"); }, "the database is down"],
  "a rejected promise": [() => Promise.reject(new TypeError("no")), "no"],
  "thrown text": [() => { throw "just text"; }, "just text"],
  "a thrown object": [() => { throw { code: 7 }; }, '{"code":7}'],
  "an error without a message": [() => { throw new RangeError(); }, "RangeError"],
  "an answer without a JSON form": [() => Symbol("x"), "the tool answered a symbol, which has no JSON form"],
  "a function as an answer": [() => () => {}, "the tool answered a function, which has no JSON form"],
  "an error in a stream": [async function* () { yield "first"; throw new Error("broke off"); }, "broke off", "first\n"],
};

for (const [name, [handler, message, stdout = ""]] of Object.entries(failures)) {
  test(`failures: ${name}: the message, no stack, status 1`, async (t) => {
    const vm = await bootWith(t, { tool: plain(handler) });
    assert.deepEqual(await run(vm, "agentos-t tool"), { exitCode: 1, stdout, stderr: `agentos-t tool: ${message}\n` });
  });
}

test("what only the schema's own library can check is bad usage: status 2", async (t) => {
  const args = z.object({ n: z.coerce.number().refine((n) => n % 2 === 0, "must be even"), at: z.date().optional() });
  const vm = await bootWith(t, { tool: plain((c, { n, at }) => [n, at instanceof Date], { args }) });
  assert.deepEqual(await run(vm, "agentos-t tool --n 4 --at 2026-12-01T10:00:00Z"), ok("[4,true]\n"));
  assert.deepEqual(await run(vm, "agentos-t tool --n 3"), { exitCode: 2, stdout: "", stderr: "agentos-t tool: n: must be even\n" });
});

test("a handler that never answers: its time ends it, with status 124", async (t) => {
  let signal;
  const vm = await bootWith(t, { tool: plain((c) => ((signal = c.signal), new Promise(() => {})), { timeoutMs: 50 }) });
  assert.deepEqual(await run(vm, "agentos-t tool"), { exitCode: 124, stdout: "", stderr: "agentos-t tool: no answer within 50 ms\n" });
  assert.equal(signal.reason.name, "TimeoutError");
});

test("killing the process aborts the call", async (t) => {
  const { promise: aborted, resolve } = withResolvers();
  const started = withResolvers();
  const handler = (c) => {
    c.signal.addEventListener("abort", resolve, { once: true });
    started.resolve();
    return new Promise(() => {});
  };
  const vm = await bootWith(t, { tool: plain(handler) });
  const process = await vm.spawn("agentos-t", ["tool"]);
  // Who waits for the program keeps Node's event loop going, which a call from a VM does not.
  const { exited } = process;
  await Promise.race([started.promise, exited]);
  process.kill("SIGTERM");
  assert.deepEqual(await exited, { exitCode: 143, signal: "SIGTERM" });
  // The same holds for the news of its end.
  const timer = setTimeout(resolve, 10_000, "nothing");
  assert.notEqual(await aborted, "nothing");
  clearTimeout(timer);
});

test("disposing the VM aborts its calls", async () => {
  const started = withResolvers();
  const aborted = withResolvers();
  const handler = (c) => {
    c.signal.addEventListener("abort", aborted.resolve, { once: true });
    started.resolve();
    return new Promise(() => {});
  };
  const vm = await AgentOs.create({ toolkits: [hostToolkit("t", { tool: plain(handler) })] });
  const running = vm.execFile("agentos-t", ["tool"]).catch((error) => error.code);
  await started.promise;
  await vm.dispose();
  await aborted.promise;
  assert.equal(await running, "ERR_AGENTOS_DISPOSED");
});

test("a stream waits for its reader, and ends when the reader has gone", async (t) => {
  let made = 0;
  const returned = withResolvers();
  const vm = await bootWith(t, {
    tool: plain(async function* () {
      try {
        for (;;) yield `line ${++made} ${"x".repeat(1000)}`;
      } finally {
        returned.resolve();
      }
    }),
  });
  assert.equal((await vm.exec("agentos-t tool | head -n 1 | cut -c1-6")).stdout, "line 1\n");
  await returned.promise;
  // A pipe and what is on its way, not all that there is.
  assert.ok(made < 1000, `${made} lines were made`);
});

test("100 MB pass through without being held", async (t) => {
  const chunk = new Uint8Array(1 << 20);
  const vm = await bootWith(t, {
    stream: plain(async function* () {
      for (let i = 0; i < 100; i++) yield chunk;
    }),
    whole: plain(() => new Uint8Array(20 << 20)),
  });
  assert.equal((await vm.exec("agentos-t stream | wc -c")).stdout, `${100 << 20}\n`);
  assert.equal((await vm.exec("agentos-t whole | wc -c")).stdout, `${20 << 20}\n`);
  assert.ok(vm.stats().memoryBytes < 64 << 20);
});

test("100 calls at once", async (t) => {
  let [now, most] = [0, 0];
  const all = withResolvers();
  const vm = await bootWith(t, {
    tool: plain(
      async (c, { n }) => {
        most = Math.max(most, ++now);
        if (now === 100) all.resolve();
        await all.promise;
        now--;
        return String(n * 2);
      },
      { args: z.object({ n: z.number() }) },
    ),
  });
  const outputs = await Promise.all(Array.from({ length: 100 }, (_, n) => vm.execFile("agentos-t", ["tool", "--n", String(n)])));
  assert.deepEqual(outputs.map(({ stdout }) => stdout), Array.from({ length: 100 }, (_, n) => `${n * 2}\n`));
  assert.equal(most, 100);
});

test("a handler may call back into its VM", async (t) => {
  const vm = await bootWith(t, {
    outer: plain(async (c) => `outer(${(await c.vm.exec("agentos-t inner")).stdout.trim()})`),
    inner: plain(async (c) => {
      await c.vm.writeFile("/tmp/note", "from the host");
      return c.vm.readFile("/tmp/note", "utf8");
    }),
  });
  assert.deepEqual(await run(vm, "agentos-t outer"), ok("outer(from the host)\n"));
});

test("one toolkit serves several VMs, each its own", async (t) => {
  const kit = hostToolkit("t", { who: plain((c) => c.vm.readFile("/tmp/name", "utf8")) });
  const vms = await Promise.all(["a", "b"].map(() => boot(t, { toolkits: [kit] })));
  for (const [i, vm] of vms.entries()) await vm.writeFile("/tmp/name", `vm ${i}`);
  assert.deepEqual(await Promise.all(vms.map(async (vm) => (await vm.exec("agentos-t who")).stdout)), ["vm 0\n", "vm 1\n"]);
});

test("what is no list of toolkits, and two of one name, are refused", async () => {
  const kit = weather();
  await assert.rejects(AgentOs.create({ toolkits: [{ name: "weather" }] }), { code: "ERR_INVALID_ARG_TYPE", message: /"options\.toolkits\[0\]".*hostToolkit/ });
  await assert.rejects(AgentOs.create({ toolkits: [kit, weather()] }), { message: /toolkits\[1\]\.name/ });
  await assert.rejects(AgentOs.create({ toolkits: [hostToolkit("t", { a: plain(() => 1, { args: { type: "no-such-type" } }) })] }), { message: /toolkits\[0\]\.tools\.a/ });
});

test("code mode: JavaScript of the VM calls tools without a shell", async (t) => {
  const vm = await boot(t, { toolkits: [project(), weather()] });
  await vm.writeFile(
    "/tmp/script.mjs",
    `import project from "agentos:project";
     import weather from "agentos:weather";
     const all = await Promise.all(["Rome", "Oslo"].map((city) => weather.get({ city })));
     console.log(all.reduce((sum, { temperature }) => sum + temperature, 0), await project.listIssues({ status: "closed" }));
     await project.createPr({ title: "x", branch: "b" }).catch((error) => console.log("refused:", error.message));`,
  );
  const { stdout, stderr } = await vm.exec("node /tmp/script.mjs");
  assert.equal(stderr, "");
  assert.match(stdout, /^36 #2: Old news\nrefused: .*title/);
  assert.match(await vm.readFile("/usr/lib/agentos/tools/project.d.ts", "utf8"), /status\?: "open" \| "closed" \| "all"/);
});

function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
