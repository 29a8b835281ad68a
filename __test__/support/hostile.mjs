// Programs that take all they can get, each with the limits that hold it.

/** What each VM may use at most; its own limits come on top. */
const LIMITS = { maxCpuPercent: 10, maxMemoryMb: 96, maxProcesses: 32, maxOutputBytes: 4096 };

export const hostile = {
  forkBomb: { line: "bomb() { bomb | bomb & }; bomb; wait" },
  shellMemoryBomb: { line: "x=0123456789; while :; do x=$x$x; done" },
  javaScriptMemoryBomb: { line: `node -e 'const all = []; for (;;) all.push(new Array(1e5).fill(1))'` },
  bufferBomb: { line: `node -e 'const all = []; for (;;) all.push(Buffer.alloc(1e6, 1))'` },
  fileFiller: { line: "while :; do cat /dev/zero > f 2>/dev/null; done", limits: { maxFsBytes: 8 << 20 } },
  pipeHoarder: { line: "while :; do sleep 1000 | sleep 1000 & done 2>/dev/null", limits: { maxPipes: 32 } },
  spinner: { line: "while :; do :; done" },
  javaScriptSpinner: { line: "node -e 'for (;;);'" },
  regexBomb: { line: `node -e '/^(a+)+$/.test("a".repeat(60) + "b")'` },
  outputFlood: { line: "yes" },
};

/** Boots `count` VMs with one of the programs each, in turn. `boot` takes the options of a VM. */
export async function startHostile(boot, count) {
  const kinds = Object.values(hostile);
  const start = async (_, n) => {
    const { line, limits } = kinds[n % kinds.length];
    const vm = await boot({ limits: { ...LIMITS, ...limits } });
    // It ends when its VM is disposed, or has hit a limit that ends it.
    const ended = vm.exec(line).then(
      () => {},
      () => {},
    );
    return { vm, ended };
  };
  return Promise.all(Array.from({ length: count }, start));
}
