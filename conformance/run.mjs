// npm run conformance: what others wrote about shells, commands and file systems, run on the real addon.
//
//   npm run conformance -- [suite[/group[/case]] ...] [--update] [--verbose] [--jobs=4] [--timeout=10000] [--fails=FILE.jsonl]
//
// Exits 1 on a case that fails and did not, and on a failing case without a reason in snapshot.json.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { loadSuite, selected, SHELL_SUITES, suitesFolder } from "./lib/cases.mjs";
import { judge, runCase } from "./lib/machine.mjs";
import { runPjdfstest } from "./lib/pjdfstest.mjs";
import { compare, readSnapshot, updateSuite, writeSnapshot } from "./lib/snapshot.mjs";
import { installedSoftware, provides } from "./lib/software.mjs";

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: {
    update: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
    jobs: { type: "string", default: "4" },
    timeout: { type: "string", default: "10000" },
    fails: { type: "string" },
  },
});

const started = performance.now();
const snapshot = readSnapshot();
const failures = [];
let bad = 0;

/** Runs the cases, several at once: `{ passed, failed, stderr }` with ids. */
async function runCases(software, cases) {
  const outcome = { passed: [], failed: [], stderr: 0 };
  let next = 0;
  const lane = async () => {
    while (next < cases.length) {
      const test = cases[next++];
      const got = await runCase(software, test, Number(options.timeout)).catch((error) => ({ stdout: Buffer.alloc(0), stderr: Buffer.from(String(error)), code: "error" }));
      const { pass, stderr } = judge(test, got);
      (pass ? outcome.passed : outcome.failed).push(test.id);
      if (pass && stderr) outcome.stderr++;
      if (!pass) tellFailure(test, got);
    }
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, lane));
  return outcome;
}

function tellFailure(test, got) {
  const { suite, id, script, stdin, files, env, expect } = test;
  const shown = { stdout: got.stdout.toString(), stderr: got.stderr.toString(), code: got.code };
  failures.push({ suite, id, script, stdin, files, env, expect, got: shown });
  if (options.verbose) console.log(JSON.stringify({ id: `${suite}/${id}`, script, stdin, expect, got: shown }, null, 2));
}

/** Prints a suite's line and its differences from the snapshot, and counts them. */
function report(suite, whole, { passed, failed, stderr }) {
  const cases = passed.length + failed.length;
  const percent = ((100 * passed.length) / Math.max(1, cases)).toFixed(1);
  console.log(`${suite}: ${passed.length} of ${cases} pass (${percent} %)${stderr === undefined ? "" : `, standard error equal in ${stderr}`}`);
  if (options.update && whole) updateSuite(snapshot, suite, { cases, pass: passed.length, ...(stderr === undefined ? {} : { stderr }) }, failed);
  const { regressions, unexplained, improvements } = compare(snapshot, suite, passed, failed);
  for (const id of regressions) console.log(`  fails, and did not: ${suite}/${id}`);
  for (const id of unexplained) console.log(`  fails without a reason in snapshot.json: ${suite}/${id}`);
  for (const id of improvements) console.log(`  passes now: ${suite}/${id}`);
  if (improvements.length > 0 && whole) console.log("  (--update takes what passes now into the snapshot)");
  bad += regressions.length + unexplained.length;
}

async function main() {
  const folder = suitesFolder();
  if (folder === null) return console.log("skipped: no shared/suites beside the repository, and AGENTOS_SUITES is not set");
  const software = await installedSoftware();
  const whole = (suite) => filters.length === 0 || filters.includes(suite);
  for (const suite of SHELL_SUITES) {
    const all = loadSuite(folder, suite);
    if (all === null) {
      console.log(`${suite}: skipped, it is not in the suites' folder`);
      continue;
    }
    const cases = all.filter((test) => selected(test, filters));
    if (cases.length === 0) continue;
    if (suite === "jq" && !provides(software, "/usr/bin/jq")) console.log("jq: skipped, no package brings /usr/bin/jq");
    else report(suite, whole(suite), await runCases(software, cases));
  }
  if (whole("pjdfstest")) {
    const outcome = await runPjdfstest(folder);
    if (outcome === null) console.log("pjdfstest: skipped, it is not in the suites' folder");
    else report("pjdfstest", true, outcome);
  }
  if (options.update) writeSnapshot(snapshot);
  if (options.fails) writeFileSync(options.fails, failures.map((failure) => `${JSON.stringify(failure)}\n`).join(""));
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);
  if (bad > 0) process.exitCode = 1;
}

await main();
