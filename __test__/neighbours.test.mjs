// VMs that do their worst leave others, and the host, alone. How fast the others stay is a benchmark: `npm run bench -- neighbours`.
import assert from "node:assert/strict";
import test from "node:test";
import { startHostile } from "./support/hostile.mjs";
import { boot } from "./support/vm.mjs";

test("five VMs work beside twenty hostile ones", async (t) => {
  const good = await Promise.all(Array.from({ length: 5 }, () => boot(t)));
  const bad = await startHostile((options) => boot(t, options), 20);
  for (let round = 0; round < 10; round++) {
    const outputs = await Promise.all(good.map((vm, n) => vm.exec(`echo ${n} > f; cat f | tr 0-9 a-j; rm f`)));
    assert.deepEqual(outputs.map(({ stdout, stderr }) => stdout + stderr), ["a\n", "b\n", "c\n", "d\n", "e\n"]);
  }
  for (const { vm } of bad) {
    const { memoryBytes, processes } = vm.stats();
    assert.ok(memoryBytes <= 96 << 20 && processes <= 32, `${memoryBytes} bytes, ${processes} processes`);
  }
  await Promise.all(bad.map(({ vm }) => vm.dispose()));
  await Promise.all(bad.map(({ ended }) => ended));
  assert.deepEqual(await Promise.all(good.map(async (vm) => (await vm.exec("echo alive")).stdout)), Array(5).fill("alive\n"));
});
