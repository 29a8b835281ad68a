// npm test: builds if needed, then runs the tests in Rust and in JavaScript. Both run even when the first fail.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSteps } from "./lib/build-steps.js";
import { cargo } from "./lib/cargo.js";
import { root } from "./lib/paths.js";
import { stream } from "./lib/run.js";
import { main, runSteps } from "./lib/steps.js";

const total = { passed: 0, failed: 0 };

const rustTests = {
  name: "test the Rust crates",
  run: async () => {
    let output = "";
    const status = await cargo(["test", "--release", "--locked", "--workspace", "--no-fail-fast"], (text) => (output += text));
    const before = total.failed;
    for (const [, passed, failed] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed/gm)) add(passed, failed);
    if (status !== 0 && total.failed === before) total.failed++; // It did not compile, or crashed.
  },
};

const javascriptTests = {
  name: "test the JavaScript packages",
  run: async () => {
    const tap = join(root, ".cache", "node-tests.tap");
    mkdirSync(join(root, ".cache"), { recursive: true });
    const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap", `--test-reporter-destination=${tap}`];
    const status = await stream(process.execPath, ["--test", ...reporters, ...testFiles()], {
      onOutput: (text, name) => process[name].write(text),
    });
    const counts = readFileSync(tap, "utf8").matchAll(/^# (pass|fail|cancelled) (\d+)$/gm);
    const { pass = 0, fail = 0, cancelled = 0 } = Object.fromEntries([...counts].map(([, key, value]) => [key, Number(value)]));
    add(pass, fail + cancelled + (status !== 0 && fail + cancelled === 0 ? 1 : 0));
  },
};

function add(passed, failed) {
  total.passed += Number(passed);
  total.failed += Number(failed);
}

function testFiles() {
  const packages = readdirSync(join(root, "npm")).map((name) => join("npm", name, "test"));
  return ["__test__", ...packages].flatMap(filesBelow).filter((path) => path.endsWith(".test.mjs"));
}

function filesBelow(directory) {
  try {
    return readdirSync(join(root, directory), { recursive: true }).map((name) => join(directory, name)).sort();
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

await main(async () => {
  await runSteps([...buildSteps, rustTests, javascriptTests]);
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0) process.exitCode = 1;
});
