// Remembers what a step was made from, by content, so that a step whose inputs have not changed is skipped. Times of files
// are no help: a fresh checkout has new ones.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root, stampFile } from "./paths.js";

const SKIPPED = new Set(["node_modules", "dist", "dist.new", "target", ".git"]);

/**
 * A hash over files and over strings such as a compiler's version.
 * @param {string[]} paths files and directories below the root; one that is missing counts as such
 * @param {string[]} [texts]
 */
export function fingerprint(paths, texts = []) {
  const hash = createHash("sha256");
  for (const path of paths) addPath(hash, path);
  for (const text of texts) hash.update(`text ${text}\0`);
  return hash.digest("hex");
}

function addPath(hash, path) {
  const absolute = join(root, path);
  const stats = statSync(absolute, { throwIfNoEntry: false });
  if (stats === undefined) {
    hash.update(`missing ${path}\0`);
  } else if (stats.isDirectory()) {
    for (const name of readdirSync(absolute).sort()) if (!SKIPPED.has(name)) addPath(hash, `${path}/${name}`);
  } else {
    hash.update(`file ${path}\0${stats.size}\0`).update(readFileSync(absolute));
  }
}

/** Whether the step was made from these inputs and its outputs are still there. */
export function isFresh(step, inputs, outputs) {
  return readStamps()[step] === inputs && outputs.every((path) => existsSync(path));
}

export function setFresh(step, inputs) {
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(`${stampFile}.new`, JSON.stringify({ ...readStamps(), [step]: inputs }, null, 2));
  renameSync(`${stampFile}.new`, stampFile);
}

function readStamps() {
  try {
    return JSON.parse(readFileSync(stampFile, "utf8"));
  } catch {
    return {}; // None yet, or cut off: every step is made again.
  }
}
