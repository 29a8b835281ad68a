// Puts the addon where index.js looks for it.
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { releaseFile } from "./cargo.js";
import { addon } from "./paths.js";
import { run } from "./run.js";

/**
 * Copies the library, stripped. By renaming: a process that has the old one loaded keeps it, whereas
 * writing into a mapped library would crash that process.
 */
export function installAddon() {
  const stripped = `${addon}.new`;
  run("strip", ["-o", stripped, releaseFile("libagentos_node.so")]);
  if (existsSync(addon) && readFileSync(addon).equals(readFileSync(stripped))) rmSync(stripped);
  else renameSync(stripped, addon);
}
