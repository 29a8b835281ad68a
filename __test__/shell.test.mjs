// Shell scripts against what the real bash answers: job control, traps, plumbing, start-up files, and what scripts get wrong.
// fixtures/shell has the scripts and the recorded answers.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { groups } from "./fixtures/shell/scripts.mjs";
import { boot } from "./support/vm.mjs";

const expected = JSON.parse(readFileSync(new URL("fixtures/shell/expected.json", import.meta.url), "utf8"));

for (const [group, scripts] of Object.entries(groups)) {
  describe(`bash, ${group}`, () => {
    for (const [name, script] of Object.entries(scripts)) {
      test(name, async (t) => {
        const vm = await boot(t);
        const { stdout, exitCode, stderr } = await vm.exec(script, { timeoutMs: 60_000 });
        assert.deepEqual({ stdout, exitCode }, expected[name], stderr);
      });
    }
  });
}
