// The committed snapshot: pass counts, and why each failing case fails.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../snapshot.json", import.meta.url);

/** What a case that nobody has looked at yet is given by `--update`; the runner fails on it. */
export const UNEXPLAINED = "?";

/** `{ suites: { NAME: { cases, pass, stderr, fails: { ID: reason } } } }` */
export function readSnapshot() {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return { suites: {} };
    throw error;
  }
}

/** Puts a whole run of a suite into the snapshot; reasons of cases that still fail are kept. */
export function updateSuite(snapshot, suite, counts, failed) {
  const reasons = snapshot.suites[suite]?.fails ?? {};
  const fails = Object.fromEntries(failed.sort().map((id) => [id, reasons[id] ?? UNEXPLAINED]));
  snapshot.suites[suite] = { ...counts, fails };
}

/** Writes the snapshot. */
export function writeSnapshot(snapshot) {
  writeFileSync(path, `${JSON.stringify(snapshot, null, 2)}\n`);
}

/** What a run shows against the snapshot. */
export function compare(snapshot, suite, passed, failed) {
  const known = snapshot.suites[suite]?.fails ?? {};
  return {
    regressions: failed.filter((id) => !(id in known)),
    unexplained: failed.filter((id) => known[id] === UNEXPLAINED),
    improvements: passed.filter((id) => id in known),
  };
}
