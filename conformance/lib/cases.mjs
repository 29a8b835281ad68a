// The suites' cases: where they lie and how they are read. shared/suites/README.md describes the format.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** Suites of shell cases, in the order they run. */
export const SHELL_SUITES = ["toybox", "brush", "smoosh", "jq"];

/** The folder of the suites: `AGENTOS_SUITES`, or `shared/suites` beside the repository or beside a folder that holds it; else null. */
export function suitesFolder() {
  if (process.env.AGENTOS_SUITES) return process.env.AGENTOS_SUITES;
  let above = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  while (above !== dirname(above)) {
    above = dirname(above);
    const folder = join(above, "shared", "suites");
    if (existsSync(folder)) return folder;
  }
  return null;
}

/** The cases of one suite: `[{ suite, group, id, script, ... }]`, or null where the suite is absent. */
export function loadSuite(folder, suite) {
  const path = join(folder, suite);
  if (!existsSync(path)) return null;
  const files = readdirSync(path).filter((name) => /\.jsonl(\.gz)?$/.test(name)).sort();
  return files.flatMap((name) => {
    const group = name.replace(/\.jsonl(\.gz)?$/, "");
    const raw = readFileSync(join(path, name));
    const lines = (name.endsWith(".gz") ? gunzipSync(raw) : raw).toString().split("\n").filter(Boolean);
    return lines.map((line) => ({ suite, group, ...JSON.parse(line) }));
  });
}

/** Whether a case is meant by one of the filters (`brush`, `brush/here`, `brush/here/some name`); no filter means all. */
export function selected(test, filters) {
  const name = `${test.suite}/${test.id}`;
  return filters.length === 0 || filters.some((filter) => name === filter || test.suite === filter || `${test.suite}/${test.group}` === filter || name.startsWith(`${filter}/`));
}

/** A string stands for its UTF-8 bytes; `{ base64 }` for any bytes. */
export function bytes(value) {
  if (value === undefined) return Buffer.alloc(0);
  if (typeof value === "string") return Buffer.from(value);
  return value.base64 !== undefined ? Buffer.from(value.base64, "base64") : Buffer.from(value.text ?? value);
}
