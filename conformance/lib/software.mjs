// The packages that the suites' scripts may use: all software packages of this repository that bring programs and were built.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const npm = fileURLToPath(new URL("../../npm", import.meta.url));

/** Manifests of the packages with a `bin` folder, in the order of their names. */
export async function installedSoftware() {
  const names = readdirSync(npm).filter((name) => existsSync(join(npm, name, "bin")) && existsSync(join(npm, name, "index.js")));
  return Promise.all(names.sort().map(async (name) => (await import(join(npm, name, "index.js"))).default));
}

/** Whether one of the packages brings this file. */
export function provides(software, path) {
  return software.some(({ files = [], links = [], symlinks = [] }) => [...files, ...links, ...symlinks].some((file) => file.path === path));
}
