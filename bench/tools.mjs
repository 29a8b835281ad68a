// Host tools: a call from the shell, from guest JavaScript, and ten thousand in a row.
import { AgentOs, hostToolkit } from "agentos";
import common from "@agentos/common";
import { residentBytes, sample } from "./measure.mjs";

const kit = hostToolkit("bench", {
  ping: { description: "Answers", args: { type: "object", properties: { text: { type: "string", default: "pong" } } }, handler: (_c, { text }) => text },
});

async function withTools(work) {
  const vm = await AgentOs.create({ software: [common], toolkits: [kit] });
  try {
    return await work(vm);
  } finally {
    await vm.dispose();
  }
}

/** Times calls inside of one guest program, where a process costs nothing. */
const PROGRAM = `
import { ping } from "agentos:bench";
const [, , n] = process.argv;
for (let i = 0; i < 200; i++) await ping();
const times = [];
for (let i = 0; i < n; i++) {
  const start = process.hrtime.bigint();
  await ping();
  times.push(Number(process.hrtime.bigint() - start) / 1e6);
}
times.sort((a, b) => a - b);
const at = (q) => times[Math.min(times.length - 1, Math.floor(q * times.length))];
console.log(JSON.stringify({ n: times.length, unit: "ms", min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }));
`;

export const tools = {
  async "tools-call-from-the-shell"() {
    return withTools(async (vm) => {
      // One shell makes all calls: what is timed is the call, not the start of the shell.
      const shell = await sample(200, () => vm.execFile("agentos-bench", ["ping"]), 20);
      const script = "for ((i = 0; i < 500; i++)); do agentos-bench ping >/dev/null; done";
      await vm.exec(script);
      const start = performance.now();
      await vm.exec(script);
      return { ...shell, inALoopOfBash: { n: 500, unit: "ms per call", mean: (performance.now() - start) / 500 }, target: { p50: 1 } };
    });
  },

  async "tools-call-from-guest-javascript"() {
    return withTools(async (vm) => {
      await vm.writeFile("/home/user/bench.mjs", PROGRAM);
      const { stdout, stderr } = await vm.exec("node bench.mjs 2000");
      if (stderr !== "") throw new Error(stderr);
      return { ...JSON.parse(stdout), target: { p50: 0.05 } };
    });
  },

  async "tools-10000-calls-memory"() {
    return withTools(async (vm) => {
      await vm.writeFile("/home/user/bench.mjs", PROGRAM);
      await vm.exec("node bench.mjs 1000");
      const before = await residentBytes();
      await vm.exec("node bench.mjs 10000");
      const after = await residentBytes();
      return { n: 10_000, unit: "KiB", grown: Math.round((after - before) / 1024) };
    });
  },
};
