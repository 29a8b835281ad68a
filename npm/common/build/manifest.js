// Writes manifest.json and SHA256SUMS from programs.json, which `cargo xtask userland` writes, and the files beside them. Both are committed;
// a test fails when they are stale. `--check` writes nothing and exits 1 on a difference.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { SYMLINKS } from "./symlinks.js";

const packageDir = fileURLToPath(new URL("..", import.meta.url));
const { name, version } = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8"));

const PROGRAMS = JSON.parse(readFileSync(join(packageDir, "programs.json"), "utf8"));

const sha256 = (source) => createHash("sha256").update(readFileSync(join(packageDir, source))).digest("hex");

function programs() {
  return PROGRAMS.map(({ module, command = module }) => {
    const source = `bin/${module}.wasm`;
    return { path: `/usr/bin/${command}`, source, mode: 0o755, sha256: sha256(source) };
  });
}

function links() {
  return PROGRAMS.flatMap(({ module, command = module, links = [] }) =>
    links.map((name) => ({ path: `/usr/bin/${name}`, to: `/usr/bin/${command}`, hard: true })),
  );
}

/** Directories of rootfs that go into the image whole, without a line for each file. */
const DIRECTORIES = ["/usr/share/zoneinfo"];

/** Modes are stated, not read: the repository and npm keep only one bit of them. */
function rootfsFiles() {
  return readdirSync(join(packageDir, "rootfs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(packageDir, join(entry.parentPath ?? entry.path, entry.name)).split(sep).join("/"))
    .filter((source) => !DIRECTORIES.some((directory) => source.startsWith(`rootfs${directory}/`)))
    .sort()
    .map((source) => {
      const path = source.slice("rootfs".length);
      return { path, source, mode: path.startsWith("/usr/bin/") ? 0o755 : 0o644 };
    });
}

const manifest = {
  name,
  version,
  files: [...programs(), ...rootfsFiles()],
  links: links(),
  symlinks: Object.entries(SYMLINKS).map(([path, target]) => ({ path, target })),
  directories: DIRECTORIES.map((path) => ({ path, source: `rootfs${path}` })),
  trees: [],
  agents: {},
  env: {},
  dependencies: [],
};

const outputs = {
  "manifest.json": `${JSON.stringify(manifest, null, 2)}\n`,
  SHA256SUMS: programs().map((file) => `${file.sha256}  ${file.source}\n`).join(""),
};

for (const [name, text] of Object.entries(outputs)) {
  const file = join(packageDir, name);
  if (!process.argv.includes("--check")) {
    writeFileSync(file, text);
  } else if (readFileSync(file, "utf8") !== text) {
    console.error(`${name} is stale: run node build/manifest.js`);
    process.exitCode = 1;
  }
}
