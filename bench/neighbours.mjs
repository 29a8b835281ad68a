// Noisy neighbours: what five good VMs see of twenty hostile ones. `npm run bench -- neighbours`.
import { AgentOs } from "agentos";
import common from "@agentos/common";
import { quantiles } from "./measure.mjs";

const GOOD = 5;
const HOSTILE = 20;
const SAMPLES = 60;

/** What the hostile ones do, over and over. */
const hostile = [
  "f() { f | f & }; f; wait",
  "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done",
  "while :; do head -c 10000000 /dev/zero >> /tmp/fill || rm -f /tmp/fill; done",
  "while :; do mkfifo /tmp/p$RANDOM 2>/dev/null; sleep 100 | sleep 100 & done",
  "while :; do :; done",
  "for i in 1 2 3 4 5 6 7 8; do while :; do :; done & done; wait",
  "yes $(head -c 10000 /dev/zero | tr '\\0' a)",
  "awk 'BEGIN { while (1) x = x + 1 }'",
  "node -e 'for (;;);'",
  "node -e '/(a+)+b/.test(\"a\".repeat(40))'",
];

async function measure(vms) {
  const times = [];
  await Promise.all(
    vms.map(async (vm) => {
      for (let i = 0; i < SAMPLES; i++) {
        const start = performance.now();
        const { stdout } = await vm.exec("echo hi");
        times.push(performance.now() - start);
        if (stdout !== "hi\n") throw new Error(`a good VM answered ${JSON.stringify(stdout)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }),
  );
  return quantiles(times);
}

export const neighbours = {
  async "noisy-neighbours"() {
    const create = (limits) => AgentOs.create({ software: [common], limits });
    const good = await Promise.all(Array.from({ length: GOOD }, () => create({})));
    await measure(good);
    const quiet = await measure(good);
    const bad = await Promise.all(Array.from({ length: HOSTILE }, () => create({ maxMemoryMb: 64, maxProcesses: 64, maxFsBytes: 1 << 26 })));
    const running = bad.map((vm, i) => vm.exec(hostile[i % hostile.length], { maxOutputBytes: 1 << 16 }).catch(() => {}));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const noisy = await measure(good);
    await Promise.all(bad.map((vm) => vm.dispose()));
    await Promise.all(running);
    await Promise.all(good.map((vm) => vm.dispose()));
    return { quiet, noisy, ratioOfP99: Math.round((noisy.p99 / quiet.p99) * 100) / 100, target: { ratioOfP99: 5 } };
  },
};
