// The benchmarks by name. Targets are those of the design; `target` is printed beside the number so that the distance shows.
import { spawn } from "node:child_process";
import { AgentOs } from "agentos";
import common from "@agentos/common";
import { startHostile } from "../__test__/support/hostile.mjs";
import { residentBytes, sample } from "./measure.mjs";
import { tokenBenchmark } from "./tokens/index.mjs";

const software = [common];

/** The rival of everything that starts a shell: the machine's own, spawned from Node in the same run. */
function nativeEcho() {
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-c", "echo hello"], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.resume();
    child.on("error", reject);
    child.on("close", resolve);
  });
}

async function withVm(work, options = { software }) {
  const vm = await AgentOs.create(options);
  try {
    return await work(vm);
  } finally {
    await vm.dispose();
  }
}

const must = (result, expected) => {
  if (result.stdout !== expected) throw new Error(`benchmark printed ${JSON.stringify(result)}`);
};

export const benchmarks = {
  async "create-vm-and-first-echo"() {
    const once = () => withVm(async (vm) => must(await vm.exec("echo hello"), "hello\n"));
    const result = await sample(1000, once, 5);
    return { ...result, target: { p50: 1.5, p99: 5 }, rival: { name: "native sh -c 'echo hello'", ...(await sample(300, nativeEcho, 5)) } };
  },

  async "warm-exec-echo"() {
    return withVm(async (vm) => {
      const result = await sample(2000, async () => must(await vm.exec("echo hi"), "hi\n"), 50);
      return { ...result, target: { p50: 0.3 }, rival: { name: "native sh -c 'echo hello'", ...(await sample(300, nativeEcho, 5)) } };
    });
  },

  async "exec-pipeline-of-5"() {
    return withVm(async (vm) => {
      const line = "echo hello | cat | tr a-z A-Z | cat | wc -c";
      const result = await sample(300, async () => must(await vm.exec(line), "6\n"), 10);
      return { ...result, target: { p50: 3 } };
    });
  },

  async "node-e-1"() {
    return withVm(async (vm) => {
      // One at a time with a pause: the pool has refilled. Back to back: it is empty.
      const pooled = await sample(50, async () => {
        await vm.execFile("node", ["-e", "1"]);
      }, 3);
      const paused = await sample(30, async (i) => {
        await vm.execFile("node", ["-e", "1"]);
      });
      const nativeNode = () => new Promise((resolve) => spawn(process.execPath, ["-e", "1"], { stdio: "ignore" }).on("close", resolve));
      return { ...pooled, target: { p50: 12 }, again: paused, rival: { name: "native node -e 1", ...(await sample(20, nativeNode, 1)) } };
    });
  },

  async "tokens-of-host-tools"() {
    return tokenBenchmark();
  },

  async "memory-of-100-idle-vms"() {
    await withVm((vm) => vm.exec("echo warm"));
    const before = await residentBytes();
    const vms = await Promise.all(Array.from({ length: 100 }, () => AgentOs.create({ software })));
    const idle = await residentBytes();
    await Promise.all(vms.map((vm) => vm.exec("echo hello")));
    const used = await residentBytes();
    await Promise.all(vms.map((vm) => vm.dispose()));
    const after = await residentBytes();
    const perVm = (bytes) => Math.round((bytes - before) / 100 / 1024);
    return { n: 100, unit: "KiB per VM", idle: perVm(idle), afterOneExecEach: perVm(used), afterDispose: perVm(after), target: { idle: 205 } };
  },

  async neighbours() {
    const boot = (options = {}) => AgentOs.create({ software, ...options });
    const good = await Promise.all(Array.from({ length: 5 }, () => boot()));
    const echo = (i) => good[i % good.length].exec("echo hi").then((result) => must(result, "hi\n"));
    const quiet = await sample(300, echo, 20);
    const bad = await startHostile(boot, 20);
    const beside = await sample(300, echo, 20);
    await Promise.all([...bad.map(({ vm }) => vm), ...good].map((vm) => vm.dispose()));
    return { quiet, beside20Hostile: beside, p99Ratio: Math.round((beside.p99 / quiet.p99) * 10) / 10, target: { p99Ratio: 5 } };
  },

  async policy() {
    const cargo = spawn("cargo", ["run", "-q", "--release", "-p", "agentos-policy", "--example", "check"], { stdio: ["ignore", "pipe", "inherit"] });
    let lines = "";
    for await (const chunk of cargo.stdout) lines += chunk;
    return { unit: "ns per check", policies: lines.trim().split("\n").map((line) => JSON.parse(line)), target: { p50: 200 } };
  },
};
